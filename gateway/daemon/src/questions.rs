//! Answers what flows ask of the world: whether a number has called before, and look-ups.

use hotline_store::Reader;
use hotline_switch::{Answer, Input, Question};
use hotline_types::ContactId;
use ivr_flows::LookupAnswer;
use tokio::sync::mpsc;

/// Questions that may wait; beyond it flows take their ways for a failed look-up.
pub const QUESTIONS_MAX: usize = 256;

/// Answers until the gateway ends. A slow answer is one that the flow no longer waits for.
pub async fn answer(
    mut questions: mpsc::Receiver<(ContactId, Question)>,
    reader: Reader,
    control: mpsc::Sender<Input>,
) {
    while let Some((contact, question)) = questions.recv().await {
        let answer = match question {
            Question::Seen { number } => Answer::Seen(match reader.has_called(&number, contact).await {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::warn!(%error, "Cannot tell whether a number has called before");
                    false
                }
            }),
            // No look-up can be configured yet: a flow that asks takes its way for one that failed.
            Question::Lookup { lookup, .. } => Answer::Lookup {
                lookup,
                answer: LookupAnswer::Failed,
            },
        };
        if control.send(Input::Answered { contact, answer }).await.is_err() {
            return;
        }
    }
}
