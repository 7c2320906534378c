//! The demo's stage: the loaded configuration made harmless and quick, a data folder of its own, and agents whose
//! passwords the demo knows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use hotline_config::{Agent, Band, ListenerKind, Login, Role, RosterEntry, Settings};
use hotline_store::{RosterRow, Store, StoreConfig};
use hotline_types::{AgentSlug, Pii, Rng};

use crate::people;
use crate::place::Place;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// The band that is on at any hour.
const BAND: &str = "demo";
/// Minutes of a day.
const DAY_MIN: u16 = 24 * 60;
/// How long an agent's phone rings, so that a missed call is soon seen.
const RING: Duration = Duration::from_secs(8);
/// After-call work.
const WRAP_UP: Duration = Duration::from_secs(2);
/// Rest after a missed call.
const COOL_OFF: Duration = Duration::from_secs(3);
/// Longest wait in a queue.
const WAIT_MAX: Duration = Duration::from_secs(90);
/// How long the last calls may go on.
const DRAIN: Duration = Duration::from_secs(3);
/// RTP ports lie from here to below the usual range of the shipped configuration.
const RTP_FROM: u16 = 10_000;
/// RTP ports there are at most.
const RTP_PORTS: u16 = 9_998;
/// RTP ports per line: two legs with two each, twice, since ports rest after use.
const RTP_PORTS_PER_LINE: usize = 8;

/// An agent's user name and password.
pub(crate) type Account = (AgentSlug, Pii<String>);

/// Makes the settings the demo's own: free ports on loopback only, everybody on duty, short times.
pub(crate) fn set(settings: &mut Settings, data: PathBuf, rng: &mut Rng) -> anyhow::Result<()> {
    for listener in &mut settings.sip.listeners {
        listener.bind = SocketAddr::new(LOOPBACK, 0);
        listener.advertised = None;
        listener.media_interface = LOOPBACK;
        listener.media_advertised = LOOPBACK;
        listener.kind = ListenerKind::Plain { udp: true, tcp: true };
        listener.local_networks.clear();
    }
    settings.trunks.truncate(1);
    let trunk = settings
        .trunks
        .first_mut()
        .context("the configuration has no trunk for the demo's callers")?;
    trunk.peers = vec![SocketAddr::new(LOOPBACK, 0)];
    trunk.face = None;
    let free = u64::from(RTP_PORTS);
    let wanted = u64::try_from(settings.hotline.lines * RTP_PORTS_PER_LINE)
        .unwrap_or(free)
        .min(free);
    let skipped = u16::try_from(rng.below(free - wanted + 1) / 2 * 2).unwrap_or(0);
    let first = RTP_FROM + skipped;
    settings.media.rtp_ports = first..=first + u16::try_from(wanted).unwrap_or(RTP_PORTS) - 1;
    settings.console.bind = SocketAddr::new(LOOPBACK, 0);
    settings.console.trusted_proxies.clear();
    settings.recording.enabled = true;
    settings.recording.dir = data.join("recordings");
    settings.data.dir = data;
    settings.routing.login = Login::Register;
    settings.routing.cool_off = COOL_OFF;
    settings.routing.misses_max = u32::MAX;
    for queue in &mut settings.queues {
        queue.ring = RING;
        queue.ring_min = queue.ring_min.min(RING);
        queue.wrap_up = WRAP_UP;
        queue.wait_max = WAIT_MAX;
    }
    settings.limits.drain = DRAIN;
    on_duty(settings)
}

/// One more band that is always on, with everybody on it.
fn on_duty(settings: &mut Settings) -> anyhow::Result<()> {
    let band: hotline_types::BandSlug = BAND.parse().context("the demo's band has a bad name")?;
    settings.bands.retain(|other| other.slug != band);
    settings.bands.push(Band {
        slug: band.clone(),
        label: "Demo, all hours".to_owned(),
        from_min: 0,
        until_min: DAY_MIN,
        days: [true; 7],
        seats: Vec::new(),
    });
    let everybody = settings.seed.agents.iter().map(|agent| RosterEntry {
        band: band.clone(),
        agent: agent.slug.clone(),
        days: [true; 7],
        dates: Vec::new(),
    });
    settings.seed.roster = everybody.collect();
    Ok(())
}

/// The agents at work: those that serve a queue, at most so many.
pub(crate) fn crew(settings: &Settings, at_most: usize) -> Vec<Agent> {
    let served: Vec<AgentSlug> = settings
        .queues
        .iter()
        .flat_map(|queue| settings.agents_of(queue))
        .collect();
    settings
        .seed
        .agents
        .iter()
        .filter(|agent| served.contains(&agent.slug))
        .take(at_most)
        .cloned()
        .collect()
}

