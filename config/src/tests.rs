//! The default is whole; every kind of mistake has its message; several mistakes are told together.

use std::collections::BTreeMap;

use super::*;

fn nothing() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn default_settings() -> Settings {
    read_text("hotline.toml", DEFAULT, &nothing())
        .unwrap_or_else(|problems| panic!("{}", problems_text(&problems)))
}

/// The default with `old` replaced by `new`, and the problems it then has.
#[track_caller]
fn problems_after(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = DEFAULT.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "the default no longer says {old:?}");
        text = text.replacen(old, new, 1);
    }
    let problems = read_text("hotline.toml", &text, &nothing()).expect_err("the change is a mistake");
    problems
        .iter()
        .map(|problem| without_line(&problem.to_string()))
        .collect()
}

/// Messages without the line, which moves whenever a comment of the default changes.
fn without_line(message: &str) -> String {
    let strip = |text: &str| -> String {
        let mut parts = text.split("hotline.toml:");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            out.push_str("hotline.toml:");
            out.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
        }
        out
    };
    strip(message)
}

#[track_caller]
fn check(old: &str, new: &str, expected: &str) {
    assert_eq!(problems_after(&[(old, new)]).join("\n"), expected);
}

#[test]
fn default_describes_the_hotline_of_the_design() {
    let settings = default_settings();
    assert_eq!(settings.numbers.len(), 3);
    assert_eq!(settings.seed.agents.len(), 12);
    assert_eq!(settings.hotline.lines, 90);
    assert_eq!(settings.limits.legs, 360);
    assert_eq!(settings.hotline.business_day_start_min, 480);
    assert_eq!(settings.recording.dir, PathBuf::from("./data/recordings"));
    let bands: Vec<_> = settings
        .bands
        .iter()
        .map(|band| (band.slug.as_str(), band.from_min, band.until_min))
        .collect();
    assert_eq!(
        bands,
        [("day", 480, 1_200), ("late", 540, 1_260), ("night", 1_200, 480)]
    );
    let count = |role| {
        settings
            .seed
            .users
            .iter()
            .filter(|user| user.role == role)
            .count()
    };
    assert_eq!((count(UserRole::Supervisor), count(UserRole::TeamLeader)), (1, 2));
    for queue in &settings.queues {
        assert_eq!(settings.agents_of(queue).len(), 12, "{}", queue.slug);
    }
}

#[test]
fn default_roster_has_eight_seats_at_the_peak_two_at_night_and_never_none() {
    let settings = default_settings();
    let on = |band: &Band, minute: u16| {
        if band.until_min > band.from_min {
            (band.from_min..band.until_min).contains(&minute)
        } else {
            minute >= band.from_min || minute < band.until_min
        }
    };
    let seats: Vec<usize> = (0..1_440)
        .map(|minute| {
            let on_now = |slug: &hotline_types::BandSlug| {
                settings
                    .bands
                    .iter()
                    .any(|band| band.slug == *slug && on(band, minute))
            };
            settings
                .seed
                .roster
                .iter()
                .filter(|entry| on_now(&entry.band))
                .count()
        })
        .collect();
    assert_eq!(seats.iter().min(), Some(&2));
    assert!(seats.iter().max() >= Some(&8));
    assert!(settings.seed.roster.iter().all(|entry| entry.days == [true; 7]));
}

