//! Routes: what the cores and the world say, to the call it is about.

use hotline_acd::Effect as AcdEffect;
use hotline_journal::{By, Draft};
use hotline_media::{MediaEvent, Quality, Stretch};
use hotline_sip::{Command, Counted, DialFailure, Event as SipEvent, ReleaseReason};
use hotline_types::{AgentSlug, DeviceState, HangupBy, LegId, LostReason, Now, OfferOutcome};

use super::arrival::Arrival;
use super::{Drain, Switch};
use crate::api::Effect;
use crate::call::{Call, Cx, Ending, KeyWay};
use crate::measure::measured;

impl Switch {
    pub(super) fn endpoint_command(&mut self, now: Now, command: Command) {
        self.endpoint
            .handle(now.mono, hotline_sip::Input::Command(command));
    }

    fn with_leg(&mut self, now: Now, leg: LegId, run: impl FnOnce(&mut Call, &mut Cx<'_>)) {
        if let Some(contact) = self.legs.get(&leg).copied() {
            self.with_call(now, contact, run);
        }
    }

    pub(super) fn on_sip(&mut self, now: Now, event: SipEvent) {
        if self.agent_call_heard(now, &event) {
            return;
        }
        match event {
            SipEvent::Incoming {
                leg,
                source,
                listener,
                called,
                also_called,
                passed,
                caller,
                display,
                offer,
                peer,
                ..
            } => {
                let peer = peer.ip();
                self.on_arrival(
                    now,
                    source,
                    Arrival {
                        leg,
                        listener,
                        called,
                        also_called,
                        passed,
                        caller,
                        display,
                        offer,
                        peer,
                    },
                );
            }
            SipEvent::Confirmed { leg, answer } => {
                self.with_leg(now, leg, |call, cx| {
                    call.on_acknowledged(cx, leg, answer.as_deref())
                });
            }
            SipEvent::Ringing { leg } => self.with_leg(now, leg, |call, cx| call.on_phone_rings(cx, leg)),
            SipEvent::Answered {
                leg, answer, peer, ..
            } => {
                self.with_leg(now, leg, |call, cx| {
                    call.on_phone_answers(cx, leg, &answer, peer.ip())
                });
            }
            SipEvent::Failed { leg, failure } => {
                self.with_leg(now, leg, |call, cx| call.on_phone_fails(cx, leg, failure));
            }
            SipEvent::Ended { leg, end } => {
                self.with_leg(now, leg, |call, cx| call.on_leg_ended(cx, leg, end));
            }
            SipEvent::Reoffered { leg, offer } => {
                self.with_leg(now, leg, |call, cx| call.on_reoffered(cx, leg, offer.as_deref()));
            }
            SipEvent::ReofferAnswered { leg, answer } => self.on_probed(now, leg, Some(&answer)),
            SipEvent::ReofferRefused { leg, .. } => self.on_probed(now, leg, None),
            SipEvent::Referred { leg, user, replaces } => self.on_referred(now, leg, &user, replaces),
            // Only phones send REFER.
            SipEvent::ReferProgress { .. } => {}
            SipEvent::Digit { leg, digit } => {
                self.with_leg(now, leg, |call, cx| call.on_leg_key(cx, leg, KeyWay::Info, digit));
            }
            SipEvent::Unusable { agent, why } => self.on_unusable(now, agent, why.as_str()),
            SipEvent::Registered { agent } => self.on_device(now, agent, DeviceState::Registered),
            SipEvent::Unregistered { agent } => self.on_device(now, agent, DeviceState::Unreachable),
            SipEvent::Trunk(event) => self.on_trunk(now, event),
            SipEvent::Proof(proof) => self.out.effect(Effect::Proof(proof)),
            SipEvent::Counted(counted) => self.on_counted(counted),
        }
    }

    fn on_unusable(&mut self, now: Now, agent: AgentSlug, why: &str) {
        let why = why.to_owned();
        self.acd
            .handle(now, hotline_acd::Input::DeviceUnusable { agent, why });
    }

    fn on_probed(&mut self, now: Now, leg: LegId, answer: Option<&[u8]>) {
        self.with_leg(now, leg, |call, cx| call.on_probe_answered(cx, leg, answer));
    }

    const fn on_counted(&mut self, counted: Counted) {
        match counted {
            Counted::Malformed => self.gauges.malformed += 1,
            Counted::Stray => self.gauges.stray += 1,
            Counted::Retransmission => self.gauges.retransmissions += 1,
            Counted::AuthFailed => self.gauges.auth_failed += 1,
            Counted::TableFull => self.gauges.table_full += 1,
            Counted::Unacknowledged => self.gauges.unacknowledged += 1,
        }
    }

    pub(super) fn on_media(&mut self, now: Now, event: MediaEvent) {
        if self.agent_call_media(now, &event) {
            return;
        }
        match event {
            MediaEvent::Opened { leg, rtp } => {
                self.with_leg(now, leg, |call, cx| call.on_ports(cx, leg, rtp.port()));
            }
            MediaEvent::OpenFailed { leg, .. } => {
                self.with_leg(now, leg, |call, cx| call.on_no_ports(cx, leg))
            }
            MediaEvent::Digit { leg, digit } => {
                self.with_leg(now, leg, |call, cx| call.on_leg_key(cx, leg, KeyWay::Rtp, digit));
            }
            MediaEvent::PlayEnded { leg, play } => {
                self.with_leg(now, leg, |call, cx| {
                    call.run_flow(cx, ivr_flows::Input::PlayEnded(play.0));
                });
            }
            MediaEvent::MediaLost { leg } => self.with_leg(now, leg, |call, cx| call.on_media_lost(cx, leg)),
            MediaEvent::Measured { stretch, quality } => self.on_measured(now, &stretch, &quality),
            MediaEvent::Closed { .. } => {}
            MediaEvent::ThreadFailed { legs } => {
                for leg in legs {
                    self.with_leg(now, leg, |call, cx| {
                        call.close(cx, Ending::Lost(LostReason::MediaLost), ReleaseReason::Fault);
                    });
                }
            }
        }
    }

    /// The measure may come after its contact has closed, but never after `Stopped`.
    fn on_measured(&mut self, now: Now, stretch: &Stretch, quality: &Quality) {
        if self.drain != Drain::Done {
            let draft = Draft::new(By::System, measured(stretch, quality));
            self.out
                .event(now, draft.contact(stretch.contact).segment(stretch.segment));
        }
    }

    pub(super) fn on_acd_effect(&mut self, now: Now, effect: AcdEffect) {
        match effect {
            AcdEffect::Offer {
                offer,
                contact,
                agent,
                queue,
            } => {
                let leg = self.endpoint.new_leg();
                let route = self.endpoint.agent_route(&agent);
                self.with_call(now, contact, |call, cx| {
                    call.on_offer(cx, leg, (offer, agent, queue), route)
                });
            }
            AcdEffect::Withdraw { offer, contact, .. } => {
                self.with_call(now, contact, |call, cx| call.on_withdrawn(cx, offer));
            }
            AcdEffect::Connect { offer, contact, .. } => {
                self.with_call(now, contact, |call, cx| call.on_connect(cx, offer));
            }
            // The call let the leg go when the offer was withdrawn: nothing is left to hang up.
            AcdEffect::Stale { .. } => {}
            AcdEffect::Exit { contact, why } => {
                self.with_call(now, contact, |call, cx| call.on_queue_exit(cx, why));
            }
            AcdEffect::Moved { contact, queue } => {
                self.with_call(now, contact, |call, cx| call.on_moved(cx, queue));
            }
            AcdEffect::EndTalk { contact } => self.with_call(now, contact, |call, cx| {
                call.close(cx, Ending::HungUp(HangupBy::System), ReleaseReason::Normal);
            }),
        }
    }

    /// Ends the media of a leg whose call could not do it itself.
    pub(super) fn let_go(&mut self, now: Now, leg: LegId, reason: ReleaseReason) {
        self.legs.remove(&leg);
        self.lines.free(leg);
        self.disengage(now, leg);
        self.out
            .effect(Effect::Media(hotline_media::MediaCommand::Close { leg }));
        self.endpoint_command(now, Command::Release { leg, reason });
    }
}

impl Call {
    /// The ACK of our 200, with the answer to the offer in it, if that was ours.
    fn on_acknowledged(&mut self, cx: &mut Cx<'_>, leg: LegId, answer: Option<&[u8]>) {
        if let Some(answer) = answer {
            self.on_late_answer(cx, leg, answer);
        }
        self.on_confirmed(cx);
    }

