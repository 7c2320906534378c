//! The end of contacts: one record each, and nothing left behind.

use hotline_journal::{By, Draft, What};
use hotline_media::MediaCommand;
use hotline_sip::ReleaseReason;
use hotline_types::{ContactId, EndCause, HangupBy, LegId, LostReason, Now, QueueExit};

use super::{Drain, Switch};
use crate::api::Effect;
use crate::call::{Ending, Phase};

impl Switch {
    /// Writes the contact's one record and forgets it.
    pub(super) fn close_contact(&mut self, now: Now, contact: ContactId, ending: Ending) {
        let exit = self.exits.remove(&contact);
        self.close_consults_of(now, contact);
        let by = match ending {
            Ending::HungUp(HangupBy::Caller) => By::Caller,
            Ending::HungUp(_) | Ending::Refused(..) | Ending::Lost(_) => By::System,
        };
        let sip_status = match ending {
            Ending::Refused(_, status) => Some(status),
            Ending::HungUp(_) | Ending::Lost(_) => None,
        };
        let cause = cause_of(ending, exit);
        self.out.event(
            now,
            Draft::new(by, What::ContactClosed { cause, sip_status }).contact(contact),
        );
        self.timers.clear(contact);
        if let Some(call) = self.calls.remove(&contact) {
            self.uncommitted.remove(&call.opened);
        }
    }

    /// Ends a call whose own machine failed, from outside; its legs were let go.
    pub(super) fn abandon_call(&mut self, now: Now, contact: ContactId, lost: LostReason) {
        self.acd.handle(
            now,
            hotline_acd::Input::Leave {
                contact,
                why: hotline_acd::Leave::Lost(lost),
            },
        );
        self.acd.handle(now, hotline_acd::Input::TalkEnded { contact });
        self.drain_acd(now);
        self.close_contact(now, contact, Ending::Lost(lost));
    }

    /// Lets every leg of a call go whose machine failed.
    pub(super) fn let_go_legs_of(&mut self, now: Now, id: ContactId) {
        let legs: Vec<LegId> = self
            .legs
            .iter()
            .filter(|(_, owner)| **owner == id)
            .map(|(leg, _)| *leg)
            .collect();
        for leg in legs {
            self.out
                .effect(Effect::Media(MediaCommand::StopRecord { caller: leg }));
            self.let_go(now, leg, ReleaseReason::Fault);
        }
    }

    /// The drain's limit: whoever is left is cut off, and counted as lost by the shutdown.
    pub(super) fn cut_off(&mut self, now: Now) {
        self.end_agent_calls(now);
        let contacts: Vec<ContactId> = self.calls.keys().copied().collect();
        for contact in contacts {
            self.with_call(now, contact, |call, cx| {
                let ending = match call.phase {
                    // The talk took place: it is a completed contact that we ended.
                    Phase::Talking(_) | Phase::Outside(_) => Ending::HungUp(HangupBy::System),
                    _ => Ending::Lost(LostReason::Shutdown),
                };
                call.close(cx, ending, ReleaseReason::Shutdown);
            });
        }
    }

    /// Says once that a shutdown has nothing left to wait for.
    pub(super) fn finish_drain(&mut self, now: Now) {
        let quiet = self.calls.is_empty() && self.agent_calls.table.is_empty() && self.recordings.is_empty();
        if matches!(self.drain, Drain::Until(_)) && quiet {
            self.drain = Drain::Done;
            self.out.event(now, Draft::new(By::System, What::Stopped));
            self.out.effect(Effect::Drained);
        }
    }
}

/// The cause of a contact's end: what ended it, seen with how it left its last queue.
const fn cause_of(ending: Ending, exit: Option<QueueExit>) -> EndCause {
    match (ending, exit) {
        (Ending::Refused(reason, _), _) => EndCause::Refused(reason),
        (Ending::Lost(lost), _) => EndCause::Lost(lost),
        (Ending::HungUp(by), None) => EndCause::EndedInIvr(by),
        (Ending::HungUp(by), Some(QueueExit::Answered)) => EndCause::Completed(by),
        (Ending::HungUp(_), Some(QueueExit::Abandoned(phase))) => EndCause::Abandoned(phase),
        (Ending::HungUp(_), Some(QueueExit::FlowedOut(why))) => EndCause::FlowedOut(why),
        (Ending::HungUp(_), Some(QueueExit::Lost(lost))) => EndCause::Lost(lost),
    }
}
