//! What the endpoint does for its trunks: REGISTER, keep-alive OPTIONS, calls to outside numbers.

use std::net::SocketAddr;
use std::time::Duration;

use hotline_types::TrunkSlug;

use super::Endpoint;
use super::agent::UserAgent;
use super::envelope::Envelope;
use super::wire;
use crate::dialog::{Invitation, Target};
use crate::digest::Challenge;
use crate::header::{Contact, Name};
use crate::message::Method;
use crate::timer::TimerKey;
use crate::transaction::{Hop, TxId, User};
use crate::trunk::registration::{Heard, ROUTES_MAX, Registration, Step};
use crate::trunk::{TrunkDial, TrunkId};
use crate::{DialFailure, Event, IdentityIn, TrunkEvent, TrunkState};

impl Endpoint {
    /// Begins: every trunk registers and asks its gateways at once.
    pub(super) fn start_trunks(&mut self) {
        let now = self.ua.stack.now;
        for id in self.trunks.ids() {
            let Some(line) = self.trunks.get(id) else { continue };
            if line.registration.is_some() {
                self.ua.stack.timers.set(TimerKey::TrunkRegister(id), now);
            }
            if line.config.rules.ping.is_some() {
                self.ua.stack.timers.set(TimerKey::TrunkPing(id), now);
            }
            self.tell_trunk(id);
        }
    }

