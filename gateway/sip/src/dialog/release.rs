//! Ending legs by our own will: reject, CANCEL or BYE, whatever the state asks for (RFC 3261 §15).

use hotline_types::LegId;

use super::Dialog;
use super::leg::{Leg, Legs};
use crate::ReleaseReason;
use crate::header::Name;
use crate::message::Method;
use crate::transaction::{Stack, User};

impl Legs {
    /// Ends the leg. No more events about it follow.
    pub(crate) fn release(&mut self, stack: &mut Stack, leg: LegId, reason: ReleaseReason) {
        match self.table.get_mut(&leg) {
            None => {}
            Some(Leg::Incoming(_)) => {
                let (status, retry) = match reason {
                    ReleaseReason::Shutdown => (503, Some(30)),
                    ReleaseReason::Fault => (500, None),
                    _ => (480, None),
                };
                self.reject(stack, leg, status, retry, None);
            }
            Some(Leg::Dialling(dialling)) => {
                for fork in dialling.forks.iter().filter(|fork| fork.failed.is_none()) {
                    stack.client_cancel(fork.tx, reason_value(reason));
                }
                self.remove(stack, leg);
            }
            // The callee waits for the ACK, or for its transaction to time out, before it may send BYE (§15).
            Some(Leg::Up(up)) if up.ok.as_ref().is_some_and(|ok| ok.first) => up.released = Some(reason),
            Some(Leg::Up(_)) => self.bye(stack, leg, reason),
        }
    }

    /// Sends BYE and forgets the leg; the transaction runs on by itself.
    pub(super) fn bye(&mut self, stack: &mut Stack, leg: LegId, reason: ReleaseReason) {
        let Some(Leg::Up(up)) = self.remove(stack, leg) else {
            return;
        };
        up.end_waiting(stack);
        self.send_bye(stack, up.dialog, reason);
    }

    /// Sends BYE in a dialog that is no leg (any more).
    pub(super) fn send_bye(&self, stack: &mut Stack, mut dialog: Dialog, reason: ReleaseReason) {
        let (tx, cseq) = (stack.new_branch(), dialog.next_cseq());
        let mut bye = dialog.request(Method::Bye, tx, cseq, &self.settings.product);
        if let Some(reason) = reason_value(reason) {
            bye = bye.header(Name::Reason, reason);
        }
        let bytes = bye.finish();
        stack.client_send(tx, User::Nobody, dialog.hop, bytes, false);
    }
}

/// The Reason (RFC 3326) of a CANCEL or BYE.
pub(super) fn reason_value(reason: ReleaseReason) -> Option<&'static str> {
    match reason {
        ReleaseReason::Normal => Some("Q.850;cause=16"),
        ReleaseReason::CompletedElsewhere => Some("SIP;cause=200;text=\"Call completed elsewhere\""),
        ReleaseReason::NoAnswer => None,
        ReleaseReason::MediaLost => Some("Q.850;cause=102"),
        ReleaseReason::Shutdown => Some("SIP;cause=503"),
        ReleaseReason::Fault => Some("Q.850;cause=41"),
    }
}
