//! What the file can say, key by key: the reference manual of the configuration.
//!
//! Durations are strings such as `"15s"`, `"500ms"`, `"2m"` or `"1h 30m"`. Clock times are `"HH:MM"` in the hotline's
//! zone. Slugs are 1 to 63 of `a-z 0-9 - _` and never change; labels may. Weekdays are `mon tue wed thu fri sat sun`.
//! Paths are relative to the folder in which the program was started.

mod network;

pub(crate) use network::{RawDestination, RawListener, RawNumbering, RawOutside, RawSip, RawTrunk};

use crate::read::{Said, section};

type Text = Said<String>;
type Texts = Vec<Said<String>>;
type Integer = Said<i64>;
type Number = Said<f64>;
type Flag = Said<bool>;

section! {
    /// The whole file.
    Raw {
        /// `[hotline]`: what the hotline is and promises.
        hotline: RawHotline,
        /// `[data]`: where everything that must outlive the process lies.
        data: RawData,
        /// `[sip]`: what all SIP listeners share.
        sip: RawSip,
        /// `[[listener]]`: the sockets that phones and trunks send to.
        listener: Vec<RawListener>,
        /// `[[trunk]]`: the carriers' gateways that bring the calls.
        trunk: Vec<RawTrunk>,
        /// `[numbering]`: how phone numbers are written here.
        numbering: RawNumbering,
        /// `[outside]`: calls to outside numbers.
        outside: RawOutside,
        /// `[[destination]]`: where outside calls may go; without one, nowhere.
        destination: Vec<RawDestination>,
        /// `[media]`: RTP.
        media: RawMedia,
        /// `[[phone]]`: agents' phones that need something of their own.
        phone: Vec<RawPhone>,
        /// `[recording]`: WAV files of the talks.
        recording: RawRecording,
        /// `[console]`: web page, API and metrics.
        console: RawConsole,
        /// `[flows]`: IVR flows and prompts of your own.
        flows: RawFlows,
        /// `[routing]`: how calls are offered to agents.
        routing: RawRouting,
        /// `[[number]]`: the numbers that callers dial.
        number: Vec<RawNumber>,
        /// `[[queue]]`: where callers wait.
        queue: Vec<RawQueue>,
        /// `[[band]]`: the shift bands.
        band: Vec<RawBand>,
        /// `[[holiday]]`: dates on which other bands are on than the weekday says.
        holiday: Vec<RawHoliday>,
        /// `[[pause]]`: reasons to pause. None at all: any word will do.
        pause: Vec<RawPause>,
        /// `[[team]]`: groups of agents that queues refer to.
        team: Vec<RawTeam>,
        /// `[seed]`: people and roster, read into an empty store once.
        seed: RawSeed,
        /// `[limits]`: named bounds of what can pile up.
        limits: RawLimits,
        /// `[guard]`: how much strangers may send, and who is banned.
        guard: RawGuard,
        /// `[log]`: what the program writes to standard error.
        log: RawLog,
    }
}

section! {
    /// `[hotline]`: what the hotline is and promises.
    RawHotline {
        /// Name shown on the console. Default: `"Hotline"`.
        name: Text,
        /// IANA time zone of bands, business date and reports. Default: `"Asia/Shanghai"`.
        time_zone: Text,
        /// Clock time at which a business date begins. Default: `"08:00"`.
        business_day_start: Text,
        /// Contacts at once, 1 to 10000; the next caller gets 503 with Retry-After. Default: 90.
        lines: Integer,
        /// Wait within which `hotline staffing` plans to answer. The figures of three rings are of 15 s whatever it says.
        /// Default: `"15s"`.
        answer_within: Text,
        /// Share of offered callers to be answered, above 0 and at most 1; the console marks what is below. Default: 0.9.
        answer_rate_target: Number,
    }
}

