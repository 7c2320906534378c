//! What users command and ask; what the switch remembers of callers.

use hotline_journal::{By, Draft, What};
use hotline_sip::ReleaseReason;
use hotline_types::{AgentSlug, HangupBy, Intent, Now};

use super::Switch;
use crate::api::{Command, Reply};
use crate::call::Ending;
use crate::familiar::Served;

impl Switch {
    pub(super) fn on_command(&mut self, now: Now, by: By, command: Command) -> Reply {
        let (agent, input) = match command {
            Command::Transfer { contact, agent, to } => {
                return self.on_transfer(now, by, (contact, agent.as_ref(), &to));
            }
            Command::ActivateFlow { .. } | Command::Emergency { .. } => {
                return self.on_flow_command(now, by, command);
            }
            Command::Heard {
                contact,
                segment,
                how,
            } => return self.on_heard(now, by, (contact, segment), how),
            Command::Recording { contact, command } => {
                return self.on_recording_command(now, by, contact, command);
            }
            Command::WhyAgent { agent } => {
                let told = self.acd.why_agent_idle(&agent);
                return told.map_or(Reply::UnknownAgent, Reply::Told);
            }
            Command::WhyContact { contact } => {
                let told = self.acd.why_contact(contact);
                return told.map_or(Reply::UnknownContact, Reply::Told);
            }
            Command::SetIntent { agent, intent } => {
                if let Intent::Paused { reason } = &intent
                    && let Err(refusal) = self.acd.may_pause(&agent, reason)
                {
                    return Reply::NotPaused(refusal);
                }
                let of = agent.clone();
                (of, hotline_acd::Input::Intent { agent, intent, by })
            }
            Command::Dispose { agent, code } => {
                if !self.acd.may_dispose(&agent) {
                    return match self.acd.agent(&agent) {
                        Some(_) => Reply::NothingToDispose,
                        None => Reply::UnknownAgent,
                    };
                }
                let of = agent.clone();
                (of, hotline_acd::Input::Disposed { agent, code, by })
            }
            Command::Release { agent } => {
                self.take_talk_apart(now, &agent);
                let of = agent.clone();
                (of, hotline_acd::Input::Release { agent, by })
            }
        };
        if self.acd.agent(&agent).is_none() {
            return Reply::UnknownAgent;
        }
        self.acd.handle(now, input);
        self.settle(now);
        Reply::Done(self.out.last())
    }

    /// The talk is taken apart first, so that the agent never has two calls.
    fn take_talk_apart(&mut self, now: Now, agent: &AgentSlug) {
        let contact = self.acd.agent(agent).and_then(|view| view.contact);
        let contact = contact.filter(|contact| self.acd.talks_with(*contact).is_some());
        if let Some(contact) = contact {
            self.with_call(now, contact, |call, cx| {
                call.close(cx, Ending::HungUp(HangupBy::System), ReleaseReason::Normal);
            });
        }
    }

    /// Who serves a caller is its last agent from now on, and a place that it had lost is made good.
    pub(super) fn remember(&mut self, now: Now, draft: &Draft) {
        let (What::Bridged { .. }, Some(contact), Some(agent)) = (&draft.what, draft.contact, &draft.agent)
        else {
            return;
        };
        if let Some(call) = self.calls.get(&contact) {
            self.familiar.made_good(&call.caller_number);
            self.familiar.served(Served {
                number: call.caller_number.clone(),
                agent: agent.clone(),
                at: now.wall,
            });
        }
    }
}