    fn on_ports(&mut self, cx: &mut Cx<'_>, leg: LegId, port: u16) {
        if leg == self.caller.leg {
            self.on_caller_ports(cx, port);
        } else if self.is_outside(leg) {
            self.on_outside_ports(cx, leg, port);
        } else {
            self.on_agent_ports(cx, leg, port);
            self.on_target_ports(cx, leg, port);
        }
    }

    /// A phone that we called rings: for an offer, or as a transfer's target.
    fn on_phone_rings(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        self.on_ringing(cx, leg);
        self.on_target_ringing(cx, leg);
    }

    fn on_phone_answers(&mut self, cx: &mut Cx<'_>, leg: LegId, sdp: &[u8], peer: std::net::IpAddr) {
        self.on_answered(cx, leg, sdp, peer);
        self.on_target_answered(cx, leg, sdp, peer);
    }

    fn on_phone_fails(&mut self, cx: &mut Cx<'_>, leg: LegId, failure: DialFailure) {
        self.on_dial_refused(cx, leg, failure);
        self.on_target_refused(cx, leg, failure);
    }

    fn on_no_ports(&mut self, cx: &mut Cx<'_>, leg: LegId) {
        if leg == self.caller.leg {
            self.on_no_caller_ports(cx);
        } else if self.is_outside(leg) {
            self.on_outside_failed(cx, leg, DialFailure::Unreachable);
        } else {
            self.fail_offer(cx, leg, OfferOutcome::Failed, None);
            self.on_no_target_ports(cx);
        }
    }

    fn on_leg_key(&mut self, cx: &mut Cx<'_>, leg: LegId, way: KeyWay, digit: hotline_types::Pii<char>) {
        if leg == self.caller.leg {
            self.on_key(cx, way, digit);
        } else {
            self.on_agent_key(cx, way, &digit);
        }
    }
}