#[test]
fn what_the_default_says_aloud_is_what_absent_keys_mean() {
    // Sections whose keys all have defaults say what the code says.
    let mut kept = String::new();
    let mut skip = false;
    for line in DEFAULT.lines() {
        if line.starts_with('[') {
            skip = [
                "[hotline]",
                "[routing]",
                "[sip]",
                "[media]",
                "[recording]",
                "[console]",
                "[data]",
                "[limits]",
                "[log]",
                "[numbering]",
                "[outside]",
            ]
            .contains(&line);
        }
        if !skip {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let mut sparse = read_text("hotline.toml", &kept, &nothing()).unwrap();
    sparse.hotline.name = default_settings().hotline.name;
    assert_eq!(sparse, default_settings());
}

#[test]
fn five_mistakes_are_told_at_once_in_the_order_of_lines() {
    let problems = problems_after(&[
        ("lines = 90 ", "lines = \"many\" "),
        ("from = \"09:00\"", "from = \"9 o'clock\""),
        ("wait_max = \"15m\"", "wiat_max = \"15m\""),
        ("band = \"night\"", "band = \"nihgt\""),
        ("bind = \"127.0.0.1:8080\"", "bind = \"0.0.0.0:8080\""),
    ]);
    assert_eq!(
        problems,
        [
            "hotline.toml::9: hotline.lines: expected an integer, found a string\n  hint: write digits without quotes and fraction",
            "hotline.toml::8: band.late.from: \"9 o'clock\" is not a clock time here\n  hint: write \"HH:MM\" from 00:00 to 23:59",
            "hotline.toml::1: queue.complaints.wiat_max: unknown key\n  hint: did you mean `wait_max`?",
            "hotline.toml::8: seed.roster[2].band: there is no band \"nihgt\"\n  hint: known: day, late, night",
            "hotline.toml::8: console.bind: 0.0.0.0:8080 is not loopback: passwords and recordings would cross the network in clear\n  hint: bind to 127.0.0.1, or put an HTTPS proxy in front and name it in `trusted_proxies`",
        ]
    );
}

#[test]
fn problem_names_file_line_and_column() {
    let text = "# first\n[hotline]\nlines = 0\n";
    let problems = read_text("my.toml", text, &nothing()).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        lines.contains(&"my.toml:3:9: hotline.lines: 0 is out of range\n  hint: use 1 to 10000".to_owned()),
        "{lines:#?}"
    );
}

#[test]
fn syntax_errors_are_told_with_their_line() {
    let problems = read_text("my.toml", "[hotline]\nname = \n[sip\n", &nothing()).unwrap_err();
    let places: Vec<String> = problems.iter().map(|problem| problem.place.to_string()).collect();
    assert_eq!(places, ["my.toml:2:8", "my.toml:3:5"]);
    assert!(
        problems
            .iter()
            .all(|problem| problem.what.starts_with("this is not TOML: ")),
        "{problems:#?}"
    );
}

#[test]
fn an_empty_file_says_what_a_hotline_needs() {
    let problems = read_text("my.toml", "", &nothing()).unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["band", "listener", "number", "queue"]);
}

#[test]
fn unknown_keys_and_wrong_kinds() {
    check(
        "[routing]",
        "[rooting]",
        "hotline.toml::2: rooting: unknown key\n  hint: did you mean `routing`?",
    );
    check(
        "format = \"pretty\"",
        "verbosity = 3",
        "hotline.toml::1: log.verbosity: unknown key\n  hint: known here: level, format",
    );
    check(
        "dialled = [\"4000000003\", \"8003\"]",
        "dialled = \"8003\"",
        "hotline.toml::11: number.direct.dialled: expected an array, found a string\n  hint: put it into brackets: `[a, b]`",
    );
    check(
        "enabled = true",
        "enabled = \"yes\"",
        "hotline.toml::11: recording.enabled: expected true or false, found a string\n  hint: write `true` or `false`, without quotes",
    );
    check(
        "[[trunk]]",
        "[trunk]",
        "hotline.toml::2: trunk: expected an array, found a table\n  hint: write the section with two brackets: `[[trunk]]`",
    );
}