    /// Every trunk as it is now.
    pub fn trunks(&self) -> impl Iterator<Item = TrunkState> + '_ {
        let now = self.ua.stack.now;
        self.trunks.iter().map(move |line| {
            let takes_calls = !line.config.rules.gateways.is_empty();
            let up = !takes_calls || line.is_up(now);
            TrunkState {
                slug: line.config.slug.clone(),
                takes_calls,
                up,
                down: (!up).then(|| line.why_down(now)),
                gateways: line
                    .targets
                    .iter()
                    .map(|target| (target.at, target.health.is_up()))
                    .collect(),
                registered: line.is_registered(now),
            }
        })
    }

    /// Whether calls may be sent to this trunk now.
    #[must_use]
    pub fn is_trunk_up(&self, trunk: &TrunkSlug) -> bool {
        self.trunks
            .named(trunk)
            .and_then(|id| self.trunks.get(id))
            .is_some_and(|line| line.is_up(self.ua.stack.now))
    }

    /// Says once that a trunk went up or down, and why.
    pub(super) fn tell_trunk(&mut self, id: TrunkId) {
        let now = self.ua.stack.now;
        let Some(line) = self.trunks.get_mut(id) else {
            return;
        };
        if line.config.rules.gateways.is_empty() {
            return;
        }
        let down = (!line.is_up(now)).then(|| line.why_down(now));
        if line.told.replace(down) == Some(down) {
            return;
        }
        let slug = line.config.slug.clone();
        let event = match down {
            None => TrunkEvent::Up(slug),
            Some(why) => TrunkEvent::Down(slug, why),
        };
        self.ua.legs.tell(Event::Trunk(event));
    }

    pub(super) fn register_with_trunk(&mut self, id: TrunkId) {
        let Some(registration) = self
            .trunks
            .get_mut(id)
            .and_then(|line| line.registration.as_mut())
        else {
            return;
        };
        let step = registration.due();
        self.follow(id, step);
    }

    fn follow(&mut self, id: TrunkId, step: Step) {
        match step {
            Step::Until(at) => self.ua.stack.timers.set(TimerKey::TrunkRegister(id), at),
            Step::Send => self.send_trunk_register(id),
        }
        self.tell_trunk(id);
    }

    fn send_trunk_register(&mut self, id: TrunkId) {
        let Some(line) = self.trunks.get_mut(id) else {
            return;
        };
        let stack = &mut self.ua.stack;
        stack.timers.cancel(TimerKey::TrunkRegister(id));
        let order = line.order(&mut stack.rng);
        let domain = line.domain();
        let Some(hop) = order.first().map(|at| line.hop(*at)) else {
            return self.trunk_silent(id);
        };
        let Some(face) = self.ua.legs.face(hop.listener, hop.to.ip()) else {
            return self.trunk_silent(id);
        };
        let (Some(account), Some(registration)) = (&line.config.rules.account, &mut line.registration) else {
            return;
        };
        let tx = stack.new_branch();
        let call = *registration.call.get_or_insert_with(|| stack.rng.next_u64());
        registration.cseq = registration.cseq.wrapping_add(1);
        let uri = format!("sip:{domain}");
        let user = &account.user;
        let contact = wire::Contact {
            user,
            at: face.advertised,
            transport: hop.transport,
        };
        let mut draft = wire::request(Method::Register, &uri, tx, hop.transport, face.advertised)
            .header(
                Name::From,
                format_args!("<sip:{user}@{domain}>;tag={:016x}", !call),
            )
            .header(Name::To, format_args!("<sip:{user}@{domain}>"))
            .header(Name::CallId, format_args!("{call:016x}"))
            .header(Name::CSeq, format_args!("{} REGISTER", registration.cseq))
            .header(Name::Contact, contact)
            .header(Name::Expires, registration.expires.as_secs())
            .header(Name::Supported, "path")
            .header(Name::Allow, wire::ALLOW)
            .header(Name::UserAgent, &self.ua.legs.settings.product);
        if let Some((challenge, uses)) = &mut registration.challenge {
            *uses += 1;
            let password = account.password.reveal();
            let value = challenge.answer(
                &account.auth_user,
                password,
                "REGISTER",
                &uri,
                *uses,
                &mut stack.rng,
            );
            draft = draft.header(challenge.answered_in, value);
        }
        stack.client_send(tx, User::TrunkRegister(id, hop.to), hop, draft.finish(), false);
    }

    /// The registrar's answer.
    pub(super) fn trunk_register_heard(
        &mut self,
        env: &Envelope<'_>,
        status: u16,
        id: TrunkId,
        at: SocketAddr,
    ) {
        if status < 200 {
            return;
        }
        self.gateway_answered(id, at, status);
        let Some(line) = self.trunks.get_mut(id) else {
            return;
        };
        let (Some(account), Some(registration)) = (&line.config.rules.account, &mut line.registration) else {
            return;
        };
        let (now, rng) = (self.ua.stack.now, &mut self.ua.stack.rng);
        let seconds = |name| env.msg.seconds(name).ok().flatten().map(u64::from);
        let heard = match status {
            200..300 => Heard::Granted {
                granted: granted(env, &account.user),
                routes: env
                    .msg
                    .items(Name::ServiceRoute)
                    .filter_map(|item| Some(item.ok()?.unfolded().ok()?.into_owned()))
                    .take(ROUTES_MAX)
                    .collect(),
                seen: seen(env),
            },
            401 | 407 => Heard::Challenged(status, Challenge::best(env.msg, Some(&account.realm))),
            423 => Heard::TooBrief(Duration::from_secs(seconds(Name::MinExpires).unwrap_or(0))),
            _ => Heard::Refused(status, seconds(Name::RetryAfter).map(Duration::from_secs)),
        };
        let step = registration.heard(now, heard, rng);
        self.follow(id, step);
    }

    /// Our REGISTER was not answered, or could not be sent.
    pub(super) fn trunk_register_lapsed(&mut self, id: TrunkId, at: SocketAddr) {
        self.gateway_failed(id, at);
        self.trunk_silent(id);
    }

    fn trunk_silent(&mut self, id: TrunkId) {
        let (now, rng) = (self.ua.stack.now, &mut self.ua.stack.rng);
        let registration = self
            .trunks
            .get_mut(id)
            .and_then(|line| line.registration.as_mut());
        if let Some(registration) = registration {
            let step = registration.heard(now, Heard::Silence, rng);
            self.follow(id, step);
        }
    }

    /// The connection to a trunk is gone: it may know us no more.
    pub(super) fn trunk_moved(&mut self, to: impl Fn(&Hop) -> bool) {
        for id in self.trunks.ids() {
            let Some(line) = self.trunks.get_mut(id) else {
                continue;
            };
            let hit = line.targets.iter().any(|target| to(&line.hop(target.at)));
            if hit && let Some(step) = line.registration.as_mut().and_then(Registration::moved) {
                self.follow(id, step);
            }
        }
    }

    /// The next OPTIONS to each gateway of a trunk.
    pub(super) fn ping_trunk(&mut self, id: TrunkId) {
        let Some(line) = self.trunks.get(id) else { return };
        let Some(pause) = line.config.rules.ping else {
            return;
        };
        for target in &line.targets {
            let hop = line.hop(target.at);
            let uri = format!("sip:{}", target.at);
            let Some((tx, draft)) = self.ua.options(&uri, hop) else {
                continue;
            };
            let bytes = draft.header(Name::Accept, "application/sdp").finish();
            let stack = &mut self.ua.stack;
            stack.client_send(tx, User::TrunkPing(id, target.at), hop, bytes, false);
            // Judged before the next one goes out, not after timer F.
            stack.client_hurry(tx, pause.min(PING_WAIT));
        }
        // Every 3/4 to 5/4 of the pause, so that gateways behind one carrier do not ask together.
        let stack = &mut self.ua.stack;
        let jitter = stack.rng.below(501) + 750;
        let wait = pause * u32::try_from(jitter).unwrap_or(1_000) / 1_000;
        let at = stack.now + wait.max(Duration::from_secs(1));
        stack.timers.set(TimerKey::TrunkPing(id), at);
        self.tell_trunk(id);
    }

    /// A gateway answered an OPTIONS.
    pub(super) fn trunk_pong(&mut self, env: &Envelope<'_>, status: u16, id: TrunkId, at: SocketAddr) {
        if status < 200 {
            return;
        }
        self.gateway_answered(id, at, status);
        let registration = self
            .trunks
            .get_mut(id)
            .and_then(|line| line.registration.as_mut());
        if let (Some(registration), Some(seen)) = (registration, seen(env))
            && let Some(step) = registration.seen(&seen)
        {
            self.follow(id, step);
        }
    }

    fn gateway_answered(&mut self, id: TrunkId, at: SocketAddr, status: u16) {
        self.judge_gateway(id, at, |health| health.answered(status));
    }

    /// A request to a gateway was not answered.
    pub(super) fn gateway_failed(&mut self, id: TrunkId, at: SocketAddr) {
        self.judge_gateway(id, at, crate::trunk::health::Health::failed);
    }

    fn judge_gateway(
        &mut self,
        id: TrunkId,
        at: SocketAddr,
        judge: impl FnOnce(&mut crate::trunk::health::Health),
    ) {
        let target = self
            .trunks
            .get_mut(id)
            .and_then(|line| line.targets.iter_mut().find(|target| target.at == at));
        if let Some(target) = target {
            judge(&mut target.health);
            self.tell_trunk(id);
        }
    }

    /// Calls an outside number: gateway after gateway, until one answers.
    pub(super) fn dial_trunk(&mut self, dial: &TrunkDial) {
        let leg = dial.leg;
        let Some(id) = self.trunks.named(&dial.trunk) else {
            return self.dial_impossible(leg);
        };
        let Some(line) = self.trunks.get(id) else { return };
        let order = line.order(&mut self.ua.stack.rng);
        let mut hops = order.iter().map(|at| line.hop(*at));
        let Some(first) = hops.next() else {
            return self.dial_impossible(leg);
        };
        let rest = hops.collect();
        let rules = &line.config.rules;
        let domain = line.domain();
        let account = rules.account.as_ref().map(|account| account.user.as_str());
        let from_user = match rules.identity {
            IdentityIn::From => dial.caller.as_str(),
            IdentityIn::PAsserted | IdentityIn::PPreferred => account.unwrap_or(&dial.caller),
        };
        let mut headers = Vec::new();
        if let Some(registration) = &line.registration {
            headers.extend(
                registration
                    .routes
                    .iter()
                    .map(|route| ("Route".into(), route.clone())),
            );
        }
        let identity = format!("<sip:{}@{domain}>", dial.caller);
        match rules.identity {
            IdentityIn::From => {}
            IdentityIn::PAsserted => headers.push(("P-Asserted-Identity".into(), identity)),
            IdentityIn::PPreferred => headers.push(("P-Preferred-Identity".into(), identity)),
        }
        let uri = format!("sip:{}@{domain}", dial.number.reveal());
        let invitation = Invitation {
            from: format!("<sip:{from_user}@{domain}>"),
            to: format!("<{uri}>"),
            sdp: &dial.sdp,
            headers: &headers,
        };
        let target = Target { uri, hop: first };
        self.ua
            .legs
            .dial_hunting(&mut self.ua.stack, leg, &target, rest, id, &invitation);
    }

    fn dial_impossible(&mut self, leg: hotline_types::LegId) {
        self.ua.legs.tell(Event::Failed {
            leg,
            failure: DialFailure::Unreachable,
        });
    }

    /// Answers the challenge to a call of ours, where it is of the trunk's own realm; false where it is not, or was
    /// answered already.
    pub(super) fn answer_trunk_challenge(
        &mut self,
        env: &Envelope<'_>,
        (leg, fork): (hotline_types::LegId, usize),
        tx: TxId,
    ) -> bool {
        let Some(line) = self.ua.legs.trunk_of_dial(leg).and_then(|id| self.trunks.get(id)) else {
            return false;
        };
        let Some(account) = &line.config.rules.account else {
            return false;
        };
        let Some(challenge) = Challenge::best(env.msg, Some(&account.realm)) else {
            return false;
        };
        let UserAgent { stack, legs } = &mut self.ua;
        let Some((request, _)) = stack.client_request(tx) else {
            return false;
        };
        let uri = request.raw_uri().unwrap_or_default().to_owned();
        let password = account.password.reveal();
        let answer = challenge.answer(&account.auth_user, password, "INVITE", &uri, 1, &mut stack.rng);
        legs.dial_repeat(stack, leg, (fork, tx), &[(challenge.answered_in, &answer)])
    }
}

/// Longest that an OPTIONS may go unanswered.
const PING_WAIT: Duration = Duration::from_secs(8);

/// The lifetime granted to our Contact: its own, else Expires. Other contacts of the account are not ours.
fn granted(env: &Envelope<'_>, user: &str) -> Option<Duration> {
    let contacts: Vec<_> = env
        .msg
        .contacts()
        .filter_map(|contact| match contact.ok()? {
            Contact::Addr(addr) => Some(addr),
            Contact::Star => None,
        })
        .collect();
    let ours = contacts
        .iter()
        .filter(|addr| contacts.len() == 1 || addr.uri().is_ok_and(|uri| uri.user == Some(user)))
        .filter_map(|addr| addr.expires())
        .max();
    let seconds = ours.or_else(|| env.msg.expires().ok().flatten())?;
    Some(Duration::from_secs(seconds.into()))
}

/// Where the peer saw our request come from (RFC 3581 §4): none where it does not say.
fn seen(env: &Envelope<'_>) -> Option<String> {
    let received = env.via.params.get("received")?;
    let port = env.via.rport().flatten()?;
    Some(format!("{received}:{port}"))
}