section! {
    /// `[data]`: where everything that must outlive the process lies.
    RawData {
        /// Folder of journal, recordings, service desk and secrets; made if it is not there. `--data` and
        /// `HOTLINE_DATA` win over it. Default: `"./data"`.
        dir: Text,
        /// `"normal"` survives a crash of the process, power loss may cost the last batch; `"full"` survives power loss
        /// and costs a disk flush per batch. Default: `"normal"`.
        durability: Text,
    }
}

section! {
    /// `[media]`: RTP.
    RawMedia {
        /// UDP ports for RTP and RTCP, first and last; two per leg, four per call. Default: `"20000-29999"`.
        rtp_ports: Text,
        /// Media threads, 1 to 64. Default: one per core.
        threads: Integer,
        /// How long a media thread may gather packets before it sends them, `"0us"` to `"1ms"`: less CPU, more delay.
        /// Default: `"0us"`.
        coalesce: Text,
        /// Silence, neither RTP nor RTCP, after which a peer is probed. 5 s to 10 m. Default: `"30s"`.
        silence: Text,
        /// An unanswered probe ends the call after this, 1 s to 32 s. Default: `"8s"`.
        probe_wait: Text,
        /// SRTP with agents' phones: `"off"`, `"optional"` (keys are offered, and plain RTP is taken from who has none)
        /// or `"mandatory"` (SRTP or no call). The keys stand in the SDP, so they are worth what the signalling is.
        /// Default: `"off"`.
        srtp: Text,
    }
}

section! {
    /// `[[phone]]`: what one agent's phone needs of its own.
    RawPhone {
        /// Slug of the agent. Required.
        slug: Text,
        /// SRTP with this phone. Default: that of `media`.
        srtp: Text,
    }
}

section! {
    /// `[recording]`: WAV files of the talks, caller left, agent right.
    RawRecording {
        /// Whether talks are recorded. Default: true.
        enabled: Flag,
        /// Folder of the recordings. Default: `recordings` in the data folder.
        dir: Text,
        /// How much is recorded: `"off"`, `"talk"` the talks with agents, `"queue"` from the entry into the queue,
        /// `"everything"` from the answer. Queues may say otherwise. Default: `"talk"`.
        policy: Text,
        /// Whether recordings are encrypted at rest, each with a key of its own. Default: false.
        encrypt: Flag,
        /// Folder of the keys, best on another disk than the recordings. Default: `keys` in the data folder.
        keys: Text,
        /// Longest pause, 1 s to 1 h; then the recording goes on by itself. Default: `"2m"`.
        pause_max: Text,
        /// What an agent presses while talking to pause the recording; `""` for nothing. Default: `"*71"`.
        pause_code: Text,
        /// What resumes it. Default: `"*72"`.
        resume_code: Text,
        /// Free space below which the disk counts as full, MiB, 0 to 1048576. Default: 500.
        free_min_mb: Integer,
        /// How long recordings are kept: `"365d"` all, `"queue QUEUE: 90d"` those of a queue, `"disposition CODE: 7d"`
        /// those of such contacts, which wins. Default: for ever.
        keep: Texts,
    }
}

section! {
    /// `[console]`: web page, API and metrics.
    RawConsole {
        /// Address and port to bind; port 0 takes a free one. Default: `"127.0.0.1:8080"`.
        bind: Text,
        /// Addresses of HTTPS proxies in front. Required off loopback: whoever binds there says that nobody reaches the
        /// console in clear. With one, cookies are for HTTPS alone. Default: none.
        trusted_proxies: Texts,
    }
}

section! {
    /// `[flows]`: IVR flows and prompts of your own.
    RawFlows {
        /// Folder of flows, in place of those built in.
        dir: Text,
        /// Folder of prompts with their `manifest.yaml`, in place of those built in.
        prompts: Text,
        /// Numbers that `caller` nodes take for blocked, with or without a leading `+`. Default: none.
        blocked: Texts,
        /// Numbers that `caller` nodes take for VIPs. Default: none.
        vip: Texts,
    }
}

