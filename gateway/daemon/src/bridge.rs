//! What the console asks of the rest of the gateway, answered by the driver, the store and the counters.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hotline_io::clock::Clock;
use hotline_io::media::MediaPlane;
use hotline_io::sip::{SipCount, SipCounters};
use hotline_journal::{By, Seq};
use hotline_sip::admission::DropReason;
use hotline_store::JournalHandle;
use hotline_supervisor::{
    Actor, CommandError, FlowOrder, FlowRefusal, Gateway, Readiness, RecordingOrder, Status, TransferTo,
    TrunkStatus,
};
use hotline_switch::{Command, RecordRefusal, RecordingCommand, Reply, TransferRefusal, TrunkView};
use hotline_types::{AgentSlug, ContactId, Intent, SegmentId};
use tokio::sync::{mpsc, oneshot};

use crate::driver::Order;
use crate::flows::Flows;
use crate::pulse::Pulse;
use crate::signalling::Signalling;

/// Longest wait for the driver's answer to a command.
pub(crate) const REPLY_MAX: Duration = Duration::from_secs(3);

/// The running gateway, seen from the console.
pub struct Bridge {
    /// To the driver.
    pub orders: mpsc::Sender<Order>,
    /// The driver's gauges.
    pub pulse: Arc<Pulse>,
    /// The journal's state.
    pub journal: JournalHandle,
    /// The media plane's counters.
    pub media: Arc<MediaPlane>,
    /// The SIP transports' counters.
    pub sip: Arc<SipCounters>,
    /// The ban list.
    pub signalling: Arc<Signalling>,
    /// The clock of the process.
    pub clock: Clock,
    /// When the process started, UTC milliseconds.
    pub started_at_ms: i64,
    /// The flows.
    pub flows: Flows,
    /// Lines there are.
    pub lines_max: usize,
    /// RTP port pairs there are.
    pub media_ports_max: usize,
}

impl Bridge {
    async fn order(&self, actor: &Actor, command: Command) -> Result<Seq, CommandError> {
        match self.ask(actor, command).await? {
            Reply::Done(seq) => Ok(seq),
            // The answer to a question, which an order is not.
            Reply::Told(_) => Err(CommandError::Busy),
            Reply::UnknownAgent | Reply::UnknownNumber => Err(CommandError::UnknownAgent),
            Reply::UnknownContact
            | Reply::NotTransferred(TransferRefusal::UnknownContact)
            | Reply::NotRecording(RecordRefusal::UnknownContact) => Err(CommandError::UnknownContact),
            Reply::NotRecording(refusal) => Err(CommandError::Refused(refusal.to_string())),
            Reply::NotTransferred(refusal) => Err(CommandError::Refused(refusal.to_string())),
            Reply::NotPaused(refusal) => Err(CommandError::Refused(refusal.to_string())),
            Reply::NothingToDispose => {
                let why = "the agent wraps no contact up";
                Err(CommandError::Refused(why.to_owned()))
            }
        }
    }

    async fn ask(&self, actor: &Actor, command: Command) -> Result<Reply, CommandError> {
        let (reply, answer) = oneshot::channel();
        let order = Order {
            by: By::User(actor.name.clone()),
            command,
            reply,
        };
        self.orders.try_send(order).map_err(|_| CommandError::Busy)?;
        match tokio::time::timeout(REPLY_MAX, answer).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(CommandError::Busy),
        }
    }
}

fn told(reply: Reply) -> Option<String> {
    match reply {
        Reply::Told(sentence) => Some(sentence),
        _ => None,
    }
}

#[async_trait]
impl Gateway for Bridge {
    async fn set_intent(
        &self,
        actor: &Actor,
        agent: &AgentSlug,
        intent: Intent,
    ) -> Result<Seq, CommandError> {
        self.order(
            actor,
            Command::SetIntent {
                agent: agent.clone(),
                intent,
            },
        )
        .await
    }

    async fn release_agent(&self, actor: &Actor, agent: &AgentSlug) -> Result<Seq, CommandError> {
        self.order(actor, Command::Release { agent: agent.clone() }).await
    }

    async fn transfer(
        &self,
        actor: &Actor,
        contact: ContactId,
        agent: Option<&AgentSlug>,
        to: TransferTo,
    ) -> Result<Seq, CommandError> {
        let to = match to {
            TransferTo::Queue(queue) => hotline_switch::TransferTo::Queue(queue),
            TransferTo::Outside(number) => hotline_switch::TransferTo::Outside(number),
        };
        let agent = agent.cloned();
        self.order(actor, Command::Transfer { contact, agent, to }).await
    }