/// The address of the listener with this role.
pub(crate) fn listener(settings: &Settings, role: Role) -> anyhow::Result<&str> {
    let found = match role {
        Role::Phones => settings
            .sip
            .listeners
            .iter()
            .find(|listener| listener.role == role),
        Role::Trunk => settings
            .trunks
            .first()
            .and_then(|trunk| settings.sip.listeners.get(trunk.listener)),
    };
    Ok(found
        .context("the configuration lacks a listener that the demo needs")?
        .slug
        .as_str())
}

/// The folder named, or a fresh one among the temporary files, readable for this user only.
pub(crate) fn folder(named: Option<&Path>, now_s: i64) -> anyhow::Result<PathBuf> {
    if let Some(dir) = named {
        return Ok(std::path::absolute(dir)?);
    }
    let dir = std::env::temp_dir().join(format!("hotline-demo-{now_s}-{}", std::process::id()));
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .with_context(|| {
            format!(
                "cannot make a folder for the demo: {}\nhint: name one with --data DIR",
                dir.display()
            )
        })?;
    Ok(dir)
}

/// Fills the store, and gives the agents at work passwords that only this run knows.
///
/// # Errors
/// Where the folder holds the records of a real hotline, is in use, or cannot be written.
pub(crate) async fn furnish(
    settings: &Settings,
    crew: &[Agent],
    rng: &mut Rng,
) -> anyhow::Result<Vec<Account>> {
    let place = Place::take(&settings.data.dir)?;
    let durability = hotline_store::Durability::Normal;
    let store = Store::open(StoreConfig {
        data_dir: settings.data.dir.clone(),
        durability,
    })
    .await?;
    let people = store.people();
    if people.setting("realm").await?.is_some() && !people::is_demo(&people).await? {
        bail!(
            "{} holds the records of a hotline, among which the demo's calls must not be counted\nhint: leave --data away, or name an empty folder",
            settings.data.dir.display()
        );
    }
    people.set_setting(people::DEMO, "made by the demo").await?;
    // Phones' passwords are new at each start: the hand-out names the console's users only.
    let mut users = settings.clone();
    users.seed.agents.clear();
    users.seed.roster.clear();
    people::seed(&people, &users, &place, rng).await?;
    people.set_setting("realm", &settings.sip.realm).await?;
    let accounts = people::new_passwords(&people, settings, &settings.seed.agents, rng).await?;
    let roster: Vec<RosterRow> = settings
        .seed
        .roster
        .iter()
        .map(|entry| RosterRow {
            band: entry.band.clone(),
            agent: entry.agent.clone(),
            days: entry.days,
        })
        .collect();
    people.set_roster(&roster).await?;
    Ok(accounts
        .into_iter()
        .filter(|(slug, _)| crew.iter().any(|agent| agent.slug == *slug))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Settings {
        hotline_config::read_text(
            "shipped",
            hotline_config::DEFAULT,
            &std::collections::BTreeMap::new(),
        )
        .expect("the shipped configuration is valid")
    }

    #[test]
    fn the_stage_is_loopback_only_with_everybody_on_duty_at_any_hour() {
        let mut settings = shipped();
        settings.console.bind = "0.0.0.0:8080".parse().unwrap();
        for seed in 0..50 {
            set(&mut settings, PathBuf::from("/demo"), &mut Rng::from_seed(seed)).unwrap();
            let binds = settings.sip.listeners.iter().map(|listener| listener.bind);
            for bind in binds.chain([settings.console.bind]) {
                assert_eq!((bind.ip(), bind.port()), (LOOPBACK, 0));
            }
            let ports = &settings.media.rtp_ports;
            assert!(
                *ports.start() >= RTP_FROM && ports.start().is_multiple_of(2),
                "{ports:?}"
            );
            assert!(
                ports.len() >= settings.hotline.lines * 4 && *ports.end() < 20_000,
                "{ports:?}"
            );
        }
        assert_eq!(
            settings
                .bands
                .iter()
                .filter(|band| band.slug.as_str() == BAND)
                .count(),
            1
        );
        assert_eq!(settings.seed.roster.len(), settings.seed.agents.len());
        assert_eq!(settings.recording.dir, PathBuf::from("/demo/recordings"));
    }

    #[test]
    fn a_fresh_folder_is_made_for_this_user_only_and_a_named_one_is_taken() {
        use std::os::unix::fs::PermissionsExt as _;
        let fresh = folder(None, 1).unwrap();
        let mode = std::fs::metadata(&fresh).unwrap().permissions().mode();
        std::fs::remove_dir(&fresh).unwrap();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(
            folder(Some(Path::new("/somewhere")), 1).unwrap(),
            PathBuf::from("/somewhere")
        );
    }

    #[test]
    fn the_crew_serves_queues_and_is_no_larger_than_asked() {
        let settings = shipped();
        assert_eq!(crew(&settings, 3).len(), 3);
        assert_eq!(crew(&settings, 200).len(), settings.seed.agents.len());
    }
}
