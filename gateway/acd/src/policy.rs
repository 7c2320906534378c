//! The two decisions of routing, each in one place: which agent for a call, which call for an agent.
//!
//! They are never mixed: with agents to spare a call picks an agent, with calls to spare an agent picks a call. Who
//! may take a call at all is decided first ([`Acd::may_take`]), so that nobody at the head of a queue blocks others.

use std::cmp::Reverse;

use hotline_types::{ContactId, Rng};

use crate::Acd;
use crate::agent::{AgentNo, IdleSince};
use crate::queue::{Caller, Member, QueueState};
use crate::rules::Policy;

/// A call's choice of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) agent: AgentNo,
    pub(crate) idle: IdleSince,
    /// Index among the queue's members.
    pub(crate) member: usize,
    /// Others who could have been chosen.
    pub(crate) others: usize,
    /// It is the agent that the caller waits for.
    pub(crate) awaited: bool,
}

impl Acd {
    /// Whether this agent of the caller's queue may be offered the caller now, were it free.
    pub(crate) fn may_take(&self, caller: &Caller, queue: &QueueState, member: &Member) -> bool {
        let age = caller.age(self.now.mono);
        if age < member.tier.delay || self.is_late(caller) {
            return false;
        }
        if let Some(awaited) = self.awaits(caller)
            && awaited != member.agent
        {
            return false;
        }
        let steps = &queue.rules.steps;
        let levels = &self.agents[member.agent.0].levels;
        steps.is_empty()
            || steps
                .iter()
                .take(caller.steps)
                .any(|(_, needs)| needs.met_by(levels))
    }

    /// The agent for whom this caller still waits.
    pub(crate) fn awaits(&self, caller: &Caller) -> Option<AgentNo> {
        caller
            .last_agent
            .filter(|agent| self.now.mono < caller.prefer_until && self.agents[agent.0].awaited)
    }

    /// Agents to spare: of those who may take the call, the first by its queue's policy.
    pub(crate) fn pick_agent(&mut self, contact: ContactId) -> Option<Choice> {
        let caller = self.callers.get(&contact)?;
        let queue = &self.queues[caller.queue.0];
        let awaited = self.awaits(caller).is_some();
        let may = queue
            .idle
            .iter()
            .map(|(idle, member)| (*idle, *member))
            .filter(|(_, member)| self.may_take(caller, queue, &queue.members[*member]));
        let chosen = |(idle, member): (IdleSince, usize), others| Choice {
            agent: idle.agent,
            idle,
            member,
            others,
            awaited,
        };
        if queue.is_plain() && !awaited {
            // Nobody is excluded by what he is: the first is the longest idle, all others could have been.
            let mut may = may;
            return may.next().map(|first| chosen(first, queue.idle.len() - 1));
        }
        let may: Vec<_> = may.collect();
        let worth = |member: usize| Reverse(queue.members[member].tier.worth);
        let first = if queue.rules.policy == Policy::WeightedRandom {
            let most = may.iter().map(|(_, member)| worth(*member)).min()?;
            let best: Vec<_> = may
                .iter()
                .copied()
                .filter(|(_, member)| worth(*member) == most)
                .collect();
            by_lot(queue, &best, &mut self.rng)?
        } else {
            let key = |(idle, member): &(IdleSince, usize)| {
                (worth(*member), self.policy_key(queue, *member), *idle)
            };
            may.iter().copied().min_by_key(key)?
        };
        Some(chosen(first, may.len() - 1))
    }

    /// What the queue's policy compares; the smallest is first, ties go to the longest idle.
    fn policy_key(&self, queue: &QueueState, member: usize) -> u64 {
        let agent = &self.agents[queue.members[member].agent.0];
        let place = |at: usize| u64::try_from(at).unwrap_or(u64::MAX);
        match queue.rules.policy {
            Policy::LongestIdle
            | Policy::RingAll { .. }
            | Policy::Progressive { .. }
            | Policy::WeightedRandom => 0,
            Policy::LeastOccupied => agent.occupied_ppm(self.now.mono),
            Policy::FewestCalls => u64::from(agent.load.calls),
            Policy::Linear => place(member),
            Policy::RoundRobin => {
                let all = queue.members.len();
                place((member + all - 1 - queue.rung_last) % all)
            }
        }
    }