section! {
    /// `[routing]`: how calls are offered to agents.
    RawRouting {
        /// `"register"`: the first registration of a phone makes its agent ready. `"explicit"`: only a command does.
        /// Default: `"register"`.
        login: Text,
        /// Rest of an agent after an offer that was not answered, at most 10 m. Default: `"10s"`.
        cool_off: Text,
        /// Unanswered offers in a row after which the agent is paused, 1 to 100. Default: 3.
        misses_max: Integer,
        /// A caller whom a restart took from a queue and who rings again within this keeps the time of enqueuing; at most
        /// 1 h. Default: `"10m"`.
        places_kept: Text,
        /// Who served a caller within this is the caller's last agent (`prefer_last` of the queue); at most 30 days.
        /// Default: `"72h"`.
        last_agent_kept: Text,
        /// Longest that dialling an agent waits for the screen-pop to be written, at most 1 s. Default: `"10ms"`.
        pop_hold: Text,
        /// What an agent dials to be ready (and logged in); `""` for no such code. Default: `"*45"`.
        code_ready: Text,
        /// What an agent dials to be paused, with the reason `phone`. Default: `"*46"`.
        code_pause: Text,
        /// What an agent dials to log out. Default: `"*47"`.
        code_log_out: Text,
        /// What an agent of `emergency_agents` dials, a number's spelling after it, to switch that number's emergency
        /// announcement on. Default: `"*91"`.
        code_emergency_on: Text,
        /// The same to switch it off. Default: `"*90"`.
        code_emergency_off: Text,
        /// Agents whose phones may switch the emergency announcement. Default: none.
        emergency_agents: Texts,
    }
}

section! {
    /// `[[number]]`: one access number of the hotline.
    RawNumber {
        /// Its name. Required.
        slug: Text,
        /// Name shown in reports. Default: the slug.
        label: Text,
        /// The number as the trunk sends it, in every spelling it uses; digits, `*`, `#`, a leading `+`. Required, 1 to 16.
        dialled: Texts,
        /// Slug of the flow that answers. Required where there is no `queue`.
        flow: Text,
        /// Slug of a queue that callers come to without a menu, after the recording notice; in place of `flow`.
        queue: Text,
        /// Language the flow begins in, for instance `"zh-CN"`. Default: the flow's own.
        language: Text,
        /// Whether callers whose agent hangs up first are asked the flow's survey (`after_agent`). Default: false.
        survey: Flag,
    }
}

section! {
    /// `[[queue]]`: where callers wait. It is served by the agents of its teams and those it names itself.
    RawQueue {
        /// Its name, which flows refer to. Required.
        slug: Text,
        /// Name shown to agents and in reports. Default: the slug.
        label: Text,
        /// Slugs of teams.
        teams: Texts,
        /// Slugs of agents.
        agents: Texts,
        /// Callers it holds, 1 to 10000; the next takes the flow's exit for a full queue. Default: 50.
        capacity: Integer,
        /// Longest wait, 1 s to 1 day; then the flow's exit for a timeout. Default: `"10m"`.
        wait_max: Text,
        /// How long an agent's phone rings, 2 s to 2 m. Default: `"20s"`.
        ring: Text,
        /// No phone rings for a caller whose wait ends within this. Default: `"3s"`.
        ring_min: Text,
        /// After-call work of the agent, at most 1 h; `"0s"` for none. Default: `"20s"`.
        wrap_up: Text,
        /// What ends it before its time: `"optional"` the agent by "ready", `"timed"` nothing,
        /// `"disposition"` only saying what came of the call. Default: `"optional"`.
        wrap_up_ends: Text,
        /// Which agent is rung: `"longest-idle"`, `"least-occupied"`, `"fewest-calls"`, `"round-robin"`, `"linear"`,
        /// `"weighted-random"`, `"ring-all"`, `"progressive"`. Default: `"longest-idle"`.
        policy: Text,
        /// Phones that `ring-all` and `progressive` ring at once, 2 to 20. Default: 3.
        at_once: Integer,
        /// Time after which `progressive` rings one more, 1 s to 1 m. Default: `"5s"`.
        add_every: Text,
        /// How long a caller waits for the agent who served it last, while that agent is ready and on duty, at most 10 m;
        /// `"0s"`: not at all. Default: `"0s"`.
        prefer_last: Text,
        /// Skills that a call needs, from the first wait on and relaxing: `["repair>=2 and english", "20s: english",
        /// "40s: any"]`. What was once enough stays enough; a step that nobody on duty meets is passed over. Default: none.
        needs: Texts,
        /// Where callers are sent early, keeping their time of enqueuing: `"wait 30s: QUEUE"`, `"estimate 5m: QUEUE"`,
        /// `"length 10: QUEUE"`, `"no-staff: QUEUE"`. At most 8. Default: nowhere.
        overflow: Texts,
        /// How much of its calls is recorded, as `recording.policy`. Default: that one.
        record: Text,
        /// Where the recordings' disk is full: `"go-on"` unrecorded, with an alarm, or `"refuse"`: the flow's exit for a
        /// full queue. Default: `"go-on"`.
        record_when_full: Text,
        /// `[[queue.tier]]`: agents who stand to this queue in a way of their own.
        tier: Vec<RawTier>,
    }
}

