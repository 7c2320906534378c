//! How the simulated call centre is built: the real cores with the shipped flows.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use hotline_acd::{
    Acd, AcdConfig, Agent, Band, Login, Overflow, Policy, Queue, QueueRules, RosterEntry, SkillStep, Tier,
    When,
};
use hotline_journal::{Event, Seq};
use hotline_media::ClipId;
use hotline_sip::{
    Credentials, Endpoint, EndpointConfig, Listener, ListenerId, Phone, PhoneConfig, Role, Trunk,
};
use hotline_switch::{MediaFace, Number, RecordingRules, SrtpRules, Switch, SwitchConfig};
use hotline_types::{AgentSlug, Intent, Now, Pii, Rng, Time};
use ivr_flows::PromptRef;

use super::super::media::interface;
use super::super::options::Options;
use super::Far;

const fn address(ip: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]), port))
}

pub const PHONES_LISTENER: SocketAddr = address([192, 0, 2, 1], 5060);
pub const TRUNK_LISTENER: SocketAddr = address([192, 0, 2, 1], 5080);
pub const CARRIER: SocketAddr = address([198, 51, 100, 1], 5060);
pub const PHONES: SocketAddr = address([203, 0, 113, 1], 5060);
pub const PHONES_ID: ListenerId = ListenerId(0);
pub const TRUNK_ID: ListenerId = ListenerId(1);
pub const PASSWORD: &str = "simulated";
const REALM: &str = "sim";
/// What the callers dial; the last is not ours.
pub const DIALLED: [&str; 4] = ["4008001001", "4008001002", "4008001003", "5550000"];

pub fn agents() -> Vec<AgentSlug> {
    (1_001..=1_012)
        .map(|number: u32| number.to_string().parse().expect("digits are a slug"))
        .collect()
}

pub fn far(address: SocketAddr, listener: u16, rng: Rng, now: Time) -> Far {
    let config = PhoneConfig {
        product: "sim".to_owned(),
        listener: ListenerId(listener),
        address,
        t1: Duration::from_millis(500),
        legs_max: 10_000,
        transactions_max: 10_000,
    };
    Far {
        phone: Phone::new(config, rng, now),
        address,
        timer: 0,
        ports: BTreeMap::new(),
    }
}

pub fn switch(
    options: &Options,
    intents: &BTreeMap<AgentSlug, Intent>,
    mut rng: Rng,
    last: Seq,
    now: Now,
) -> Switch {
    let endpoint = Endpoint::new(endpoint_config(), rng.fork(), now.mono);
    let acd = Acd::new(acd_config(options.seed, intents), rng.fork(), now)
        .expect("the configuration of the simulator is right");
    Switch::new(switch_config(options), endpoint, acd, rng, last, now)
}

fn endpoint_config() -> EndpointConfig {
    let listener = |id, role, bind| Listener {
        id,
        role,
        bind,
        advertised: bind,
        shown: Vec::new(),
        media_group: 0,
    };
    let credentials = agents().into_iter().map(|agent| {
        let user = agent.to_string();
        let ha1 = |algorithm| Pii::new(hotline_sip::digest::ha1(algorithm, &user, REALM, PASSWORD));
        Credentials {
            ha1_md5: ha1(hotline_sip::digest::Algorithm::Md5),
            ha1_sha256: ha1(hotline_sip::digest::Algorithm::Sha256),
            agent,
        }
    });
    EndpointConfig {
        realm: REALM.to_owned(),
        product: "Hotline/sim".to_owned(),
        listeners: vec![
            listener(PHONES_ID, Role::Phones, PHONES_LISTENER),
            listener(TRUNK_ID, Role::Trunk, TRUNK_LISTENER),
        ],
        trunks: vec![Trunk {
            slug: "carrier".parse().expect("a word is a slug"),
            listener: TRUNK_ID,
            peers: vec![CARRIER],
            rules: hotline_sip::TrunkRules::default(),
        }],
        credentials: credentials.collect(),
        expires_min: Duration::from_secs(30),
        expires_max: Duration::from_secs(3_600),
        t1: Duration::from_millis(500),
        transactions_max: 20_000,
        legs_max: 1_000,
        unacked_max: 100,
    }
}

/// Every queue of a run with a policy of its own; the first also sends those on who wait long.
fn rules(seed: u64, at: usize) -> QueueRules {
    let secs = Duration::from_secs;
    let policies = [
        Policy::LongestIdle,
        Policy::RingAll { at_once: 3 },
        Policy::LeastOccupied,
        Policy::Progressive {
            at_once: 3,
            every: secs(4),
        },
        Policy::FewestCalls,
        Policy::RoundRobin,
        Policy::WeightedRandom,
        Policy::Linear,
    ];
    let helpers = agents().into_iter().take(3).map(|agent| {
        let tier = Tier {
            worth: secs(20),
            delay: secs(10),
            weight: 2,
        };
        (agent, tier)
    });
    let step = |after, needs: &str| SkillStep {
        after: secs(after),
        needs: needs.parse().expect("the requirement is right"),
    };
    let mut rules = QueueRules {
        policy: policies[(usize::try_from(seed).unwrap_or(0) + at) % policies.len()],
        prefer_last: secs(10),
        ..QueueRules::default()
    };
    match at {
        0 => rules.overflow.push(Overflow {
            when: When::Waited(secs(30)),
            to: "after-sales".parse().expect("a word is a slug"),
        }),
        1 => rules.tiers = helpers.collect(),
        _ => rules.steps = vec![step(0, "complaint>=2"), step(20, "complaint"), step(40, "any")],
    }
    rules
}

