//! What a run of the simulator does to the call centre. Each seed switches some faults off entirely.

use std::time::Duration;

use hotline_types::{Rng, WallTime};

/// One run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything follows from it.
    pub seed: u64,
    /// Wall time of the start.
    pub start: WallTime,
    /// Calls that arrive.
    pub calls: u32,
    /// Mean time between two arrivals.
    pub between: Duration,
    /// Agents whose phones register.
    pub agents: usize,
    /// Messages lost, of 1,000.
    pub loss: u64,
    /// Messages that arrive twice, of 1,000.
    pub duplicate: u64,
    /// Longest network delay, milliseconds.
    pub delay_ms: u64,
    /// Callers who hang up at any moment, of 100.
    pub impatient: u64,
    /// Agents who do not answer well (miss, reject, busy), of 100 offers.
    pub unwilling: u64,
    /// Talks in which the agent holds the call, of 100.
    pub holds: u64,
    /// Talks whose media dies, of 100.
    pub dead_media: u64,
    /// Ports that cannot be had, of 1,000.
    pub no_ports: u64,
    /// Times the agents' network is gone.
    pub dark: u32,
    /// Commits that take long, of 1,000.
    pub slow_commits: u64,
    /// Screen-pops that come late, of 100.
    pub late_pops: u64,
    /// Times the process is killed.
    pub kills: u32,
    /// Lines of the hotline.
    pub lines: usize,
    /// Whether a shutdown is asked for before the last callers have gone.
    pub drain: bool,
    /// Callers who dial a number that is not ours, of 100.
    pub misdialled: u64,
    /// Commands (pause, ready, release) during the run.
    pub commands: u32,
    /// Times the machine of a call panics.
    pub panics: u32,
}

impl Options {
    /// A run with faults, some of them switched off by the seed.
    pub fn swarm(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed ^ 0x5157_4d5e_ed00);
        let mut some = |most: u64| if rng.below(2) == 0 { 0 } else { rng.below(most + 1) };
        let (loss, duplicate, impatient) = (some(120), some(60), some(60));
        let (unwilling, holds, dead_media) = (some(60), some(40), some(20));
        let (no_ports, slow_commits, late_pops) = (some(50), some(30), some(50));
        let (dark, kills, commands) = (some(2) as u32, some(2) as u32, some(20) as u32);
        let lines = if some(1) == 1 { 8 } else { 90 };
        let drain = some(1) == 1;
        Self {
            seed,
            // 2026-11-24 00:00 UTC is 08:00 in Shanghai; any hour of the day and its band changes.
            start: WallTime::from_millis(1_795_478_400_000 + rng.below(24 * 3_600_000) as i64),
            calls: 30 + rng.below(70) as u32,
            between: Duration::from_millis(500 + rng.below(8_000)),
            agents: 2 + rng.below(11) as usize,
            loss,
            duplicate,
            delay_ms: 1 + rng.below(80),
            impatient,
            unwilling,
            holds,
            dead_media,
            no_ports,
            dark,
            slow_commits,
            late_pops,
            kills,
            lines,
            drain,
            misdialled: 5,
            commands,
            panics: rng.below(3) as u32,
        }
    }

    /// A run in which nothing goes wrong and there are agents enough.
    pub fn quiet(seed: u64) -> Self {
        Self {
            seed,
            start: WallTime::from_millis(1_795_485_600_000),
            calls: 40,
            between: Duration::from_secs(8),
            agents: 12,
            loss: 0,
            duplicate: 0,
            delay_ms: 5,
            impatient: 0,
            unwilling: 0,
            holds: 20,
            dead_media: 0,
            no_ports: 0,
            dark: 0,
            slow_commits: 0,
            late_pops: 0,
            kills: 0,
            lines: 90,
            drain: false,
            misdialled: 0,
            commands: 0,
            panics: 0,
        }
    }
}