section! {
    /// `[[queue.tier]]`: how some agents stand to the queue.
    RawTier {
        /// Slugs of the agents. Required.
        agents: Texts,
        /// Seconds of wait that this queue's calls are worth more to them than other queues' calls, at most 1 h; of the
        /// agents for one call those to whom it is worth most are rung first. Default: `"0s"`.
        worth: Text,
        /// They help only with calls that have waited this long, at most 1 h. Default: `"0s"`.
        delay: Text,
        /// Their share in `weighted-random`, 1 to 1000. Default: 1.
        weight: Integer,
    }
}

section! {
    /// `[[holiday]]`: on these dates exactly these bands begin.
    RawHoliday {
        /// Dates, `"YYYY-MM-DD"`. Required.
        dates: Texts,
        /// Slugs of the bands that begin on them. Default: none, the hotline is closed.
        bands: Texts,
    }
}

section! {
    /// `[[pause]]`: a reason to pause.
    RawPause {
        /// Its code, which is also what is shown. Required.
        slug: Text,
        /// After this a supervisor is told, 1 m to 1 day. Default: never.
        longest: Text,
        /// Agents of one team who may be in it at once. Default: no limit.
        team_max: Integer,
    }
}

section! {
    /// `[[band]]`: a shift band. Bands may overlap, and may cross midnight; such a band belongs to the date it began.
    RawBand {
        /// Its name. Required.
        slug: Text,
        /// Name shown in reports. Default: the slug.
        label: Text,
        /// Clock time it begins. Required.
        from: Text,
        /// Clock time it ends; at or before `from` it is on the next day, `"24:00"` is midnight. Required.
        until: Text,
        /// Weekdays on which it begins. Default: all.
        days: Texts,
        /// Seats it must have, by the hour: `["08:00-20:00 8"]`. Fewer logged in raises an alarm. Default: none.
        seats: Texts,
    }
}

section! {
    /// `[[team]]`: a group of agents.
    RawTeam {
        /// Its name, which is also what the console shows. Required.
        slug: Text,
        /// Name for whoever reads the file, or what `hotline check --json` prints. Default: the slug.
        label: Text,
    }
}

section! {
    /// `[seed]`: people and roster, read into an empty store once; later changes belong to the store.
    RawSeed {
        /// `[[seed.agent]]`: who takes calls.
        agent: Vec<RawAgent>,
        /// `[[seed.user]]`: who uses the console.
        user: Vec<RawUser>,
        /// `[[seed.roster]]`: who is on duty when.
        roster: Vec<RawRoster>,
    }
}

