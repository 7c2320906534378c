//! Dialogs (RFC 3261 §12): the peer relation that requests of one leg travel in.

mod hunt;
mod inbound;
mod leg;
mod offer;
mod outbound;
mod refer;
mod release;
mod reliable;
mod session;
mod within;

pub(crate) use inbound::Call;
pub(crate) use leg::{LegSettings, Legs, SocketFace};
pub(crate) use outbound::{Invitation, Target, from_value};
pub(crate) use within::refusal_of;

use crate::Transport;
use crate::build::Builder;
use crate::endpoint::envelope::Envelope;
use crate::endpoint::wire;
use crate::header::Name;
use crate::message::{Message, Method};
use crate::transaction::{Hop, Stack, TxId};

/// Longest route set that we keep.
const ROUTES_MAX: usize = 16;

/// State of one confirmed or early dialog.
#[derive(Debug)]
pub(crate) struct Dialog {
    /// Our tag, as a number.
    pub(crate) local_tag: u64,
    pub(crate) remote_tag: String,
    pub(crate) call_id: String,
    /// From value of our requests, with our tag.
    local: String,
    /// To value of our requests, with the peer's tag.
    remote: String,
    /// The peer's Contact URI.
    pub(crate) target: String,
    /// Route header values, in the order of our requests.
    routes: Vec<String>,
    local_cseq: u32,
    /// CSeq of the peer's latest request.
    pub(crate) remote_cseq: Option<u32>,
    /// Where our requests go.
    pub(crate) hop: Hop,
    /// Address that our Via and Contact show.
    pub(crate) face: SocketFace,
    /// Who made the Call-ID; decides the pause after a glare (§14.1).
    pub(crate) we_called: bool,
}

impl Dialog {
    /// The UAS side (§12.1.1), from an INVITE that passed its checks. `target` is its Contact URI.
    pub(crate) fn of_invite(
        env: &Envelope<'_>,
        local_tag: u64,
        target: &str,
        hop: Hop,
        face: SocketFace,
    ) -> Self {
        Self {
            local_tag,
            remote_tag: env.from_tag.to_owned(),
            call_id: env.call_id.to_owned(),
            local: format!("{};tag={local_tag:016x}", env.to_value),
            remote: env.from_value.to_string(),
            target: target.to_owned(),
            routes: env.record_routes().take(ROUTES_MAX).collect(),
            local_cseq: 0,
            remote_cseq: Some(env.cseq),
            hop,
            face,
            we_called: false,
        }
    }

    /// The UAC side (§12.1.2), from our INVITE as sent and a 2xx to it.
    pub(crate) fn of_answer(invite: &Message<'_>, env: &Envelope<'_>, hop: Hop, face: SocketFace) -> Self {
        let local_tag = invite
            .from()
            .ok()
            .and_then(|from| from.tag().and_then(wire::parse_hex));
        let text = |name| {
            invite
                .first(name)
                .and_then(|value| value.text().ok())
                .unwrap_or_default()
        };
        let mut routes: Vec<String> = env.record_routes().take(ROUTES_MAX).collect();
        routes.reverse();
        Self {
            local_tag: local_tag.unwrap_or(0),
            remote_tag: env.to_tag.unwrap_or("").to_owned(),
            call_id: text(Name::CallId).to_owned(),
            local: text(Name::From).to_owned(),
            remote: env.to_value.to_string(),
            target: env.contact().or(invite.raw_uri()).unwrap_or_default().to_owned(),
            routes,
            local_cseq: invite.cseq().map_or(0, |cseq| cseq.number),
            remote_cseq: None,
            hop,
            face,
            we_called: true,
        }
    }

    /// The dialog of a re-INVITE of ours whose leg is gone: its route set is that of the request.
    pub(crate) fn of_reinvite(invite: &Message<'_>, env: &Envelope<'_>, hop: Hop, face: SocketFace) -> Self {
        let routes = invite.all(Name::Route);
        Self {
            routes: routes
                .filter_map(|route| route.text().ok().map(str::to_owned))
                .collect(),
            ..Self::of_answer(invite, env, hop, face)
        }
    }

    /// Whether a request of the peer belongs to this dialog (§12.2.2); our tag was matched already.
    pub(crate) fn is_of(&self, env: &Envelope<'_>) -> bool {
        self.call_id == env.call_id && self.remote_tag == env.from_tag
    }

    /// Takes the next CSeq number.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.wrapping_add(1);
        self.local_cseq
    }

    /// The CSeq number of our latest request, for the ACK of the INVITE that made the dialog.
    pub(crate) fn last_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Goes on behind a request of the early dialog.
    pub(crate) fn skip_to(&mut self, cseq: u32) {
        self.local_cseq = self.local_cseq.max(cseq);
    }

    /// Refreshes the remote target (§12.2): the Contact of a re-INVITE, an UPDATE or their 2xx.
    pub(crate) fn refresh_target(&mut self, env: &Envelope<'_>) {
        if let Some(target) = env.contact() {
            target.clone_into(&mut self.target);
        }
    }

    /// Begins a request in this dialog (§12.2.1.1). Strict routers are not served: the route set goes out as it is.
    pub(crate) fn request(&self, method: Method<'_>, tx: TxId, cseq: u32, product: &str) -> Builder {
        let mut draft = wire::request(method, &self.target, tx, self.hop.transport, self.face.advertised);
        for route in &self.routes {
            draft = draft.header(Name::Route, route);
        }
        draft = draft
            .header(Name::From, &self.local)
            .header(Name::To, &self.remote)
            .header(Name::CallId, &self.call_id)
            .header(Name::CSeq, format_args!("{cseq} {method}"));
        if matches!(method, Method::Invite | Method::Update) {
            draft = draft
                .header(Name::Contact, contact(&self.face, self.hop.transport))
                .header(Name::Allow, wire::ALLOW);
        }
        draft.header(Name::UserAgent, product)
    }

    /// Sends the ACK of a 2xx to our INVITE of this number (§13.2.2.4).
    fn acknowledge(&self, stack: &mut Stack, tx: TxId, cseq: u32, env: &Envelope<'_>, product: &str) {
        let ack = self
            .request(Method::Ack, stack.new_branch(), cseq, product)
            .finish();
        stack.client_acknowledge(tx, env.to_tag.unwrap_or("").as_bytes(), self.hop, ack);
    }
}

/// Our Contact on this listener.
pub(crate) fn contact(face: &SocketFace, transport: Transport) -> wire::Contact<'static> {
    wire::Contact {
        user: face.user,
        at: face.advertised,
        transport,
    }
}