#[test]
fn durations_clock_times_words_and_ranges() {
    check(
        "cool_off = \"10s\"",
        "cool_off = \"10\"",
        "hotline.toml::12: routing.cool_off: \"10\" is not a duration\n  hint: write whole numbers with units: \"15s\", \"500ms\", \"1h 30m\" (us, ms, s, m, h, d)",
    );
    check(
        "pop_hold = \"10ms\"",
        "pop_hold = \"10s\"",
        "hotline.toml::12: routing.pop_hold: \"10s\" is out of range\n  hint: use 0s to 1s",
    );
    check(
        "login = \"register\"",
        "login = \"auto\"",
        "hotline.toml::9: routing.login: \"auto\" is not known\n  hint: use \"register\" or \"explicit\"",
    );
    check(
        "answer_rate_target = 0.90",
        "answer_rate_target = 90",
        "hotline.toml::22: hotline.answer_rate_target: 90 is out of range\n  hint: write 90 % as 0.9",
    );
    check(
        "retry_after = \"10s\"",
        "retry_after = \"1s 500ms\"",
        "hotline.toml::15: limits.retry_after: Retry-After has whole seconds\n  hint: write for instance \"10s\"",
    );
    check(
        "expires_max = \"1h\"",
        "expires_max = \"30s\"",
        "hotline.toml::15: sip.expires_max: `expires_max` is below `expires_min`\n  hint: raise `expires_max` or lower `expires_min`",
    );
    check(
        "level = \"info\"",
        "level = \"loud\"",
        "hotline.toml::9: log.level: \"loud\" is not a filter of levels\n  hint: use error, warn, info, debug or trace, or a filter such as \"info,hotline_sip=debug\"",
    );
    check(
        "\"Asia/Shanghai\"",
        "\"Asia/Peking\"",
        "hotline.toml::13: hotline.time_zone: there is no time zone \"Asia/Peking\"\n  hint: use an IANA name such as \"Asia/Shanghai\" or \"Europe/Berlin\"",
    );
}

#[test]
fn names_that_refer_to_nothing_or_are_taken() {
    check(
        "teams = [\"service\", \"repair\"]",
        "teams = [\"servise\", \"repair\"]",
        "hotline.toml::10: queue.pre-sales.teams[0]: there is no team \"servise\"\n  hint: known: repair, service",
    );
    check(
        "slug = \"1012\"",
        "slug = \"1011\"",
        "hotline.toml::8: seed.agent.1011.slug: the slug \"1011\" is taken by hotline.toml::8\n  hint: give each entry a slug of its own\nhotline.toml::43: seed.roster[1].agents[4]: there is no seed.agent \"1012\"\n  hint: known: 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011",
    );
    check(
        "listener = \"trunk\"",
        "listener = \"phones\"",
        "hotline.toml::12: trunk.carrier.listener: there is no trunk listener \"phones\"\n  hint: known: trunk",
    );
    check(
        "slug = \"complaints\"",
        "slug = \"Complaints\"",
        "hotline.toml::8: queue.Complaints.slug: \"Complaints\" is not a slug\n  hint: use 1 to 63 of a-z, 0-9, `-` and `_`, beginning with a letter or digit",
    );
    check(
        "slug = \"carrier\"\n",
        "",
        "hotline.toml::1: trunk[0].slug: missing\n  hint: add `slug = \"carrier\"`",
    );
    check(
        "\"4000000002\"",
        "\"+4000000001\"",
        "hotline.toml::12: number.english.dialled[0]: \"+4000000001\" is a hotline number already at hotline.toml::12\n  hint: remove one; a leading `+` makes no difference",
    );
    check(
        "teams = [\"service\", \"repair\"]",
        "agents = []",
        "hotline.toml::1: queue.pre-sales: no agent serves this queue\n  hint: name agents, or teams that have agents, in `agents` or `teams`",
    );
}

