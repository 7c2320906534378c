//! From the checked settings to each part's own: the one place that knows both.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use hotline_acd::AcdConfig;
use hotline_config::Settings;
use hotline_media::{ClipId, SrtpPolicy};
use hotline_sip::admission::bans::BanConfig;
use hotline_sip::admission::{AdmissionConfig, Rate, TrunkCalls};
use hotline_sip::{Credentials, EndpointConfig, Listener, ListenerId, Role, Trunk};
use hotline_switch::{Number, SrtpRules, SwitchConfig};
use hotline_types::{AgentSlug, FlowSlug, Intent};
use ivr_flows::{Flow, PromptRef};

use crate::listeners;
use crate::trunks;

pub mod rules;

/// Shortest time between retransmissions (RFC 3261 §17.1.1.1).
const T1: std::time::Duration = std::time::Duration::from_millis(500);

/// Id of the listener at this place in the configuration.
#[must_use]
pub fn listener_id(index: usize) -> ListenerId {
    ListenerId(u16::try_from(index).unwrap_or(u16::MAX))
}

/// The SIP endpoint's settings; `bound` holds each listener's address after binding.
#[must_use]
pub fn endpoint(settings: &Settings, bound: &[SocketAddr], credentials: Vec<Credentials>) -> EndpointConfig {
    let listeners = settings
        .sip
        .listeners
        .iter()
        .zip(bound)
        .enumerate()
        .map(|(index, (listener, bound))| Listener {
            id: listener_id(index),
            role: role(listener.role),
            bind: *bound,
            advertised: listener.advertised.unwrap_or(*bound),
            shown: listeners::shown(settings, index, *bound),
            media_group: listeners::media_group(settings, index),
        });
    let trunks = settings.trunks.iter().map(|trunk| Trunk {
        slug: trunk.slug.clone(),
        listener: listener_id(trunk.listener),
        peers: trunk.peers.clone(),
        rules: trunks::rules(&trunk.rules),
    });
    EndpointConfig {
        realm: settings.sip.realm.clone(),
        product: format!("Hotline/{}", env!("CARGO_PKG_VERSION")),
        listeners: listeners.collect(),
        trunks: trunks.collect(),
        credentials,
        expires_min: settings.sip.expires_min,
        expires_max: settings.sip.expires_max,
        t1: T1,
        transactions_max: settings.limits.transactions,
        legs_max: settings.limits.legs,
        unacked_max: usize::try_from(settings.guard.unacknowledged).unwrap_or(usize::MAX),
    }
}

/// The admission of the listener at this place.
#[must_use]
pub fn admission(settings: &Settings, at: usize) -> AdmissionConfig {
    let rate = |rate: hotline_config::Rate| Rate {
        per_second: rate.per_second,
        burst: rate.burst,
    };
    let trunks: Vec<TrunkCalls> = settings
        .trunks
        .iter()
        .filter(|trunk| trunk.listener == at)
        .map(|trunk| TrunkCalls {
            peers: trunk.sources().collect(),
            // The bursts that the switch allows, which counts the calls of both ways.
            calls: Rate {
                per_second: trunk.rules.calls_per_second,
                burst: trunk.rules.calls_per_second * 2,
            },
        })
        .collect();
    let role = settings
        .sip
        .listeners
        .get(at)
        .map_or(Role::Phones, |listener| role(listener.role));
    let peers = trunks.iter().flat_map(|trunk| trunk.peers.clone()).collect();
    AdmissionConfig {
        source_requests: rate(settings.guard.source),
        all_requests: rate(settings.guard.all),
        trunks,
        retry_after_s: u32::try_from(settings.limits.retry_after.as_secs()).unwrap_or(u32::MAX),
        ..AdmissionConfig::new(role, peers)
    }
}

/// The rules of the ban list; trunks are never on it.
#[must_use]
pub fn bans(settings: &Settings) -> BanConfig {
    let guard = &settings.guard;
    let trunks = settings.trunks.iter().flat_map(hotline_config::Trunk::sources);
    let mut never = guard.never.clone();
    never.extend(trunks.map(|peer| (peer.ip(), if peer.is_ipv4() { 32 } else { 128 })));
    BanConfig {
        user_failures: guard.user_failures,
        source_failures: guard.source_failures,
        window: guard.window,
        user_time: guard.user_ban,
        source_time: guard.source_ban,
        never,
        // A phone registers again well within the expiry that it was granted.
        vouched_for: settings.sip.expires_max.saturating_mul(2),
        ..BanConfig::default()
    }
}

/// A listener's role in the endpoint's words.
#[must_use]
pub const fn role(role: hotline_config::Role) -> Role {
    match role {
        hotline_config::Role::Phones => Role::Phones,
        hotline_config::Role::Trunk => Role::Trunk,
    }
}

