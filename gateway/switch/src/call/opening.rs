//! From the INVITE to the caller's ACK: ports, journal, answer.

use hotline_journal::{By, What};
use hotline_media::Offer;
use hotline_sip::{Command, ReleaseReason};
use hotline_types::{RefusalReason, SegmentKind};

use super::flow::InFlow;
use super::{Action, Call, Cx, Ending, Phase};
use crate::timer::CallTimer;

/// How far the opening is.
#[derive(Debug)]
pub(crate) enum Opening {
    /// Ports and the journal are awaited, in either order.
    Preparing {
        /// The caller's offer; none where the INVITE had none and ours goes into the 200.
        offer: Option<Offer>,
        /// The ports are there.
        ports: bool,
        /// The opening event is on disk.
        committed: bool,
    },
    /// 200 was sent; the ACK is awaited.
    Answered,
}

impl Opening {
    /// Ending before the flow began: there is no segment to close.
    pub(super) fn close(self, _call: &Call, cx: &mut Cx<'_>) {
        cx.act(Action::Timer(CallTimer::Setup, None));
    }
}

impl Call {
    /// The caller's ports are there.
    pub(crate) fn on_caller_ports(&mut self, cx: &mut Cx<'_>, port: u16) {
        self.caller.opened(port);
        if let Phase::Opening(Opening::Preparing { ports, .. }) = &mut self.phase {
            *ports = true;
            self.answer_if_prepared(cx);
        }
    }

    /// The opening event is on disk.
    pub(crate) fn on_opening_committed(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Opening(Opening::Preparing { committed, .. }) = &mut self.phase {
            *committed = true;
            self.answer_if_prepared(cx);
        }
    }

    fn answer_if_prepared(&mut self, cx: &mut Cx<'_>) {
        let Phase::Opening(Opening::Preparing {
            offer,
            ports: true,
            committed: true,
        }) = &self.phase
        else {
            return;
        };
        if self.flow.answers() && offer.is_some() {
            self.begin_unanswered(cx);
            return;
        }
        let sdp = match offer {
            None => Ok(self.caller.offer()),
            Some(offer) => self.caller.answer(cx, offer),
        };
        match sdp {
            Ok(sdp) => {
                self.phase = Phase::Opening(Opening::Answered);
                cx.act(Action::Timer(CallTimer::Setup, None));
                cx.sip(Command::Answer {
                    leg: self.caller.leg,
                    sdp,
                });
                cx.event(self.draft(By::System, What::CallerConnected));
            }
            Err(error) => self.refuse(cx, RefusalReason::NoCommonCodec, 488, Some(error.to_string())),
        }
    }

    /// The caller acknowledged our answer: the flow begins.
    pub(crate) fn on_confirmed(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.phase, Phase::Flow(_)) {
            self.run_flow(cx, ivr_flows::Input::Answered);
            return;
        }
        if !matches!(self.phase, Phase::Opening(Opening::Answered)) {
            return;
        }
        self.begin_flow(cx);
    }

    /// The flow begins.
    pub(super) fn begin_flow(&mut self, cx: &mut Cx<'_>) {
        let segment = self.open_segment(cx, SegmentKind::Ivr);
        self.record_step(cx, super::record::Step::Ivr, segment);
        let run = match &self.language {
            Some(language) => ivr_flows::Run::in_language(self.flow.clone(), language),
            None => ivr_flows::Run::new(self.flow.clone()),
        };
        let run = run.with_facts(&self.facts);
        self.phase = Phase::Flow(InFlow { run, segment });
        self.run_flow(cx, ivr_flows::Input::Start);
    }

    /// No ports for the caller.
    pub(crate) fn on_no_caller_ports(&mut self, cx: &mut Cx<'_>) {
        self.refuse(cx, RefusalReason::MediaUnavailable, 503, None);
    }

    /// Ports or journal did not come in time.
    pub(super) fn on_setup_timeout(&mut self, cx: &mut Cx<'_>) {
        self.refuse(cx, RefusalReason::Overload, 503, None);
    }

    pub(super) fn refuse(
        &mut self,
        cx: &mut Cx<'_>,
        reason: RefusalReason,
        status: u16,
        warning: Option<String>,
    ) {
        let retry_after_s = (status == 503).then_some(cx.config.retry_after_s);
        cx.sip(Command::Reject {
            leg: self.caller.leg,
            status,
            retry_after_s,
            warning,
        });
        self.caller.signalling_gone();
        self.close(cx, Ending::Refused(reason, status), ReleaseReason::Normal);
    }
}
