//! Flows while the gateway runs: what is active, activation after checks and tests, roll-back, replay, counts per edge,
//! messages, and the emergency announcement. The store keeps every version by its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotline_io::clock::Clock;
use hotline_journal::{By, Event, Funnel, Seq, What};
use hotline_store::{ActivationRow, People, Reader, StoreError};
use hotline_supervisor::{Actor, FlowOrder, FlowRefusal};
use hotline_switch::{Command, Reply};
use hotline_types::{ContactId, FlowSlug};
use ivr_flows::{Flow, Known, Trace, Trials};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::bridge::REPLY_MAX;
use crate::driver::Order;

/// Events that replay, funnel and messages look back over.
const EVENTS_BACK: u64 = 200_000;
/// Rows of one read.
const PAGE: u32 = 500;
/// Calls of which a replay tells that their outcome would change.
const CHANGED_MAX: usize = 200;
/// Problems that one refusal tells.
const PROBLEMS_MAX: usize = 100;

/// The flows of a running gateway.
pub struct Flows {
    /// What the checker knows of the installation.
    pub known: Known,
    /// The store's face for versions and activations.
    pub people: People,
    /// The journal, to be read.
    pub reader: Reader,
    /// To the driver.
    pub orders: mpsc::Sender<Order>,
    /// The clock of the process.
    pub clock: Clock,
    /// Active versions by flow, with their texts. Held through an activation: there is one at a time.
    pub active: Mutex<BTreeMap<FlowSlug, (Arc<Flow>, String)>>,
}

fn failed(error: StoreError) -> FlowRefusal {
    FlowRefusal::Failed(error.to_string())
}

impl Flows {
    /// Carries an order out.
    ///
    /// # Errors
    /// Why not; nothing is changed then.
    pub async fn carry_out(&self, actor: &Actor, order: FlowOrder) -> Result<Value, FlowRefusal> {
        match order {
            FlowOrder::List => self.list().await,
            FlowOrder::Activate {
                text,
                tests,
                number,
                share,
            } => {
                let flow = self.checked(&text)?;
                tested(&flow, tests.as_deref())?;
                self.activate(actor, flow, text, number, share).await
            }
            FlowOrder::Rollback { flow } => self.roll_back(actor, &flow).await,
            FlowOrder::Replay { text } => {
                let flow = self.checked(&text)?;
                self.replay(&flow).await
            }
            FlowOrder::Funnel { flow } => self.funnel(&flow).await,
            FlowOrder::Messages => self.messages().await,
            FlowOrder::Emergency { number, on } => {
                let slug = number.parse().map_err(|_| FlowRefusal::Unknown("number"))?;
                let seq = self.order(actor, Command::Emergency { number: slug, on }).await?;
                Ok(json!({ "number": number, "emergency": on, "seq": seq.0 }))
            }
        }
    }

    async fn list(&self) -> Result<Value, FlowRefusal> {
        let active = self.active.lock().await;
        let mut items = Vec::new();
        for (name, (flow, _)) in active.iter() {
            let history = self.people.flow_history(name.as_str()).await.map_err(failed)?;
            let reach = flow.longest_to_human(&self.known);
            items.push(json!({
                "flow": name.as_str(),
                "version": flow.version(),
                "languages": flow.languages().collect::<Vec<_>>(),
                "nodes": flow.nodes().count(),
                "edges": flow.edges().len(),
                "longest_to_human_s": reach.map(|reach| reach.time.as_secs()),
                "history": history,
            }));
        }
        Ok(json!({ "items": items }))
    }

    /// The flow, where it passes every check.
    fn checked(&self, text: &str) -> Result<Arc<Flow>, FlowRefusal> {
        let told = |problems: Vec<ivr_flows::Problem>| {
            let lines = problems.iter().take(PROBLEMS_MAX).map(ToString::to_string);
            FlowRefusal::Wrong(lines.collect())
        };
        let flow = Flow::parse("flow.yaml", text).map_err(told)?;
        let problems = flow.check(&self.known);
        if problems.is_empty() {
            Ok(Arc::new(flow))
        } else {
            Err(told(problems))
        }
    }