/// The queue engine's settings; intents and the weekly roster come from the store.
///
/// # Errors
/// An expression over skills that cannot be read, with its queue.
pub fn acd(
    settings: &Settings,
    intents: &BTreeMap<AgentSlug, Intent>,
    roster: Vec<hotline_acd::RosterEntry>,
) -> anyhow::Result<AcdConfig> {
    let mut queues = Vec::new();
    for queue in &settings.queues {
        queues.push(hotline_acd::Queue {
            slug: queue.slug.clone(),
            agents: settings.agents_of(queue),
            capacity: queue.capacity,
            wait_max: queue.wait_max,
            ring: queue.ring,
            ring_min: queue.ring_min,
            wrap_up: queue.wrap_up,
            rules: rules::queue(queue)?,
        });
    }
    let agents = settings.seed.agents.iter().map(|agent| hotline_acd::Agent {
        slug: agent.slug.clone(),
        intent: intents.get(&agent.slug).cloned().unwrap_or(Intent::LoggedOut),
        team: agent.team.clone(),
        skills: rules::skills(agent),
    });
    Ok(AcdConfig {
        queues,
        agents: agents.collect(),
        bands: settings.bands.iter().map(rules::band).collect(),
        roster: rules::roster(settings, roster),
        time_zone: settings.hotline.time_zone.clone(),
        business_day_start_min: settings.hotline.business_day_start_min,
        login: match settings.routing.login {
            hotline_config::Login::Register => hotline_acd::Login::Register,
            hotline_config::Login::Explicit => hotline_acd::Login::Explicit,
        },
        cool_off: settings.routing.cool_off,
        misses_max: settings.routing.misses_max,
        holidays: rules::holidays(settings),
        pauses: rules::pauses(settings),
    })
}

fn srtp(settings: &Settings) -> SrtpRules {
    let policy = |srtp: hotline_config::Srtp| match srtp {
        hotline_config::Srtp::Off => SrtpPolicy::Off,
        hotline_config::Srtp::Optional => SrtpPolicy::Optional,
        hotline_config::Srtp::Mandatory => SrtpPolicy::Mandatory,
    };
    SrtpRules {
        phones: policy(settings.media.srtp),
        agents: settings
            .phones
            .iter()
            .map(|phone| (phone.agent.clone(), policy(phone.srtp)))
            .collect(),
        trunks: settings
            .trunks
            .iter()
            .map(|trunk| (trunk.slug.clone(), policy(trunk.srtp)))
            .collect(),
    }
}

/// What agents dial to set their intent.
fn codes(routing: &hotline_config::Routing) -> BTreeMap<String, Intent> {
    let paused = Intent::Paused {
        reason: "phone".to_owned(),
    };
    [
        (&routing.code_ready, Intent::Ready),
        (&routing.code_pause, paused),
        (&routing.code_log_out, Intent::LoggedOut),
    ]
    .into_iter()
    .filter(|(code, _)| !code.is_empty())
    .map(|(code, intent)| (code.clone(), intent))
    .collect()
}

/// Blocklist and VIPs by number.
fn callers(settings: &Settings) -> BTreeMap<String, ivr_flows::CallerFacts> {
    let mut callers: BTreeMap<String, ivr_flows::CallerFacts> = BTreeMap::new();
    for number in &settings.flows.blocked {
        callers.entry(number.reveal().clone()).or_default().blocked = true;
    }
    for number in &settings.flows.vip {
        callers.entry(number.reveal().clone()).or_default().vip = true;
    }
    callers
}

/// The switch's settings.
#[must_use]
pub fn switch(
    settings: &Settings,
    flows: BTreeMap<FlowSlug, Arc<Flow>>,
    clips: BTreeMap<PromptRef, ClipId>,
    (hold_music, tone): (ClipId, ClipId),
) -> SwitchConfig {
    let faces = (0..settings.sip.listeners.len())
        .map(|index| (listener_id(index), listeners::media(settings, index)));
    let phones = settings
        .sip
        .listeners
        .iter()
        .position(|listener| listener.role == hotline_config::Role::Phones)
        .unwrap_or(0);
    let numbers = settings.numbers.iter().map(|number| Number {
        slug: number.slug.clone(),
        dialled: number.dialled.clone(),
        flow: number.flow.clone(),
        language: number.language.clone(),
        survey: number.survey,
    });
    SwitchConfig {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        numbers: numbers.collect(),
        flows,
        clips,
        hold_music,
        codes: codes(&settings.routing),
        emergency_codes: hotline_switch::EmergencyCodes {
            on: settings.routing.code_emergency_on.clone(),
            off: settings.routing.code_emergency_off.clone(),
            agents: settings.routing.emergency_agents.iter().cloned().collect(),
        },
        tone,
        media: faces.collect(),
        phones: listener_id(phones),
        srtp: srtp(settings),
        lines_max: settings.hotline.lines,
        pop_hold: settings.routing.pop_hold,
        recording: rules::recording(settings),
        media_silence: settings.media.silence,
        probe_wait: settings.media.probe_wait,
        memory: hotline_switch::Memory {
            places: settings.routing.places_kept,
            agents: settings.routing.last_agent_kept,
        },
        retry_after_s: u32::try_from(settings.limits.retry_after.as_secs()).unwrap_or(u32::MAX),
        trunks: trunks::lines(settings),
        dialplan: trunks::dialplan(settings),
        callers: callers(settings),
        emergencies: std::collections::BTreeSet::new(),
        time_zone: jiff::tz::TimeZone::get(&settings.hotline.time_zone).unwrap_or(jiff::tz::TimeZone::UTC),
    }
}
