//! Ending legs by our own will: reject, CANCEL or BYE, whatever the state asks for (RFC 3261 §15).

use hotline_types::LegId;

use super::leg::{Leg, Legs};
use super::{Dialog, Within};
use crate::ReleaseReason;
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
                    stack.client_cancel(fork.tx, reason_line(reason));
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
        if let Some(answering) = &up.answering {
            let draft = crate::endpoint::wire::Draft::response(487, &answering.head);
            stack.server_respond(answering.tx, 487, draft.end());
        }
        self.send_bye(stack, up.dialog, reason);
    }

    /// Sends BYE in a dialog that is no leg (any more).
    pub(super) fn send_bye(&self, stack: &mut Stack, mut dialog: Dialog, reason: ReleaseReason) {
        let (tx, cseq) = (stack.new_branch(), dialog.next_cseq());
        let within = Within {
            method: "BYE",
            tx,
            cseq,
            reason: reason_line(reason),
            product: &self.settings.product,
        };
        let bytes = dialog.request(&within).end();
        stack.client_send(tx, User::Nobody, dialog.hop, bytes, false);
    }
}

/// The Reason header line (RFC 3326) of a CANCEL or BYE.
pub(super) fn reason_line(reason: ReleaseReason) -> &'static str {
    match reason {
        ReleaseReason::Normal => "Reason: Q.850;cause=16\r\n",
        ReleaseReason::CompletedElsewhere => "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n",
        ReleaseReason::NoAnswer => "",
        ReleaseReason::MediaLost => "Reason: Q.850;cause=102\r\n",
        ReleaseReason::Shutdown => "Reason: SIP;cause=503\r\n",
        ReleaseReason::Fault => "Reason: Q.850;cause=41\r\n",
    }
}
