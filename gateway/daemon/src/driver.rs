//! The driver loop: one task owns the switch. Wait for one input or the deadline, handle, drain, hand out.
//!
//! Effects go to bounded queues that never block the loop; what a full one means is decided here: a full journal
//! stops new calls (the events wait in order), a full media queue keeps its commands in order, a full socket drops
//! the message (SIP retransmits it).

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use hotline_io::clock::Clock;
use hotline_io::media::MediaPlane;
use hotline_io::sip::SipSender;
use hotline_journal::{By, Seq};
use hotline_media::MediaCommand;
use hotline_store::{Batch, JournalHandle, PersonRow};
use hotline_switch::{Answer, Command, CommandId, Effect, Input, Output, Question, Reply, Switch};
use hotline_types::{ContactId, OfferId, PersonId, Pii, Time};
use ivr_flows::LookupAnswer;
use tokio::sync::{mpsc, oneshot, watch};

use crate::narrate::narrate;
use crate::pulse::Pulse;
use crate::questions::Asked;
use crate::signalling::Signalling;

/// Inputs taken in one turn before what they caused is handed out.
const TURN_INPUTS_MAX: usize = 64;
/// Events that wait for a full journal before new calls are refused.
const BACKLOG_EVENTS_MAX: usize = 1_024;
/// Time after which a journal or media queue that was full is tried again.
const RETRY: Duration = Duration::from_millis(5);

/// How often the trunks are shown.
const TRUNKS_EVERY: Duration = Duration::from_millis(250);

/// A user's command on its way to the switch.
#[derive(Debug)]
pub struct Order {
    /// Who.
    pub by: By,
    /// What.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Reply>,
}

/// The queues that wake the driver.
#[derive(Debug)]
pub struct Inbox {
    /// SIP messages that passed admission, and transport failures.
    pub sip: mpsc::Receiver<hotline_sip::Input>,
    /// Events of the media threads.
    pub media: mpsc::Receiver<hotline_media::MediaEvent>,
    /// Recordings sealed or failed, and the order to drain.
    pub control: mpsc::Receiver<Input>,
    /// Offers whose screen-pop is in the desk.
    pub pops: mpsc::Receiver<OfferId>,
    /// Users' commands.
    pub orders: mpsc::Receiver<Order>,
    /// Position up to which the journal is on disk.
    pub committed: watch::Receiver<Seq>,
}

/// The task that owns the switch.
pub struct Driver {
    switch: Switch,
    clock: Clock,
    inbox: Inbox,
    sip: SipSender,
    media: Arc<MediaPlane>,
    journal: JournalHandle,
    /// Written by the switch, not yet taken by the journal.
    batch: Batch,
    /// Told to be behind.
    behind: bool,
    /// Commands that the media plane had no room for, in order.
    media_backlog: VecDeque<MediaCommand>,
    replies: BTreeMap<CommandId, oneshot::Sender<Reply>>,
    last_command: CommandId,
    deadline: Option<Time>,
    /// When the trunks were last shown.
    trunks_shown: Option<Time>,
    pulse: Arc<Pulse>,
    signalling: Arc<Signalling>,
    /// To the task that answers what flows ask.
    questions: mpsc::Sender<Asked>,
    /// Answers to questions that it had no room for.
    unasked: VecDeque<Input>,
}

/// How the loop ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every call ended and every recording is sealed.
    Drained,
    /// A bug in a part that all calls share; what was written is in the journal's hands.
    Fault,
}

impl Driver {
    /// A driver of this switch.
    #[must_use]
    pub fn new(
        switch: Switch,
        clock: Clock,
        inbox: Inbox,
        (sip, media, journal): (SipSender, Arc<MediaPlane>, JournalHandle),
        (pulse, signalling): (Arc<Pulse>, Arc<Signalling>),
        questions: mpsc::Sender<Asked>,
    ) -> Self {
        Self {
            switch,
            clock,
            inbox,
            sip,
            media,
            journal,
            batch: Batch::default(),
            behind: false,
            media_backlog: VecDeque::new(),
            replies: BTreeMap::new(),
            last_command: CommandId(0),
            deadline: None,
            trunks_shown: None,
            pulse,
            signalling,
            questions,
            unasked: VecDeque::new(),
        }
    }

    /// Runs until the switch is drained; everything it wrote is then in the journal's hands.
    pub async fn run(mut self) -> Ended {
        let ended = self.turns().await;
        while self.unwritten() {
            tokio::time::sleep(RETRY).await;
            self.write_journal();
        }
        ended
    }