#[test]
fn addresses_ports_and_roles() {
    check(
        "bind = \"127.0.0.1:5060\"",
        "bind = \"localhost:5060\"",
        "hotline.toml::8: listener.phones.bind: \"localhost:5060\" is not an address with a port\n  hint: write for instance \"127.0.0.1:5060\" or \"[::1]:5060\"; names are not looked up",
    );
    check(
        "bind = \"127.0.0.1:5060\"",
        "bind = \"0.0.0.0:5060\"",
        "hotline.toml::8: listener.phones.bind: 0.0.0.0:5060 is a wildcard, and no address to tell to peers is given\n  hint: add `advertised = \"ADDRESS:PORT\"`, the address at which peers reach this machine",
    );
    check(
        "bind = \"127.0.0.1:5080\"",
        "bind = \"127.0.0.1:5060\"",
        "hotline.toml::8: listener.trunk.bind: 127.0.0.1:5060 is bound by hotline.toml::8 already\n  hint: give each listener an address or port of its own",
    );
    check(
        "role = \"phones\"",
        "role = \"trunk\"",
        "hotline.toml::1: listener: no listener has the role \"phones\"\n  hint: add a `[[listener]]` with `role = \"phones\"` and `bind = \"127.0.0.1:5060\"`",
    );
    check(
        "peers = [\"127.0.0.1\"]",
        "peers = [\"sip.example.com\"]",
        "hotline.toml::10: trunk.carrier.peers[0]: \"sip.example.com\" is not a source address\n  hint: write \"192.0.2.10\" for any port or \"192.0.2.10:5060\" for one; names are not looked up",
    );
    check(
        "rtp_ports = \"20000-29999\"",
        "rtp_ports = \"20000-20099\"",
        "hotline.toml::13: media.rtp_ports: 100 ports are too few for 90 lines\n  hint: name at least 360 ports (4 per line), or lower `hotline.lines`",
    );
}

#[test]
fn environment_sets_single_values_and_is_named_in_problems() {
    let environment = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let good = environment(&[
        ("HOTLINE__sip__realm", "example.com"),
        ("HOTLINE__QUEUE__AFTER_SALES__RING", "25s"),
        ("HOTLINE__hotline__lines", "10"),
        ("HOTLINE_CONFIG", "elsewhere"),
    ]);
    let settings = read_text("hotline.toml", DEFAULT, &good).unwrap();
    assert_eq!(
        (settings.sip.realm.as_str(), settings.hotline.lines),
        ("example.com", 10)
    );
    assert_eq!(settings.queues[1].ring, std::time::Duration::from_secs(25));
    let bad = environment(&[
        ("HOTLINE__hotline__lines", "no"),
        ("HOTLINE__queue__sales__ring", "25s"),
    ]);
    let problems = read_text("hotline.toml", DEFAULT, &bad).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "environment variable HOTLINE__hotline__lines: hotline.lines: expected an integer, found a string\n  hint: write digits without quotes and fraction",
            "environment variable HOTLINE__queue__sales__ring: queue.sales.ring: there is no `sales` in the file to set this in\n  hint: name a section, or a section and the slug of one of its entries with `_` for `-`",
        ]
    );
}