    async fn activate(
        &self,
        actor: &Actor,
        flow: Arc<Flow>,
        text: String,
        number: Option<String>,
        share: u8,
    ) -> Result<Value, FlowRefusal> {
        let slug = match &number {
            None => None,
            Some(number) => Some(number.parse().map_err(|_| FlowRefusal::Unknown("number"))?),
        };
        let mut active = self.active.lock().await;
        let before = active.get(flow.name()).cloned();
        let difference = difference(before.as_ref().map_or("", |(_, text)| text), &text);
        let row = ActivationRow {
            flow: flow.name().to_string(),
            version: flow.version().to_owned(),
            previous: before.as_ref().map(|(flow, _)| flow.version().to_owned()),
            number,
            share,
            author: actor.name.clone(),
            at_ms: 0,
            difference: difference.clone(),
        };
        let mut texts = vec![(flow.version().to_owned(), text.clone())];
        texts.extend(before.map(|(flow, text)| (flow.version().to_owned(), text)));
        // First what outlives the process, then the one swap that new calls see.
        let now = self.clock.now().wall;
        self.people
            .activate_flow(&row, &texts, now)
            .await
            .map_err(failed)?;
        let command = Command::ActivateFlow {
            flow: Arc::clone(&flow),
            number: slug,
            share,
            difference: difference.clone(),
        };
        let seq = self.order(actor, command).await?;
        if share >= 100 && row.number.is_none() {
            active.insert(flow.name().clone(), (Arc::clone(&flow), text));
        }
        Ok(json!({
            "flow": row.flow,
            "version": row.version,
            "previous": row.previous,
            "number": row.number,
            "share": share,
            "difference": difference,
            "seq": seq.0,
        }))
    }

    async fn roll_back(&self, actor: &Actor, flow: &str) -> Result<Value, FlowRefusal> {
        let history = self.people.flow_history(flow).await.map_err(failed)?;
        let newest = history
            .first()
            .ok_or(FlowRefusal::Unknown("activation of this flow"))?;
        // A trial ends by going back to what everybody else has.
        let wanted = newest
            .previous
            .clone()
            .ok_or(FlowRefusal::Unknown("version before"))?;
        let text = self.people.flow_text(&wanted).await.map_err(failed)?;
        let text = text.ok_or(FlowRefusal::Unknown("version before"))?;
        let flow = self.checked(&text)?;
        self.activate(actor, flow, text, None, 100).await
    }

    async fn order(&self, actor: &Actor, command: Command) -> Result<Seq, FlowRefusal> {
        let (reply, answer) = oneshot::channel();
        let by = By::User(actor.name.clone());
        self.orders
            .try_send(Order { by, command, reply })
            .map_err(|_| FlowRefusal::Busy)?;
        match tokio::time::timeout(REPLY_MAX, answer).await {
            Ok(Ok(Reply::Done(seq))) => Ok(seq),
            Ok(Ok(_)) => Err(FlowRefusal::Unknown("number")),
            Ok(Err(_)) | Err(_) => Err(FlowRefusal::Busy),
        }
    }

    /// Takes the newest events in, page by page.
    async fn look_back(&self, mut each: impl FnMut(&Event)) -> Result<(), FlowRefusal> {
        let last = self.reader.last_seq().await.map_err(failed)?;
        let mut after = Seq(last.0.saturating_sub(EVENTS_BACK));
        loop {
            let events = self.reader.events(after, PAGE).await.map_err(failed)?;
            let Some(end) = events.last() else { return Ok(()) };
            after = end.seq;
            events.iter().for_each(&mut each);
        }
    }

    async fn funnel(&self, flow: &str) -> Result<Value, FlowRefusal> {
        let mut funnel = Funnel::default();
        self.look_back(|event| funnel.apply(event)).await?;
        let counts = funnel.of(flow).cloned().unwrap_or_default();
        let pairs = |map: &BTreeMap<(String, String), u64>| -> Vec<Value> {
            map.iter()
                .map(|((node, way), count)| json!({ "node": node, "way": way, "count": count }))
                .collect()
        };
        let scores: Vec<Value> = counts
            .scores
            .iter()
            .map(|((question, score), count)| {
                json!({ "question": question, "score": (*score > 0).then_some(score), "count": count })
            })
            .collect();
        Ok(json!({
            "flow": flow,
            "edges": pairs(&counts.edges),
            "entered": counts.entered,
            "ended": counts.ended,
            "scores": scores,
        }))
    }