    async fn turns(&mut self) -> Ended {
        // The switch has already said that it started.
        if let Some(ended) = self.hand_out() {
            return ended;
        }
        loop {
            let first = self.next_input().await;
            let turn = std::panic::catch_unwind(AssertUnwindSafe(|| {
                self.handle(first);
                for _ in 1..TURN_INPUTS_MAX {
                    let Some(input) = self.ready_input() else { break };
                    self.handle(input);
                }
            }));
            let ended = self.hand_out();
            if turn.is_err() {
                tracing::error!("A shared part of the gateway failed; flushing and exiting");
                return Ended::Fault;
            }
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    fn handle(&mut self, input: Input) {
        self.switch.handle(self.clock.now(), input);
    }

    /// Waits for whatever comes first.
    async fn next_input(&mut self) -> Input {
        if let Some(input) = self.unasked.pop_front() {
            return input;
        }
        let retry = !self.media_backlog.is_empty() || self.unwritten();
        let now = self.clock.now().mono;
        let wait = self.deadline.map(|at| at.since(now));
        let wait = if retry {
            Some(wait.map_or(RETRY, |wait| wait.min(RETRY)))
        } else {
            wait
        };
        let timeout = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(event) = self.inbox.media.recv() => Input::Media(event),
            Some(input) = self.inbox.control.recv() => input,
            Some(offer) = self.inbox.pops.recv() => Input::PopDelivered(offer),
            Ok(()) = self.inbox.committed.changed() => Input::Committed(*self.inbox.committed.borrow_and_update()),
            Some(order) = self.inbox.orders.recv() => self.take_order(order),
            Some(input) = self.inbox.sip.recv() => sip_input(input),
            () = timeout => Input::Timeout,
        }
    }

    /// An input that is already there.
    fn ready_input(&mut self) -> Option<Input> {
        if let Ok(event) = self.inbox.media.try_recv() {
            return Some(Input::Media(event));
        }
        if let Ok(offer) = self.inbox.pops.try_recv() {
            return Some(Input::PopDelivered(offer));
        }
        if let Ok(input) = self.inbox.sip.try_recv() {
            return Some(sip_input(input));
        }
        if self.deadline.is_some_and(|at| at <= self.clock.now().mono) {
            self.deadline = None;
            return Some(Input::Timeout);
        }
        None
    }

    fn take_order(&mut self, order: Order) -> Input {
        self.last_command.0 += 1;
        self.replies.insert(self.last_command, order.reply);
        Input::Command {
            id: self.last_command,
            by: order.by,
            command: order.command,
        }
    }

    /// Drains the switch and hands everything out.
    fn hand_out(&mut self) -> Option<Ended> {
        let mut ended = None;
        loop {
            match self.switch.poll() {
                Output::Timeout(at) => {
                    self.deadline = at;
                    break;
                }
                Output::Event(event) => {
                    narrate(&event);
                    self.batch.events.push(event);
                }
                Output::Effect(effect) => ended = self.carry_out(effect).or(ended),
            }
        }
        self.media.send_all(&mut self.media_backlog);
        self.write_journal();
        let uncommitted = *self.inbox.committed.borrow() < self.switch.last_seq();
        self.show_trunks();
        self.pulse.beat(
            self.switch.gauges(),
            self.behind,
            uncommitted,
            self.clock.now().wall,
        );
        ended
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Ended> {
        match effect {
            Effect::Transmit(transmit) => self.sip.send(transmit),
            Effect::Media(command) => self.media_backlog.push_back(command),
            Effect::Proof(proof) => self.signalling.note(self.clock.mono(), proof),
            Effect::Person { id, number, name } => self.batch.persons.push(person(id, number, name)),
            Effect::Reply { id, reply } => {
                if let Some(waiting) = self.replies.remove(&id) {
                    // The asker may have gone; the command is carried out all the same.
                    drop(waiting.send(reply));
                }
            }
            Effect::Ask { contact, question } => self.ask(contact, question),
            Effect::EmergencySet { number, on } => {
                if self.questions.try_send(Asked::Emergency { number, on }).is_err() {
                    tracing::error!("The emergency announcement will not be remembered over a restart");
                }
            }
            Effect::Drained => return Some(Ended::Drained),
        }
        None
    }

    /// Shows the trunks a few times a second, not every turn: it copies the whole table.
    fn show_trunks(&mut self) {
        let now = self.clock.now().mono;
        if self.trunks_shown.is_none_or(|at| now.since(at) >= TRUNKS_EVERY) {
            self.trunks_shown = Some(now);
            self.pulse.set_trunks(self.switch.trunks());
        }
    }

    /// Hands a question on; where nobody can take it, the flow goes on at once.
    fn ask(&mut self, contact: ContactId, question: Question) {
        if let Err(full) = self.questions.try_send(Asked::Question(contact, question)) {
            let Asked::Question(contact, question) = full.into_inner() else {
                return;
            };
            let answer = match question {
                Question::Seen { .. } => Answer::Seen(false),
                Question::Lookup { lookup, .. } => Answer::Lookup {
                    lookup,
                    answer: LookupAnswer::Failed,
                },
            };
            self.unasked.push_back(Input::Answered { contact, answer });
        }
    }

    fn unwritten(&self) -> bool {
        !self.batch.events.is_empty() || !self.batch.persons.is_empty()
    }

    fn write_journal(&mut self) {
        let (pending, capacity) = (self.journal.pending(), self.journal.capacity());
        // This task alone appends: a place that is free stays free until it is taken here.
        if self.unwritten() && pending < capacity {
            let taken = self.journal.append(std::mem::take(&mut self.batch));
            debug_assert!(taken.is_ok(), "a free place stays free");
        }
        let behind = self.batch.events.len() > BACKLOG_EVENTS_MAX || pending > capacity / 2;
        if behind != self.behind {
            self.behind = behind;
            tracing::warn!(
                behind,
                "Journal pressure changed; new calls are refused while it is behind"
            );
            self.handle(Input::JournalBehind(behind));
        }
    }
}

/// The row of a person; what the caller hides is none.
fn person(id: PersonId, number: Pii<String>, name: Pii<String>) -> PersonRow {
    let shown =
        |text: Pii<String>| (!text.reveal().is_empty() && text.reveal() != "anonymous").then_some(text);
    PersonRow {
        id,
        number: shown(number),
        name: shown(name),
    }
}

fn sip_input(input: hotline_sip::Input) -> Input {
    match input {
        hotline_sip::Input::Received(received) => Input::Received(received),
        hotline_sip::Input::TransportFailed { transport, to } => Input::TransportFailed { transport, to },
        hotline_sip::Input::Closed(conn) => Input::ConnClosed(conn),
        // The shell never sends these two; a timeout is harmless.
        hotline_sip::Input::Command(_) | hotline_sip::Input::Timeout => Input::Timeout,
    }
}
