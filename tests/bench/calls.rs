//! What whole calls cost: the real program in release, as a process of its own, under callers and agents who speak real
//! SIP and RTP from this one. CPU per complete call with and without its audio, CPU and memory of 100 recorded calls beside
//! the loopback floor of the same run, key to agent, free agent to next call, and the start on a large journal.
//!
//! `HOTLINE_BENCH_ONLY` names one of `call`, `hold`, `queue` and `start`, `HOTLINE_BENCH_CONTACTS` the size of the journal,
//! `HOTLINE_BENCH_PROGRAM` another build of the program.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark tells its figures, and ends where something is wrong"
)]

mod figures;
mod floor;
mod gateway;
mod journal;
mod load;

use std::time::Duration;

use figures::{Bar, Table, percentile};
use gateway::{Config, Gateway};
use load::{Load, Script};

/// Calls a second of the fixed script.
const RATE: u32 = 20;
/// IVR audio that a caller hears before the key.
const IVR: Duration = Duration::from_secs(2);
/// Talk.
const TALK: Duration = Duration::from_secs(1);
/// Until calls come and go steadily.
const WARM_UP: Duration = Duration::from_secs(6);
/// The measured stretch of the fixed script.
const MEASURED: Duration = Duration::from_secs(30);
/// Calls held at once.
const HELD: usize = 100;
/// The measured stretch of the held calls.
const HELD_FOR: Duration = Duration::from_secs(20);
/// Agents who cannot keep up.
const FEW_AGENTS: usize = 5;
/// RTP packets a second of one call: both sides send 50.
const PACKETS_PER_CALL_S: f64 = 100.0;

fn main() {
    let only = std::env::var("HOTLINE_BENCH_ONLY").unwrap_or_default();
    let wanted = |name: &str| only.is_empty() || only == name;
    // One thread for the load, so that the gateway is disturbed as little as possible.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut table = Table::new("calls");
    if wanted("call") {
        runtime.block_on(complete_calls(&mut table, true));
        runtime.block_on(complete_calls(&mut table, false));
    }
    if wanted("hold") {
        runtime.block_on(held_calls(&mut table, true));
        runtime.block_on(held_calls(&mut table, false));
    }
    if wanted("queue") {
        runtime.block_on(saturated_queue(&mut table));
    }
    if wanted("start") {
        runtime.block_on(start_on_a_large_journal(&mut table));
    }
    table.print();
}

/// The fixed script; without its audio the key is pressed at once and neither side sends anything else.
async fn complete_calls(table: &mut Table, audio: bool) {
    let gateway = Gateway::start(&Config {
        agents: 60,
        record: audio,
    });
    let mut load = Load::new(&gateway, 60).await;
    let script = Script {
        rate: RATE,
        ivr: if audio { IVR } else { Duration::ZERO },
        talk: Some(TALK),
        tones: audio,
        at_once: usize::MAX,
    };
    load.play(&script, WARM_UP).await;
    let before = (gateway.cpu_s(), load.tally.completed);
    load.tally.key_to_invite_ms.clear();
    load.play(&script, MEASURED).await;
    let cpu_ms = (gateway.cpu_s() - before.0) * 1e3;
    let calls = load.tally.completed - before.1;
    let keys = std::mem::take(&mut load.tally.key_to_invite_ms);
    load.finish().await;
    gateway.stop();
    let told = format!(
        "{RATE} calls/s for {} s, {calls} calls, {} failed",
        MEASURED.as_secs(),
        load.tally.failed
    );
    #[expect(clippy::cast_precision_loss, reason = "some hundred calls")]
    let cost = cpu_ms / calls as f64;
    if audio {
        let what = format!(
            "{told}; one RFC 4733 key after 2.0 s of IVR audio, no wait, 1.0 s of talk recorded, tones both ways"
        );
        table.add("cpu_per_call_with_audio", cost, "ms", None, &what);
        table.add(
            "key_to_agent_invite_p50",
            percentile(&keys, 0.5),
            "ms",
            None,
            &what,
        );
        table.add(
            "key_to_agent_invite_p99",
            percentile(&keys, 0.99),
            "ms",
            Some(Bar::AtMost(30.0)),
            &what,
        );
    } else {
        let what = format!(
            "{told}; the same signalling, flow, queue and journal; the key's packets are all the RTP the peers send, the prompt ends at the key, nothing is recorded"
        );
        table.add(
            "cpu_per_call_without_audio",
            cost,
            "ms",
            Some(Bar::AtMost(2.5)),
            &what,
        );
    }
}

