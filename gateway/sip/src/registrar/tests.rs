use super::*;
use crate::ListenerId;
use crate::Transport;

struct Desk {
    registrar: Registrar,
    timers: Timers,
    now: Time,
    agent: AgentSlug,
}

impl Desk {
    fn new() -> Self {
        let (min, max) = (Duration::from_secs(60), Duration::from_secs(3600));
        Self {
            registrar: Registrar::new(min, max, Some(Duration::from_secs(25))),
            timers: Timers::default(),
            now: Time::ZERO,
            agent: "alice".parse().unwrap(),
        }
    }

    fn register(&mut self, call_id: &str, cseq: u32, wish: Wish) -> Result<Option<Change>, u16> {
        let hop = Hop {
            listener: ListenerId(0),
            transport: Transport::Udp,
            conn: None,
            to: "10.0.0.5:5060".parse().unwrap(),
        };
        let agent = self.agent.clone();
        let registration = Registration {
            agent: &agent,
            call_id,
            cseq,
            hop,
            wish,
        };
        self.registrar.register(&mut self.timers, self.now, &registration)
    }

    fn uris(&self) -> Vec<String> {
        self.registrar
            .listing(&self.agent, self.now)
            .into_iter()
            .map(|(uri, _)| uri.to_owned())
            .collect()
    }

    fn here(&self) -> Option<Change> {
        Some(Change::Registered(self.agent.clone()))
    }

    fn gone(&self) -> Option<Change> {
        Some(Change::Unregistered(self.agent.clone()))
    }
}

fn contact(uri: &str, instance: Option<&str>, expires: u32) -> Wish {
    Wish::Contacts(vec![Asked {
        uri: uri.to_owned(),
        instance: instance.map(ToOwned::to_owned),
        reg_id: None,
        expires,
    }])
}

#[test]
fn only_the_first_and_the_last_binding_change_the_device_axis() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.register("a", 1, contact("sip:a@1", None, 60)),
        Ok(desk.here())
    );
    assert_eq!(desk.register("b", 1, contact("sip:a@2", None, 60)), Ok(None));
    assert_eq!(desk.register("a", 2, contact("sip:a@1", None, 0)), Ok(None));
    assert_eq!(desk.register("c", 1, Wish::Query), Ok(None));
    assert_eq!(desk.register("c", 2, Wish::RemoveAll), Ok(desk.gone()));
    assert_eq!((desk.registrar.len(), desk.timers.len()), (0, 0));
}

#[test]
fn a_phone_cannot_overtake_itself() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.register("a", 5, contact("sip:a@1", None, 60)),
        Ok(desk.here())
    );
    for stale in [4, 5] {
        assert_eq!(desk.register("a", stale, contact("sip:a@1", None, 0)), Err(500));
        assert_eq!(desk.register("a", stale, Wish::RemoveAll), Err(500));
    }
    assert_eq!(
        desk.register("restarted", 1, contact("sip:a@1", None, 60)),
        Ok(None)
    );
    assert_eq!(desk.uris(), ["sip:a@1"]);
}

#[test]
fn expiry_is_held_to_its_range() {
    let mut desk = Desk::new();
    assert_eq!(desk.register("a", 1, contact("sip:a@1", None, 59)), Err(423));
    let mut two = contact("sip:a@1", None, 600);
    if let Wish::Contacts(contacts) = &mut two {
        contacts.push(Asked {
            uri: "sip:a@2".to_owned(),
            instance: None,
            reg_id: None,
            expires: 1,
        });
    }
    assert_eq!(
        desk.register("a", 2, two),
        Err(423),
        "all of a REGISTER or nothing"
    );
    assert_eq!(desk.registrar.len(), 0);
    assert_eq!(
        desk.register("a", 3, contact("sip:a@1", None, u32::MAX)),
        Ok(desk.here())
    );
    assert_eq!(desk.registrar.listing(&desk.agent, desk.now), [("sip:a@1", 3600)]);
}

#[test]
fn same_instance_moves_and_the_sixth_binding_replaces_the_oldest() {
    let mut desk = Desk::new();
    let instance = Some("<urn:uuid:1>");
    assert_eq!(
        desk.register("a", 1, contact("sip:a@1", instance, 60)),
        Ok(desk.here())
    );
    assert_eq!(desk.register("b", 1, contact("sip:a@9", instance, 60)), Ok(None));
    assert_eq!(desk.uris(), ["sip:a@9"]);
    for number in 2..=BINDINGS_MAX + 1 {
        desk.now = Time::from_millis(u64::try_from(number).unwrap());
        assert_eq!(
            desk.register("c", 1, contact(&format!("sip:a@{number}"), None, 60)),
            Ok(None)
        );
    }
    assert_eq!(desk.uris().len(), BINDINGS_MAX);
    assert!(!desk.uris().contains(&"sip:a@9".to_owned()));
}

#[test]
fn phone_that_died_is_noticed_within_a_minute_and_comes_back_when_it_answers() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.register("a", 1, contact("sip:a@1", None, 3600)),
        Ok(desk.here())
    );
    let mut pings = Vec::new();
    let mut lost_at = None;
    while desk.now < Time::from_millis(100_000) && lost_at.is_none() {
        desk.now = desk.timers.next().unwrap();
        let Some(TimerKey::BindingPing(id)) = desk.timers.pop_due(desk.now) else {
            panic!("no ping")
        };
        let (target, change) = desk.registrar.ping_due(&mut desk.timers, desk.now, id);
        pings.extend(target.map(|_| desk.now.as_nanos() / 1_000_000_000));
        lost_at = change.map(|change| {
            assert_eq!(Some(change), desk.gone());
            desk.now.as_nanos() / 1_000_000_000
        });
    }
    assert_eq!((pings, lost_at), (vec![25, 41], Some(57)));
    assert_eq!(
        desk.registrar.targets(&desk.agent).count(),
        0,
        "an unreachable phone is not rung"
    );
    assert_eq!(desk.uris().len(), 1, "but stays bound");
    let id = BindingId(0);
    assert_eq!(
        desk.registrar.ping_answered(&mut desk.timers, desk.now, id),
        desk.here()
    );
    assert_eq!(desk.registrar.expired(&mut desk.timers, id), desk.gone());
    assert_eq!(desk.timers.len(), 0);
}