fn acd_config(seed: u64, intents: &BTreeMap<AgentSlug, Intent>) -> AcdConfig {
    let queue = |slug: &str| Queue {
        slug: slug.parse().expect("a word is a slug"),
        agents: agents(),
        capacity: 20,
        wait_max: Duration::from_secs(240),
        ring: Duration::from_secs(20),
        ring_min: Duration::from_secs(3),
        wrap_up: Duration::from_secs(10),
        rules: QueueRules::default(),
    };
    let band = |slug: &str, from_min, until_min| Band {
        slug: slug.parse().expect("a word is a slug"),
        from_min,
        until_min,
        days: [true; 7],
        seats: Vec::new(),
    };
    let entry = |band: &str, agent: AgentSlug| RosterEntry {
        band: band.parse().expect("a word is a slug"),
        agent,
        days: [true; 7],
        dates: Vec::new(),
    };
    let roster = agents().into_iter().enumerate().flat_map(|(at, agent)| {
        let bands: &[&str] = if at < 4 {
            &["day", "night"]
        } else {
            &["day", "late"]
        };
        bands
            .iter()
            .map(|band| entry(band, agent.clone()))
            .collect::<Vec<_>>()
    });
    let agent = |slug: AgentSlug| Agent {
        intent: intents.get(&slug).cloned().unwrap_or(Intent::LoggedOut),
        team: None,
        skills: BTreeMap::from([("complaint".to_owned(), 1 + u8::from(slug.as_str() < "1007"))]),
        slug,
    };
    AcdConfig {
        queues: ["pre-sales", "after-sales", "complaints"]
            .map(queue)
            .into_iter()
            .enumerate()
            .map(|(at, queue)| Queue {
                rules: rules(seed, at),
                ..queue
            })
            .collect(),
        agents: agents().into_iter().map(agent).collect(),
        bands: vec![
            band("day", 480, 1_200),
            band("late", 540, 1_260),
            band("night", 1_200, 480),
        ],
        roster: roster.collect(),
        time_zone: "Asia/Shanghai".to_owned(),
        business_day_start_min: 480,
        login: Login::Register,
        cool_off: Duration::from_secs(10),
        misses_max: 3,
        holidays: Vec::new(),
        pauses: Vec::new(),
    }
}

fn switch_config(options: &Options) -> SwitchConfig {
    let flows = ivr_flows::Library::embedded().expect("the shipped flows are right");
    let prompts = ivr_flows::prompts::embedded_ids();
    let all = prompts.iter().flat_map(|(language, ids)| {
        ids.keys().map(|id| PromptRef {
            language: language.clone(),
            id: id.clone(),
        })
    });
    let clips: BTreeMap<PromptRef, ClipId> = all
        .enumerate()
        .map(|(at, prompt)| (prompt, ClipId(at as u32)))
        .collect();
    let number = |slug: &str, dialled: &str, flow: &str, language: Option<&str>| Number {
        slug: slug.parse().expect("a word is a slug"),
        dialled: vec![dialled.to_owned()],
        flow: flow.parse().expect("a word is a slug"),
        language: language.map(ToOwned::to_owned),
        survey: false,
    };
    let face = MediaFace {
        interface: interface(),
        advertised: interface(),
    };
    SwitchConfig {
        version: "sim".to_owned(),
        numbers: vec![
            number("hotline", DIALLED[0], "hotline-main", None),
            number("hotline-en", DIALLED[1], "hotline-main", Some("en")),
            number("direct", DIALLED[2], "direct", None),
        ],
        flows: flows
            .iter()
            .map(|flow| (flow.name().clone(), Arc::clone(flow)))
            .collect(),
        emergency_codes: hotline_switch::EmergencyCodes::default(),
        codes: BTreeMap::new(),
        tone: ClipId(0),
        hold_music: ClipId(0),
        clips,
        media: BTreeMap::from([(PHONES_ID, face.into()), (TRUNK_ID, face.into())]),
        phones: PHONES_ID,
        srtp: SrtpRules::default(),
        lines_max: options.lines,
        pop_hold: Duration::from_millis(10),
        recording: RecordingRules::default(),
        media_silence: Duration::from_secs(20),
        probe_wait: Duration::from_secs(8),
        retry_after_s: 10,
        trunks: Vec::new(),
        dialplan: hotline_switch::dialplan::DialPlan::default(),
        callers: BTreeMap::new(),
        emergencies: std::collections::BTreeSet::new(),
        time_zone: jiff::tz::TimeZone::UTC,
        memory: hotline_switch::Memory {
            places: Duration::from_secs(600),
            agents: Duration::from_secs(3_600),
        },
    }
}

impl super::World {
    /// The journal as it is written so far.
    pub fn events(&self) -> &[Event] {
        &self.store.events
    }
}

/// FNV-1a over the journal's JSON: two runs of one seed must give the same.
pub fn digest(events: &[Event]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for event in events {
        for byte in serde_json::to_vec(event).expect("events serialise") {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

/// An SDP offer of a far end's leg.
pub fn offer(ip: IpAddr, port: u16) -> Vec<u8> {
    hotline_media::offer(&local(ip, port))
}

/// What a far end says of itself.
pub fn local(ip: IpAddr, port: u16) -> hotline_media::LocalMedia {
    hotline_media::LocalMedia {
        rtp: SocketAddr::new(ip, port),
        origin_id: u64::from(port),
        version: 1,
        codecs: vec![hotline_media::Codec::Pcma, hotline_media::Codec::Pcmu],
        prefer: false,
        dtmf: true,
        direction: hotline_media::Direction::SendRecv,
        srtp: None,
    }
}