/// Many calls held; without recording it shows what a call keeps in memory beyond its recording.
async fn held_calls(table: &mut Table, record: bool) {
    let gateway = Gateway::start(&Config {
        agents: HELD + 10,
        record,
    });
    let mut load = Load::new(&gateway, HELD + 10).await;
    let script = |at_once| Script {
        rate: RATE,
        ivr: Duration::ZERO,
        talk: None,
        tones: true,
        at_once,
    };
    // The first calls pay for what all share.
    load.play(&script(10), Duration::from_secs(2)).await;
    let idle = gateway.rss_kb();
    load.play(&script(10 + HELD), Duration::from_secs(9)).await;
    assert_eq!(
        load.talking(),
        10 + HELD,
        "all calls talk; {} failed",
        load.tally.failed
    );
    let cpu = gateway.cpu_s();
    let begin = std::time::Instant::now();
    load.play(&script(10 + HELD), HELD_FOR).await;
    let share = (gateway.cpu_s() - cpu) / begin.elapsed().as_secs_f64() * 100.0;
    let held_rss = gateway.rss_kb();
    assert_eq!(load.talking(), 10 + HELD, "all calls talk still");
    load.finish().await;
    gateway.stop();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let (each_kb, calls) = ((held_rss - idle) as f64 / HELD as f64, (10 + HELD) as f64);
    let share = share * HELD as f64 / calls;
    let told = format!(
        "{} G.711 calls held for {} s, 50 packets/s each way",
        10 + HELD,
        HELD_FOR.as_secs()
    );
    if record {
        table.add(
            "cpu_of_100_recorded_calls",
            share,
            "%",
            Some(Bar::AtMost(12.0)),
            &told,
        );
        table.add(
            "memory_per_recorded_call",
            each_kb,
            "kB",
            None,
            &format!("{told}; recording buffers included"),
        );
        tell_floor(table);
    } else {
        table.add("cpu_of_100_unrecorded_calls", share, "%", None, &told);
        let told = format!("{told}; not recorded");
        table.add("memory_per_call", each_kb, "kB", Some(Bar::AtMost(100.0)), &told);
    }
}

/// What the machine itself takes for the packets of these calls.
fn tell_floor(table: &mut Table) {
    let floor_us = floor::us_per_packet();
    #[expect(clippy::cast_precision_loss, reason = "a hundred")]
    let packets = HELD as f64 * PACKETS_PER_CALL_S;
    let told = "one thread, blocking sockets, 172 bytes, send and receive of each packet over loopback";
    table.add("loopback_floor", floor_us, "us", None, told);
    let share = floor_us * packets / 1e6 * 100.0;
    let told = format!("{told}; {packets} packets/s, as 100 calls need");
    table.add("loopback_floor_of_100_calls", share, "%", None, &told);
}

/// More callers than agents: how long a free agent waits for the next call.
async fn saturated_queue(table: &mut Table) {
    let gateway = Gateway::start(&Config {
        agents: FEW_AGENTS,
        record: true,
    });
    let mut load = Load::new(&gateway, FEW_AGENTS).await;
    let script = Script {
        rate: RATE,
        ivr: Duration::ZERO,
        talk: Some(Duration::from_millis(500)),
        tones: true,
        at_once: 40,
    };
    load.play(&script, WARM_UP).await;
    load.tally.free_to_invite_ms.clear();
    load.play(&script, MEASURED).await;
    let waits = std::mem::take(&mut load.tally.free_to_invite_ms);
    load.finish().await;
    gateway.stop();
    let told = format!(
        "BYE of the agent to the next INVITE at the same agent, {} times; {FEW_AGENTS} agents, 35 callers waiting, no wrap-up",
        waits.len()
    );
    table.add(
        "agent_free_to_next_invite_p50",
        percentile(&waits, 0.5),
        "ms",
        None,
        &told,
    );
    table.add(
        "agent_free_to_next_invite_p99",
        percentile(&waits, 0.99),
        "ms",
        Some(Bar::AtMost(20.0)),
        &told,
    );
}

async fn start_on_a_large_journal(table: &mut Table) {
    let contacts = std::env::var("HOTLINE_BENCH_CONTACTS")
        .ok()
        .and_then(|text| text.parse().ok());
    let contacts = contacts.unwrap_or(100_000);
    let config = Config {
        agents: 12,
        record: true,
    };
    let folder = gateway::Folder::new(&config);
    let events = journal::fill(&folder.data(), contacts).await;
    // Once to make people and secrets, which later starts find.
    Gateway::start_in(folder.clone()).stop();
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            let begin = std::time::Instant::now();
            let gateway = Gateway::start_in(folder.clone());
            let took = begin.elapsed().as_secs_f64() * 1e3;
            gateway.stop();
            took
        })
        .collect();
    folder.remove();
    times.sort_by(f64::total_cmp);
    let told = format!("exec to /readyz, median of 5, files cached; {contacts} contacts in {events} events");
    table.add(
        "start_to_ready",
        times[2],
        "ms",
        Some(Bar::AtMost(1_000.0)),
        &told,
    );
}
