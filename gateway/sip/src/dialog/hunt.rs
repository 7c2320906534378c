//! Calls to a trunk: one gateway after the other, until one takes the call (RFC 3263 §4.3).

use std::collections::VecDeque;
use std::time::Duration;

use hotline_types::LegId;

use super::leg::{Leg, Legs};
use super::outbound::{Fork, Invitation, Target};
use crate::DialFailure;
use crate::endpoint::wire;
use crate::message::Message;
use crate::transaction::{Hop, Stack, User};
use crate::trunk::TrunkId;

/// How long a gateway may be silent after an INVITE: the caller waits meanwhile. A call that it has begun to work on
/// (100) is not hurried.
const SILENCE_MAX: Duration = Duration::from_secs(4);

/// The way of one call through a trunk's gateways.
#[derive(Debug)]
pub(crate) struct Hunt {
    pub(crate) trunk: TrunkId,
    /// The first INVITE, which the others repeat.
    request: Vec<u8>,
    rest: VecDeque<Hop>,
}

impl Legs {
    /// Sends the INVITE to the first gateway; the others are tried when it does not serve.
    pub(crate) fn dial_hunting(
        &mut self,
        stack: &mut Stack,
        leg: LegId,
        first: &Target,
        rest: VecDeque<Hop>,
        trunk: TrunkId,
        invitation: &Invitation<'_>,
    ) {
        self.dial(stack, leg, std::slice::from_ref(first), invitation);
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return;
        };
        let Some(fork) = dialling.forks.first() else {
            return;
        };
        let Some((request, _)) = stack.client_request(fork.tx) else {
            return;
        };
        let request = request.bytes().to_vec();
        stack.client_hurry(fork.tx, SILENCE_MAX);
        dialling.hunt = Some(Box::new(Hunt { trunk, request, rest }));
    }

    /// The trunk that a call of ours goes by.
    pub(crate) fn trunk_of_dial(&self, leg: LegId) -> Option<TrunkId> {
        match self.table.get(&leg)? {
            Leg::Dialling(dialling) => dialling.hunt.as_ref().map(|hunt| hunt.trunk),
            Leg::Incoming(_) | Leg::Up(_) => None,
        }
    }

    /// Tries the next gateway where this failure speaks of the gateway and not of the number called.
    pub(super) fn hunt_on(&mut self, stack: &mut Stack, leg: LegId, failure: DialFailure) {
        let of_gateway = matches!(
            failure,
            DialFailure::Unreachable | DialFailure::Status(408 | 500 | 502..=504)
        );
        let Some(Leg::Dialling(dialling)) = self.table.get_mut(&leg) else {
            return;
        };
        let fork = dialling.forks.len();
        let Some(hunt) = dialling.hunt.as_mut().filter(|_| of_gateway) else {
            return;
        };
        let Some(hop) = hunt.rest.pop_front() else { return };
        let Ok(request) = Message::index(&hunt.request) else {
            return;
        };
        let tx = stack.new_branch();
        let again = wire::repeated(&request, tx, &[]);
        let Some(local_tag) = dialling.forks.first().map(|fork| fork.local_tag) else {
            return;
        };
        hunt.request.clone_from(&again);
        dialling.forks.push(Fork {
            tx,
            local_tag,
            failed: None,
            answered_challenge: false,
            early: Vec::new(),
        });
        stack.client_send(tx, User::Dial { leg, fork }, hop, again, true);
        stack.client_hurry(tx, SILENCE_MAX);
    }
}
