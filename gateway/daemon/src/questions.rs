//! Answers what flows ask of the world: whether a number has called before, and look-ups.

use hotline_store::{People, Reader};
use hotline_switch::{Answer, Input, Question};
use hotline_types::{ContactId, NumberSlug};
use ivr_flows::LookupAnswer;
use tokio::sync::mpsc;

/// Questions that may wait; beyond it flows take their ways for a failed look-up.
pub const QUESTIONS_MAX: usize = 256;

/// What the switch wants of the store while calls go on.
#[derive(Debug)]
pub enum Asked {
    /// A flow's question.
    Question(ContactId, Question),
    /// A number's emergency announcement was switched: to be remembered.
    Emergency {
        /// The number.
        number: NumberSlug,
        /// On or off.
        on: bool,
    },
}

/// Answers until the gateway ends. A slow answer is one that the flow no longer waits for.
pub async fn answer(
    mut questions: mpsc::Receiver<Asked>,
    (reader, people): (Reader, People),
    control: mpsc::Sender<Input>,
) {
    while let Some(asked) = questions.recv().await {
        let (contact, question) = match asked {
            Asked::Question(contact, question) => (contact, question),
            Asked::Emergency { number, on } => {
                let state = if on { "on" } else { "off" };
                if let Err(error) = people.set_setting(&format!("emergency.{number}"), state).await {
                    tracing::error!(%error, "The emergency announcement will not be remembered over a restart");
                }
                continue;
            }
        };
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
