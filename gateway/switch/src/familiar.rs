//! What is remembered of callers by their number: a place that a restart took from them, and who served them last.

use std::collections::BTreeMap;
use std::time::Duration;

use hotline_types::{AgentSlug, Pii, QueueSlug, WallTime};

/// Numbers remembered at once of each kind; beyond it the oldest is forgotten.
pub const FAMILIAR_MAX: usize = 50_000;

/// Numbers shorter than this (`anonymous` has none at all) tell nobody from another.
const DIGITS_MIN: usize = 5;

/// How long what is remembered.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// A caller lost in a queue by a restart who rings again within this keeps the time of enqueuing.
    pub places: Duration,
    /// Who served a caller within this is the caller's last agent.
    pub agents: Duration,
}

/// A place that a caller lost.
#[derive(Clone, Debug)]
pub struct LostPlace {
    /// The caller's number.
    pub number: Pii<String>,
    /// The queue.
    pub queue: QueueSlug,
    /// The time that counts for the place.
    pub enqueued_at: WallTime,
    /// When it was lost.
    pub lost_at: WallTime,
}

/// A caller's last agent.
#[derive(Clone, Debug)]
pub struct Served {
    /// The caller's number.
    pub number: Pii<String>,
    /// The agent.
    pub agent: AgentSlug,
    /// When.
    pub at: WallTime,
}

/// Familiar callers, by the digits of their numbers.
#[derive(Debug)]
pub(crate) struct Familiar {
    memory: Memory,
    places: Table<(QueueSlug, WallTime)>,
    agents: Table<AgentSlug>,
}

/// The newest of each number, and since when.
#[derive(Debug)]
struct Table<T> {
    by_number: BTreeMap<Pii<String>, (WallTime, T)>,
    by_age: std::collections::BTreeSet<(WallTime, Pii<String>)>,
}

impl<T> Table<T> {
    const fn new() -> Self {
        Self {
            by_number: BTreeMap::new(),
            by_age: std::collections::BTreeSet::new(),
        }
    }

    fn put(&mut self, number: Pii<String>, at: WallTime, what: T) {
        if let Some((old, _)) = self.by_number.insert(number.clone(), (at, what)) {
            self.by_age.remove(&(old, number.clone()));
        }
        self.by_age.insert((at, number));
        if self.by_number.len() > FAMILIAR_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.by_number.remove(&oldest);
        }
    }

    fn get(&self, number: &Pii<String>, since: WallTime) -> Option<&T> {
        let (at, what) = self.by_number.get(number)?;
        (*at >= since).then_some(what)
    }

    fn forget(&mut self, number: &Pii<String>) {
        if let Some((at, _)) = self.by_number.remove(number) {
            self.by_age.remove(&(at, number.clone()));
        }
    }
}

/// The digits by which a number is known; none where it tells nobody from another.
fn key(number: &Pii<String>) -> Option<Pii<String>> {
    let digits: String = number.reveal().chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= DIGITS_MIN).then(|| Pii::new(digits))
}

impl Familiar {
    pub(crate) const fn new(memory: Memory) -> Self {
        Self {
            memory,
            places: Table::new(),
            agents: Table::new(),
        }
    }

    pub(crate) fn lost(&mut self, place: LostPlace) {
        if let Some(number) = key(&place.number) {
            self.places
                .put(number, place.lost_at, (place.queue, place.enqueued_at));
        }
    }

    pub(crate) fn served(&mut self, served: Served) {
        if let Some(number) = key(&served.number) {
            self.agents.put(number, served.at, served.agent);
        }
    }

    /// The time that counts for this caller's place in the queue: the one lost with a restart, or now.
    pub(crate) fn enqueued_at(&self, number: &Pii<String>, queue: &QueueSlug, now: WallTime) -> WallTime {
        let since = now - self.memory.places;
        let place = key(number).and_then(|number| self.places.get(&number, since));
        match place {
            Some((of, enqueued_at)) if of == queue => (*enqueued_at).min(now),
            _ => now,
        }
    }

    /// Who served this caller last, where it was not too long ago.
    pub(crate) fn last_agent(&self, number: &Pii<String>, now: WallTime) -> Option<AgentSlug> {
        let since = now - self.memory.agents;
        self.agents.get(&key(number)?, since).cloned()
    }

    /// The caller has been served: its lost place is made good.
    pub(crate) fn made_good(&mut self, number: &Pii<String>) {
        if let Some(number) = key(number) {
            self.places.forget(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(minutes: u64) -> WallTime {
        WallTime::from_millis(0) + MINUTE * u32::try_from(minutes).unwrap()
    }

    fn pii(text: &str) -> Pii<String> {
        Pii::new(text.to_owned())
    }

    #[test]
    fn caller_lost_by_a_restart_keeps_the_place_for_a_while_and_in_its_queue_only() {
        let mut familiar = Familiar::new(Memory {
            places: MINUTE * 10,
            agents: MINUTE * 60,
        });
        let (sales, repair) = ("sales".parse().unwrap(), "repair".parse().unwrap());
        familiar.lost(LostPlace {
            number: pii("+86 139 0000 0001"),
            queue: QueueSlug::clone(&sales),
            enqueued_at: at(95),
            lost_at: at(100),
        });
        familiar.lost(LostPlace {
            number: pii("anonymous"),
            queue: sales.clone(),
            enqueued_at: at(1),
            lost_at: at(100),
        });
        let number = pii("8613900000001");
        for (queue, now, expected) in [(&sales, 105, 95), (&repair, 105, 105), (&sales, 111, 111)] {
            assert_eq!(familiar.enqueued_at(&number, queue, at(now)), at(expected));
        }
        assert_eq!(familiar.enqueued_at(&pii("anonymous"), &sales, at(101)), at(101));
        familiar.made_good(&number);
        assert_eq!(familiar.enqueued_at(&number, &sales, at(106)), at(106));
    }

    #[test]
    fn last_agent_is_the_newest_and_not_older_than_is_remembered() {
        let mut familiar = Familiar::new(Memory {
            places: MINUTE,
            agents: MINUTE * 60,
        });
        for (agent, minute) in [("anna", 10), ("ben", 20)] {
            familiar.served(Served {
                number: pii("13900000001"),
                agent: agent.parse().unwrap(),
                at: at(minute),
            });
        }
        let number = pii("13900000001");
        assert_eq!(familiar.last_agent(&number, at(80)), Some("ben".parse().unwrap()));
        assert_eq!(familiar.last_agent(&number, at(81)), None);
    }
}
