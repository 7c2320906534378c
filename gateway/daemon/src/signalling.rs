//! The signalling's own books, outside the driver: who is banned.

use std::net::IpAddr;

use hotline_io::clock::Clock;
use hotline_io::sip::SharedBans;
use hotline_sip::admission::bans::{Ban, Proof};
use hotline_supervisor::BanRow;
use hotline_types::Time;

/// The ban list, as driver and console use it.
#[derive(Debug)]
pub struct Signalling {
    bans: SharedBans,
    clock: Clock,
}

impl Signalling {
    /// Books with this ban list.
    #[must_use]
    pub const fn new(bans: SharedBans, clock: Clock) -> Self {
        Self { bans, clock }
    }

    /// The ban list.
    #[must_use]
    pub fn bans(&self) -> SharedBans {
        self.bans.clone()
    }

    /// Bans made since the start.
    #[must_use]
    pub fn bans_made(&self) -> u64 {
        self.bans.lock().made()
    }

    /// Takes note of an answer to a challenge.
    pub fn note(&self, now: Time, proof: Proof) {
        for ban in self.bans.lock().note(now, proof) {
            // The address is what an operator needs to act on; the name is that of an agent, or a guess.
            tracing::warn!(
                source = %ban.source,
                user = ban.user.as_deref(),
                failures = ban.failures,
                for_s = ban.until.since(now).as_secs(),
                "Banned for wrong passwords; `hotline ban lift` ends it"
            );
        }
    }

    fn row(&self, ban: Ban) -> BanRow {
        let now = self.clock.now();
        let left = i64::try_from(ban.until.since(now.mono).as_millis()).unwrap_or(i64::MAX);
        BanRow {
            source: ban.source.to_string(),
            user: ban.user,
            failures: ban.failures,
            until_ms: now.wall.as_millis().saturating_add(left),
        }
    }
}

impl hotline_supervisor::Signalling for Signalling {
    fn bans(&self) -> Vec<BanRow> {
        let list = self.bans.lock().list(self.clock.mono());
        list.into_iter().map(|ban| self.row(ban)).collect()
    }

    fn lift(&self, source: IpAddr, user: Option<&str>) -> usize {
        self.bans.lock().lift(self.clock.mono(), source, user)
    }
}