    async fn flows(&self, actor: &Actor, order: FlowOrder) -> Result<serde_json::Value, FlowRefusal> {
        self.flows.carry_out(actor, order).await
    }

    async fn dispose(&self, actor: &Actor, agent: &AgentSlug, code: &str) -> Result<Seq, CommandError> {
        let (agent, code) = (agent.clone(), code.to_owned());
        self.order(actor, Command::Dispose { agent, code }).await
    }

    async fn why_agent(&self, actor: &Actor, agent: &AgentSlug) -> Result<Option<String>, CommandError> {
        let agent = agent.clone();
        Ok(told(self.ask(actor, Command::WhyAgent { agent }).await?))
    }

    async fn why_contact(&self, actor: &Actor, contact: ContactId) -> Result<Option<String>, CommandError> {
        Ok(told(self.ask(actor, Command::WhyContact { contact }).await?))
    }

    async fn recording(
        &self,
        actor: &Actor,
        contact: ContactId,
        order: RecordingOrder,
    ) -> Result<Seq, CommandError> {
        let command = match order {
            RecordingOrder::Pause { reason, seconds } => RecordingCommand::Pause {
                reason,
                longest: seconds.map(|seconds| Duration::from_secs(seconds.into())),
            },
            RecordingOrder::Resume => RecordingCommand::Resume,
        };
        self.order(actor, Command::Recording { contact, command }).await
    }

    async fn heard(
        &self,
        actor: &Actor,
        contact: ContactId,
        segment: SegmentId,
        how: &'static str,
    ) -> Result<Seq, CommandError> {
        let command = Command::Heard {
            contact,
            segment,
            how,
        };
        self.order(actor, command).await
    }

    fn readiness(&self) -> Readiness {
        let reasons = [
            (self.pulse.draining(), "draining"),
            (self.pulse.behind(), "journal_behind"),
            (self.journal.status().error.is_some(), "journal_failing"),
        ];
        let reasons: Vec<String> = reasons
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, why)| why.to_owned())
            .collect();
        Readiness {
            ready: reasons.is_empty(),
            reasons,
        }
    }

    fn status(&self) -> Status {
        let gauges = self.pulse.gauges();
        let media = self.media.counters();
        let journal = self.journal.status();
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut totals = vec![
            ("faults", gauges.faults),
            ("sip_malformed", gauges.malformed),
            ("sip_auth_failed", gauges.auth_failed),
            ("sip_retransmissions", gauges.retransmissions),
            ("sip_table_full", gauges.table_full),
            ("sip_stray", gauges.stray),
            ("trunk_full", gauges.trunk_full),
            ("dial_refused", gauges.dial_refused),
            ("sip_unacknowledged", gauges.unacknowledged),
            ("sip_bans", self.signalling.bans_made()),
            ("rtp_received", media.received),
            ("rtp_relayed", media.relayed),
            ("rtp_played", media.played),
            ("rtp_refused", media.refused),
            ("rtp_ports_noisy", media.ports_noisy),
            ("srtp_forged", media.srtp_forged),
            ("srtp_replayed", media.srtp_replayed),
        ];
        totals.extend(
            SipCount::ALL
                .iter()
                .map(|count| (count.as_str(), self.sip.get(*count))),
        );
        totals.extend(
            DropReason::ALL
                .iter()
                .map(|reason| (reason.as_str(), self.sip.dropped(*reason))),
        );
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at_ms: self.started_at_ms,
            lines_in_use: small(gauges.contacts),
            lines_max: small(self.lines_max),
            seats_short: small(gauges.seats_short),
            journal_lag_ms: self.pulse.lag_ms(self.clock.now().wall),
            media_ports_in_use: small(gauges.legs),
            media_ports_max: small(self.media_ports_max),
            outbox_waiting: journal.outbox,
            trunks: self.pulse.trunks().into_iter().map(trunk).collect(),
            totals,
        }
    }
}

fn trunk(view: TrunkView) -> TrunkStatus {
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let (up, down): (Vec<_>, Vec<_>) = view.state.gateways.iter().partition(|gateway| gateway.1);
    let text =
        |list: Vec<&(std::net::SocketAddr, bool)>| list.into_iter().map(|(at, _)| at.to_string()).collect();
    TrunkStatus {
        id: view.state.slug.to_string(),
        up: view.state.up,
        why: view.state.down.map(|why| why.to_string()),
        registered: view.state.registered,
        gateways_up: text(up),
        gateways_down: text(down),
        calls: small(view.calls),
        calls_max: small(view.calls_max),
    }
}