#[test]
fn effective_settings_print_as_the_file_writes_them() {
    let text = toml::to_string(&default_settings()).unwrap();
    for line in [
        "pop_hold = \"10ms\"",
        "login = \"register\"",
        "role = \"team-leader\"",
        "bind = \"127.0.0.1:5060\"",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn command_line_wins_over_the_file_for_the_data_folder() {
    let file = std::env::temp_dir().join(format!("hotline-config-{}.toml", std::process::id()));
    std::fs::write(&file, DEFAULT).unwrap();
    let source = Source {
        file: Some(file.clone()),
        data: Some("/srv/\"hotline\"".into()),
        overrides: BTreeMap::new(),
    };
    let settings = load(&source).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(settings.data.dir, PathBuf::from("/srv/\"hotline\""));
    assert_eq!(
        settings.recording.dir,
        PathBuf::from("/srv/\"hotline\"/recordings")
    );
    let missing = load(&source).unwrap_err().to_string();
    assert!(
        missing.contains("cannot be read: ") && missing.contains("hint: name a readable file"),
        "{missing}"
    );
}

#[test]
fn listeners_and_trunks_that_cannot_work() {
    check(
        "udp = true\ntcp = true",
        "udp = false\ntcp = false",
        "hotline.toml::1: listener.phones: neither UDP nor TCP is heard\n  hint: set `udp` or `tcp` to true, or remove the listener",
    );
    check(
        "role = \"trunk\"",
        "role = \"phones\"",
        "hotline.toml::12: trunk.carrier.listener: there is no trunk listener \"trunk\"\n  hint: there is none at all: add a section for it",
    );
    check(
        "# media_advertised = \"203.0.113.5\"",
        "media_advertised = \"0.0.0.0\"",
        "hotline.toml::20: listener.phones.media_advertised: peers cannot send to a wildcard address\n  hint: name the address at which peers reach this machine",
    );
    check(
        "# media_interface = \"10.0.0.5\"",
        "media_interface = \"eth0\"",
        "hotline.toml::19: listener.phones.media_interface: \"eth0\" is not an address\n  hint: write for instance \"127.0.0.1\" or \"::1\", without a port",
    );
    check(
        "peers = [\"127.0.0.1\"]",
        "peers = []",
        "hotline.toml::1: trunk.carrier.peers: 0 peers\n  hint: name 1 to 64 source addresses",
    );
    check(
        "peers = [\"127.0.0.1\"]",
        "peers = [\"127.0.0.1\", \"127.0.0.1\"]",
        "hotline.toml::23: trunk.carrier.peers[1]: \"127.0.0.1\" is a peer already at hotline.toml::10\n  hint: a source address belongs to one trunk of a listener: remove one",
    );
    check(
        "realm = \"hotline\"",
        "realm = \"a:b\"",
        "hotline.toml::9: sip.realm: not fit for a digest challenge\n  hint: use printable ASCII without `\"`, `\\` and `:`",
    );
    check(
        "rtp_ports = \"20000-29999\"",
        "rtp_ports = \"29999-20000\"",
        "hotline.toml::13: media.rtp_ports: \"29999-20000\" is not a range of ports\n  hint: write \"20000-29999\": first and last, from 1024 on",
    );
}

#[test]
fn values_that_are_not_what_they_should_be() {
    check(
        "label = \"Main number\"",
        "label = \"\"",
        "hotline.toml::9: number.main.label: not fit to be shown\n  hint: use 1 to 80 characters without control characters",
    );
    check(
        "dir = \"./data\"",
        "dir = \"\"",
        "hotline.toml::7: data.dir: an empty path\n  hint: name a folder, or leave the key out",
    );
    check(
        "misses_max = 3",
        "misses_max = 99999999999999999999",
        "hotline.toml::14: routing.misses_max: this integer is too large\n  hint: write digits without quotes and fraction",
    );
    check(
        "# `days = [\"mon\", \"tue\"]` limits",
        "[[seed.roster]]\nband = \"day\"\nagents = [\"1001\"]\ndays = [\"monday\"]\n#",
        "hotline.toml::9: seed.roster[0].days[0]: \"monday\" is not a weekday\n  hint: use mon, tue, wed, thu, fri, sat, sun",
    );
    check(
        "dialled = [\"4000000003\", \"8003\"]",
        "dialled = []",
        "hotline.toml::1: number.direct.dialled: 0 spellings\n  hint: name 1 to 16",
    );
    check(
        "\"8003\"",
        "\"80-03\"",
        "hotline.toml::26: number.direct.dialled[1]: \"80-03\" is not a number as trunks send it\n  hint: use 1 to 32 digits, `*` or `#`, with a `+` before them or not",
    );
    check(
        "language = \"en\"",
        "language = \"English\"",
        "hotline.toml::12: number.english.language: \"English\" is not a language tag\n  hint: write for instance \"zh-CN\" or \"en\"",
    );
    check(
        "ring = \"20s\"",
        "ring_min = \"30s\"",
        "hotline.toml::12: queue.pre-sales.ring_min: `ring_min` is above `ring`\n  hint: lower `ring_min` or raise `ring`",
    );
}

/// Every file that is one line away from the default is read or refused, and a refusal always says something.
#[test]
fn no_file_near_the_default_is_misread_silently() {
    let lines: Vec<&str> = DEFAULT.lines().collect();
    let mut refused = 0;
    for skipped in 0..lines.len() {
        for replacement in ["", "[hotline]", "slug = \"x\"", "= 1", "[[seed.agent]]"] {
            let mut changed = lines.clone();
            changed[skipped] = replacement;
            if let Err(problems) = read_text("near.toml", &changed.join("\n"), &nothing()) {
                assert!(!problems.is_empty(), "line {} as {replacement:?}", skipped + 1);
                refused += 1;
            }
        }
    }
    assert!(
        refused > lines.len(),
        "{refused} of {} files refused",
        lines.len() * 5
    );
}

#[test]
fn trunk_with_an_account_and_a_dial_plan_is_read_and_hides_its_password() {
    let text = DEFAULT.replace(
        "peers = [\"127.0.0.1\"]",
        "gateways = [\"192.0.2.7\", \"192.0.2.7:5070\"]\ndomain = \"sip.carrier.example\"\nuser = \"0216\"\npassword = \"geheim\"\nregister = true",
    ) + "\n[[destination]]\nslug = \"mobiles\"\nnumbers = [\"+861*\"]\n";
    let text = text.replace("# caller =", "caller =");
    let settings = read_text("hotline.toml", &text, &nothing())
        .unwrap_or_else(|problems| panic!("{}", problems_text(&problems)));
    let rules = &settings.trunks[0].rules;
    let account = rules.account.as_ref().expect("an account");
    assert_eq!(
        (account.realm.as_str(), account.auth_user.as_str()),
        ("sip.carrier.example", "0216")
    );
    assert_eq!(rules.register, Some(std::time::Duration::from_secs(600)));
    assert_eq!(rules.gateways.len(), 2);
    let warnings = settings.warnings();
    let warned = "trunk.carrier: its peer 192.0.2.7 is public, but is told the private address 127.0.0.1";
    assert!(
        warnings.len() == 2 && warnings[0].starts_with(warned),
        "{warnings:?}"
    );
    assert_eq!(settings.outside.destinations[0].slug, "mobiles");
    assert!(!format!("{settings:?}").contains("geheim"));
    let shown = toml::to_string(&settings).expect("settings serialise");
    assert!(shown.contains("password = \"***\"") && !shown.contains("geheim"));
}

#[test]
fn mistakes_of_trunks_and_dial_plan_are_told() {
    let peers = "peers = [\"127.0.0.1\"]";
    check(
        peers,
        "gateways = [\"sip:x@y\"]",
        "hotline.toml::13: trunk.carrier.gateways[0]: \"sip:x@y\" is no gateway\n  hint: write \"192.0.2.10:5060\"; names are not looked up",
    );
    check(
        peers,
        "peers = [\"127.0.0.1\"]\nregister = true",
        "hotline.toml::12: trunk.carrier.register: nothing to register with\n  hint: add `gateways`, `user` and `password`",
    );
    check(
        "# caller = \"4000000001\"",
        "caller = \"+8613800138000\"",
        "hotline.toml::10: outside.caller: not one of our numbers\n  hint: only a number that a `[[number]]` has among its `dialled` may be shown to the called",
    );
    check(
        "# [[destination]]\n# slug = \"mobiles\"\n# numbers = [\"+861*\"]",
        "[[destination]]\nslug = \"mobiles\"\nnumbers = [\"mobile\"]",
        "hotline.toml::2: outside.caller: missing\n  hint: add `[outside]` with `caller = \"4000000001\"`, one of our numbers\nhotline.toml::1: destination.mobiles: no trunk takes calls\n  hint: add `gateways = [\"ADDRESS:PORT\"]` to a `[[trunk]]`\nhotline.toml::12: destination.mobiles.numbers[0]: \"mobile\" is no pattern of numbers\n  hint: write \"+8613800138000\", \"+861XXXXXXXXX\", \"+861*\" or \"10086\"",
    );
}