section! {
    /// `[[seed.agent]]`: an agent and the agent's phone.
    RawAgent {
        /// Name, and user part of the phone's SIP address. Required.
        slug: Text,
        /// Name shown. Default: the slug.
        label: Text,
        /// Slug of the agent's team. Default: none.
        team: Text,
        /// What the agent can do, with a level from 1 to 10: `["repair 3", "english"]`. Default: none.
        skills: Texts,
    }
}

section! {
    /// `[[seed.user]]`: a user of the console. The first start makes the password.
    RawUser {
        /// Login name, which is also what the console shows. Required.
        slug: Text,
        /// Name for whoever reads the file, or what `hotline check --json` prints. Default: the slug.
        label: Text,
        /// `"supervisor"` or `"team-leader"`. Required.
        role: Text,
        /// Slug of the team that a team leader leads; a note for whoever reads the file, which limits nothing.
        /// Default: none.
        team: Text,
    }
}

section! {
    /// `[[seed.roster]]`: these agents are on this band on these days.
    RawRoster {
        /// Slug of the band. Required.
        band: Text,
        /// Slugs of the agents. Required.
        agents: Texts,
        /// Weekdays on which the band begins. Default: all.
        days: Texts,
        /// These dates in place of weekdays: on them the band has exactly the agents of its entries with dates. Read at
        /// every start. Default: none.
        dates: Texts,
    }
}

section! {
    /// `[limits]`: named bounds of what can pile up. Reaching one refuses what is new and is counted.
    RawLimits {
        /// SIP transactions at once, 100 to 1000000. Default: 20000.
        transactions: Integer,
        /// SIP legs at once, at least two per line. Default: four per line.
        legs: Integer,
        /// What Retry-After says with a 503, 1 s to 1 h. Default: `"10s"`.
        retry_after: Text,
        /// How long calls may go on after the program was told to stop, at most 1 h. Default: `"2m"`.
        drain: Text,
    }
}

section! {
    /// `[guard]`: how much phones, trunks and strangers may send before anything is made of it, and who is banned.
    /// What goes no further is dropped and counted in `/metrics`.
    RawGuard {
        /// Requests a second of one phone address, in the long run, 1 to 1000000. Default: 100.
        source_requests: Integer,
        /// As many at once after a quiet time: a whole office may stand behind one address. Default: 1000.
        source_burst: Integer,
        /// Requests a second of all addresses together at which no phone has logged in. Default: 1000.
        all_requests: Integer,
        /// As many at once after a quiet time. Default: 3000.
        all_burst: Integer,
        /// Calls of one trunk, or of one agent's phones, that may wait for the ACK of their INVITE, 1 to 100000; beyond it
        /// they get 503. Default: 100.
        unacknowledged: Integer,
        /// Wrong passwords for one user from one address, within `window`, that ban the two together; 0: none. Default: 10.
        user_failures: Integer,
        /// Wrong passwords for several users from one address, within `window`, that ban the address; 0: none. Default: 30.
        source_failures: Integer,
        /// How long a wrong password is remembered, 1 s to 1 d. Default: `"10m"`.
        window: Text,
        /// How long a user is banned at an address, 1 s to 30 d. Default: `"10m"`.
        user_ban: Text,
        /// How long an address is banned, 1 s to 30 d. Default: `"1h"`.
        source_ban: Text,
        /// Networks that are never banned, beside the trunks, for instance `["10.0.0.0/8"]`. Default: none.
        never: Texts,
    }
}

section! {
    /// `[log]`: what the program writes to standard error. Phone numbers never show.
    RawLog {
        /// `"error"`, `"warn"`, `"info"`, `"debug"`, `"trace"`, or a filter such as `"info,hotline_sip=debug"`.
        /// Default: `"info"`.
        level: Text,
        /// `"pretty"` for people, `"json"` for machines. Default: `"pretty"`.
        format: Text,
    }
}