    async fn messages(&self) -> Result<Value, FlowRefusal> {
        let mut kept: Vec<Value> = Vec::new();
        self.look_back(|event| {
            if let (What::MessageKept { mailbox }, Some(contact), Some(segment)) =
                (&event.what, event.contact, event.segment)
            {
                kept.push(json!({
                    "mailbox": mailbox,
                    "at": event.at.as_millis(),
                    "contact": contact.to_string(),
                    "segment": segment.to_string(),
                    "recording": format!("/v1/recordings/{contact}/{segment}"),
                }));
            }
        })
        .await?;
        kept.reverse();
        Ok(json!({ "items": kept }))
    }

    async fn replay(&self, flow: &Arc<Flow>) -> Result<Value, FlowRefusal> {
        let mut open: BTreeMap<ContactId, (Trace, Option<String>)> = BTreeMap::new();
        let (mut calls, mut skipped, mut changed) = (0_u64, 0_u64, 0_u64);
        let mut rows: Vec<Value> = Vec::new();
        self.look_back(|event| {
            let Some(contact) = event.contact else { return };
            match &event.what {
                What::ContactOpened { flow: Some(name), .. } if name == flow.name() => {
                    open.insert(contact, (Trace::default(), None));
                }
                What::ContactClosed { .. } => {
                    let Some((trace, _)) = open.remove(&contact) else {
                        return;
                    };
                    match trace.replay(flow) {
                        None => skipped += 1,
                        Some(outcome) => {
                            calls += 1;
                            if outcome != trace.outcome && !trace.outcome.is_empty() {
                                changed += 1;
                                if rows.len() < CHANGED_MAX {
                                    rows.push(json!({
                                        "contact": contact.to_string(),
                                        "was": trace.outcome,
                                        "would_be": outcome,
                                    }));
                                }
                            }
                        }
                    }
                }
                what => {
                    if let Some(traced) = open.get_mut(&contact) {
                        follow(traced, what, event);
                    }
                }
            }
        })
        .await?;
        Ok(json!({ "calls": calls, "skipped": skipped, "changed": changed, "items": rows }))
    }
}

/// Adds what an event tells to a call's trace; what happens after the first queue is not the flow's alone.
fn follow((trace, last): &mut (Trace, Option<String>), what: &What, event: &Event) {
    if trace.outcome.starts_with("queue ") {
        return;
    }
    match what {
        What::FlowNode { node, way } => {
            if let (Some(from), Some(way)) = (last.take(), way) {
                trace.ways.entry(from).or_default().push_back(way.clone());
            }
            *last = Some(node.clone());
            trace.outcome = format!("at {node}");
        }
        What::FlowHeard { keys } => trace.heard.push_back(keys.clone()),
        What::QueueEntered { .. } => {
            if let Some(queue) = &event.queue {
                trace.outcome = format!("queue {queue}");
            }
        }
        _ => {}
    }
}

/// Runs the tests beside a version.
fn tested(flow: &Arc<Flow>, tests: Option<&str>) -> Result<(), FlowRefusal> {
    let Some(tests) = tests else { return Ok(()) };
    let trials = Trials::parse("flow.test.yaml", tests).map_err(|problem| {
        let line = problem.to_string();
        FlowRefusal::Wrong(vec![line])
    })?;
    let verdict = trials.run(flow);
    if verdict.passed() {
        return Ok(());
    }
    let lines = verdict
        .outcomes
        .iter()
        .filter(|outcome| !outcome.failures.is_empty());
    let lines = lines.map(|outcome| {
        format!(
            "flow.test.yaml:{}: {}: {}",
            outcome.line,
            outcome.name,
            outcome.failures.join("; ")
        )
    });
    Err(FlowRefusal::Wrong(lines.take(PROBLEMS_MAX).collect()))
}

/// Lines added and removed, such as `+3 -1`.
fn difference(before: &str, after: &str) -> String {
    let mut lines: BTreeMap<&str, i64> = BTreeMap::new();
    for line in before.lines() {
        *lines.entry(line).or_default() -= 1;
    }
    for line in after.lines() {
        *lines.entry(line).or_default() += 1;
    }
    let added: i64 = lines.values().filter(|count| **count > 0).sum();
    let removed: i64 = lines.values().filter(|count| **count < 0).sum();
    format!("+{added} -{}", -removed)
}
