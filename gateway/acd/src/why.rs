//! Why: in one sentence, why a contact waits and why an agent gets no call. Read from the same tables that decide.

use hotline_types::{AgentSlug, ContactId, DeviceState, Intent};

use crate::Acd;
use crate::agent::{AgentNo, AgentState, Work};
use crate::queue::{Caller, Member, QueueState};

impl Acd {
    /// Why this contact waits, or with whom it is. None where it is neither in a queue nor in a talk.
    #[must_use]
    pub fn why_contact(&self, contact: ContactId) -> Option<String> {
        if let Some(agent) = self.talks_with(contact) {
            return Some(format!("talks with agent {agent}"));
        }
        let caller = self.callers.get(&contact)?;
        let queue = &self.queues[caller.queue.0];
        let place = self.position(contact)?;
        let waits = format!(
            "waits in queue {} at place {place} for {} s",
            queue.slug,
            caller.age(self.now.mono).as_secs()
        );
        if !caller.offers.is_empty() {
            let rung = caller
                .offers
                .iter()
                .map(|agent| self.agents[agent.0].slug.as_str());
            return Some(format!("{waits}: the phone of {} rings", list(rung)));
        }
        if let Some(agent) = self.awaits(caller) {
            let left = caller.prefer_until.since(self.now.mono).as_secs();
            let slug = &self.agents[agent.0].slug;
            return Some(format!(
                "{waits}: agent {slug} served this caller last and is waited for, {left} s more"
            ));
        }
        if self.is_late(caller) {
            return Some(format!(
                "{waits}: too little of its longest wait is left to ring a phone"
            ));
        }
        let out: Vec<String> = queue
            .members
            .iter()
            .map(|member| self.out_of_reach(caller, queue, member).to_owned())
            .collect();
        Some(if out.is_empty() {
            format!("{waits}: no agent serves the queue")
        } else {
            format!("{waits}: of {} agents {}", out.len(), counted(&out))
        })
    }

    /// Why this agent is not offered a call now. None for an unknown agent.
    #[must_use]
    pub fn why_agent_idle(&self, agent: &AgentSlug) -> Option<String> {
        let no = *self.agent_nos.get(agent)?;
        let state = &self.agents[no.0];
        let reason = match blocked(state) {
            Some(reason) => said(reason, true),
            None => self.why_free(no),
        };
        let pause = match &state.intent {
            Intent::Paused { reason } => format!(" ({reason})"),
            Intent::Ready | Intent::LoggedOut => String::new(),
        };
        Some(format!("agent {agent}: {reason}{pause}"))
    }

    /// Why a free agent has no call: nobody waits, or those who wait are not for it.
    fn why_free(&self, no: AgentNo) -> String {
        let mut out = Vec::new();
        for serves in &self.agents[no.0].queues {
            let queue = &self.queues[serves.queue.0];
            let member = &queue.members[serves.member];
            for place in &queue.free {
                if let Some(caller) = self.callers.get(&place.contact) {
                    out.push(self.not_for(caller, queue, member).to_owned());
                }
            }
        }
        let served = self.agents[no.0].queues.len();
        match (served, out.is_empty()) {
            (0, _) => "serves no queue".to_owned(),
            (_, true) => format!("is free, and nobody waits in its {served} queue(s)"),
            (_, false) => format!("is free; of {} callers waiting {}", out.len(), counted(&out)),
        }
    }

    /// Why this agent does not take this caller now.
    fn out_of_reach(&self, caller: &Caller, queue: &QueueState, member: &Member) -> &'static str {
        blocked(&self.agents[member.agent.0]).unwrap_or_else(|| self.not_for(caller, queue, member))
    }

    /// Why a free agent is not for this caller.
    fn not_for(&self, caller: &Caller, queue: &QueueState, member: &Member) -> &'static str {
        if caller.age(self.now.mono) < member.tier.delay {
            "help(s) only with longer waits"
        } else if self.awaits(caller).is_some_and(|awaited| awaited != member.agent) {
            "wait(s) for another agent"
        } else if self.is_late(caller) {
            "has/have too little wait left"
        } else if !self.may_take(caller, queue, member) {
            "lack(s) the skill that is needed so far"
        } else {
            "is/are free this very moment"
        }
    }
}

/// Why nothing at all can be offered to this agent.
fn blocked(agent: &AgentState) -> Option<&'static str> {
    if !agent.on_duty {
        return Some("is/are off duty");
    }
    match agent.intent {
        Intent::LoggedOut => return Some("is/are logged out"),
        Intent::Paused { .. } => return Some("is/are paused"),
        Intent::Ready => {}
    }
    match agent.work {
        Work::Talking { .. } => return Some("talk(s)"),
        Work::WrapUp { .. } => return Some("is/are in wrap-up"),
        Work::Offered(_) => return Some("is/are being rung"),
        Work::CoolOff { .. } => return Some("rest(s) after an unanswered offer"),
        Work::Idle { .. } => {}
    }
    match agent.device() {
        DeviceState::Registered => None,
        DeviceState::Unreachable => Some("has/have no reachable phone"),
        DeviceState::BusyElsewhere => Some("is/are in another call"),
    }
}

/// `2 talk(s), 1 is/are paused`, most frequent first.
fn counted(reasons: &[String]) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for reason in reasons {
        *counts.entry(reason.as_str()).or_insert(0_usize) += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    let said = counts.into_iter().map(|(reason, count)| {
        let reason = said(reason, count == 1);
        format!("{count} {reason}")
    });
    said.collect::<Vec<_>>().join(", ")
}

/// The reason for one (`talks`, `is paused`) or for several (`talk`, `are paused`).
fn said(reason: &str, one: bool) -> String {
    if let Some((single, many)) = reason.split_once('/') {
        let (many, rest) = many.split_once(' ').unwrap_or((many, ""));
        return format!("{} {rest}", if one { single } else { many });
    }
    reason.replace("(s)", if one { "s" } else { "" })
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