    /// Calls to spare: of all queues the agent serves, the caller with the highest wait + priority + worth of the
    /// queue to this agent among those it may take; ties go to the earlier entry. Those for whom no phone rings come
    /// before those for whom one more may.
    pub(crate) fn pick_call(&self, agent: AgentNo) -> Option<ContactId> {
        let pick = |more: bool| {
            let serves = self.agents[agent.0].queues.iter();
            let firsts = serves.filter_map(|serves| {
                let queue = &self.queues[serves.queue.0];
                let member = &queue.members[serves.member];
                let places = if more { &queue.more } else { &queue.free };
                let first = places.iter().find(|place| {
                    self.callers
                        .get(&place.contact)
                        .is_some_and(|caller| self.may_take(caller, queue, member))
                })?;
                let worth = i64::try_from(member.tier.worth.as_micros()).unwrap_or(i64::MAX);
                Some((first.rank_us.saturating_sub(worth), first.entry, first.contact))
            });
            firsts.min().map(|(_, _, contact)| contact)
        };
        pick(false).or_else(|| pick(true))
    }

    /// The reason for a call's choice, for supervisors: one sentence without personal data.
    pub(crate) fn why_agent(&self, contact: ContactId, choice: &Choice) -> String {
        let Some(caller) = self.callers.get(&contact) else {
            return String::new();
        };
        let queue = &self.queues[caller.queue.0];
        let agent = &self.agents[choice.agent.0];
        let idle = self.now.mono.since(choice.idle.at).as_secs();
        if choice.awaited {
            return format!("served this caller last, idle {idle} s");
        }
        if choice.others == 0 {
            return format!("only agent free, idle {idle} s");
        }
        let others = match choice.others {
            1 => "1 other".to_owned(),
            many => format!("{many} others"),
        };
        let worth = queue.members[choice.member].tier.worth;
        let first = match queue.rules.policy {
            _ if !worth.is_zero() => format!("queue worth {} s more to this agent", worth.as_secs()),
            Policy::LongestIdle => format!("longest idle: {idle} s"),
            Policy::LeastOccupied => {
                let percent = agent.occupied_ppm(self.now.mono) / 10_000;
                format!("least occupied: {percent} %, idle {idle} s")
            }
            Policy::FewestCalls => format!("fewest calls: {}, idle {idle} s", agent.load.calls),
            Policy::RoundRobin => format!("next in turn, idle {idle} s"),
            Policy::Linear => format!("first in the queue's order, idle {idle} s"),
            Policy::WeightedRandom => format!("drawn by lot, idle {idle} s"),
            Policy::RingAll { .. } => format!("rings with others, idle {idle} s"),
            Policy::Progressive { .. } => {
                format!("phone {} of this caller, idle {idle} s", caller.offers.len() + 1)
            }
        };
        format!("{first}, before {others}")
    }

    /// The same for a call that an agent was given on becoming free.
    pub(crate) fn why_call(&self, contact: ContactId) -> String {
        let Some(caller) = self.callers.get(&contact) else {
            return String::new();
        };
        let waits = self.now.mono.since(caller.entered.mono).as_secs();
        match self.queues[caller.queue.0].free.len().saturating_sub(1) {
            0 => format!("only caller waiting: {waits} s"),
            1 => format!("first in line: waits {waits} s, before 1 other"),
            others => format!("first in line: waits {waits} s, before {others} others"),
        }
    }
}

/// One of these by lot, in proportion to their weights.
fn by_lot(queue: &QueueState, may: &[(IdleSince, usize)], rng: &mut Rng) -> Option<(IdleSince, usize)> {
    let weight = |member: usize| u64::from(queue.members[member].tier.weight);
    let mut drawn = rng.below(may.iter().map(|(_, member)| weight(*member)).sum());
    may.iter().copied().find(|(_, member)| {
        let mine = weight(*member);
        let hit = drawn < mine;
        drawn = drawn.saturating_sub(mine);
        hit
    })
}

impl QueueState {
    /// Whether every agent may take every caller and the longest idle comes first.
    fn is_plain(&self) -> bool {
        let rules = &self.rules;
        let by_idleness = matches!(
            rules.policy,
            Policy::LongestIdle | Policy::RingAll { .. } | Policy::Progressive { .. }
        );
        by_idleness && !rules.tiered && rules.steps.is_empty() && rules.delays.is_empty()
    }
}
