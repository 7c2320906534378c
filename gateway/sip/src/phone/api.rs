//! The contract of the phone: what goes in, what comes out.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::{LegId, Pii, Time};

use crate::{ConnId, DialFailure, LegEnd, ListenerId, Received, Transmit, Transport};

/// Settings of a phone.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// Product token of User-Agent.
    pub product: String,
    /// The number of its socket in [`Transmit`].
    pub listener: ListenerId,
    /// Its address, as it shows itself in Via and Contact.
    pub address: SocketAddr,
    /// RFC 3261 timer T1.
    pub t1: Duration,
    /// Most legs at once.
    pub legs_max: usize,
    /// Most transactions at once.
    pub transactions_max: usize,
}

/// What a phone may be told to do. A command about a leg that is gone is ignored.
#[derive(Clone, Debug)]
pub enum PhoneCommand {
    /// Registers an account and keeps it registered. Again: with new data at once.
    Register {
        /// Address of the registrar.
        server: SocketAddr,
        /// Transport to it.
        transport: Transport,
        /// User of the account; also its digest's user name.
        user: String,
        /// The password.
        password: Pii<String>,
        /// Expiry asked for; refreshed after half of it.
        expires: Duration,
    },
    /// Removes the binding of an account and forgets the account.
    Unregister {
        /// User of the account.
        user: String,
    },
    /// Calls.
    Call {
        /// The new leg, numbered by [`super::Phone::new_leg`].
        leg: LegId,
        /// Whom: the Request-URI.
        uri: String,
        /// Where the INVITE goes.
        server: SocketAddr,
        /// By which transport.
        transport: Transport,
        /// The number to show; of an account with this name challenges are answered.
        from: Pii<String>,
        /// The name to show.
        display: Pii<String>,
        /// The SDP offer.
        sdp: Vec<u8>,
        /// Extra headers, free of CR and LF.
        headers: Vec<(Cow<'static, str>, String)>,
    },
    /// 180 to an incoming call.
    Ring {
        /// The leg.
        leg: LegId,
    },
    /// 200 to an incoming call.
    Answer {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// Refuses an incoming call.
    Reject {
        /// The leg.
        leg: LegId,
        /// Status, 300 to 699.
        status: u16,
    },
    /// Ends a leg in whatever state. No more events about it follow.
    Hangup {
        /// The leg.
        leg: LegId,
    },
    /// Sends a re-INVITE: hold, resume, other media.
    Reoffer {
        /// The leg.
        leg: LegId,
        /// The SDP offer.
        sdp: Vec<u8>,
    },
    /// Asks that the call be transferred (REFER).
    Refer {
        /// The leg.
        leg: LegId,
        /// Whom to: a SIP URI without headers.
        uri: String,
        /// The leg to this target that the transferred call is to replace: an attended transfer.
        replaces: Option<LegId>,
    },
    /// Answers a re-INVITE or UPDATE.
    AnswerReoffer {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// Refuses a re-INVITE or UPDATE.
    RejectReoffer {
        /// The leg.
        leg: LegId,
        /// Status, 300 to 699.
        status: u16,
    },
    /// Sends a digit by INFO (application/dtmf-relay).
    Digit {
        /// The leg.
        leg: LegId,
        /// One of `0-9 * # A-D`.
        digit: Pii<char>,
    },
}

/// What a phone reports.
#[derive(Clone, Debug)]
pub enum PhoneEvent {
    /// An account is registered, or registered again.
    Registered {
        /// User of the account.
        user: String,
    },
    /// A registration failed; it is tried again after a pause, except after 403.
    RegisterFailed {
        /// User of the account.
        user: String,
        /// Status of the refusal; none where nobody answered.
        status: Option<u16>,
    },
    /// A call comes in.
    Incoming {
        /// The new leg.
        leg: LegId,
        /// User part of the Request-URI: the account called.
        called: String,
        /// The number shown.
        caller: Pii<String>,
        /// The name shown.
        display: Option<Pii<String>>,
        /// Its SDP offer.
        offer: Option<Vec<u8>>,
        /// Headers that SIP itself does not know, such as `X-...`.
        headers: Vec<(String, String)>,
    },
    /// The ACK of our 200 came.
    Confirmed {
        /// The leg.
        leg: LegId,
    },
    /// The called side rings.
    Ringing {
        /// The leg.
        leg: LegId,
    },
    /// The called side answered.
    Answered {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// A call of ours did not come up.
    Failed {
        /// The leg.
        leg: LegId,
        /// Why.
        failure: DialFailure,
    },
    /// A leg ended by itself or the other side.
    Ended {
        /// The leg.
        leg: LegId,
        /// Why.
        end: LegEnd,
    },
    /// The other side offers new media.
    Reoffered {
        /// The leg.
        leg: LegId,
        /// The SDP; none where our offer is asked for.
        offer: Option<Vec<u8>>,
    },
    /// Our re-INVITE was answered.
    ReofferAnswered {
        /// The leg.
        leg: LegId,
        /// The SDP answer.
        sdp: Vec<u8>,
    },
    /// How the transfer that we asked for stands; a status from 200 on is the last word.
    ReferProgress {
        /// The leg.
        leg: LegId,
        /// The status.
        status: u16,
    },
    /// Our re-INVITE was refused; the call goes on.
    ReofferRefused {
        /// The leg.
        leg: LegId,
        /// The status.
        status: u16,
    },
}

/// What the world tells a phone.
#[derive(Clone, Debug)]
pub enum PhoneInput {
    /// A message arrived.
    Received(Received),
    /// A message could not be sent.
    TransportFailed {
        /// Its transport.
        transport: Transport,
        /// Where it should have gone.
        to: SocketAddr,
    },
    /// A connection is gone.
    Closed(ConnId),
    /// The user wants something.
    Command(PhoneCommand),
    /// The deadline of the last [`PhoneOutput::Timeout`] has come.
    Timeout,
}

/// What a phone wants.
#[derive(Clone, Debug)]
pub enum PhoneOutput {
    /// Send this.
    Transmit(Transmit),
    /// Tell the user.
    Event(PhoneEvent),
    /// Nothing more now; call again then. None: no timer runs.
    Timeout(Option<Time>),
}
