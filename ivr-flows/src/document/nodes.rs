//! The nodes of a flow file as they are written: one shape for each kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Said, Word};

/// Plays prompts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlayDocument {
    /// Ids of the manifest, `LANGUAGE/ID` for one that is always said in that language.
    pub(crate) prompts: Vec<Word>,
    /// Whether a key cuts them; it is kept for the next menu.
    #[serde(default)]
    pub(crate) barge_in: bool,
    /// What comes then.
    pub(crate) next: Option<Word>,
}

/// Says values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SayDocument {
    /// What is said, in order.
    pub(crate) parts: Vec<Said<PartDocument>>,
    /// Whether a key cuts it; it is kept for the next menu.
    #[serde(default)]
    pub(crate) barge_in: bool,
    /// What comes then.
    pub(crate) next: Option<Word>,
}

/// One thing that is said.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartDocument {
    /// A prompt.
    Prompt(Word),
    /// A number, -999999999 to 999999999.
    Number(Word),
    /// Text as single digits and letters.
    Digits(Word),
    /// A number such as 20260503 as a date.
    Date(Word),
    /// Minutes after midnight as a time of day.
    Time(Word),
    /// An amount of yuan, given in fen.
    Money(Word),
    /// Seconds as an estimated wait.
    Wait(Word),
    /// A number as a place in the queue.
    Position(Word),
}

/// Lets the caller choose.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MenuDocument {
    /// Said the first time.
    pub(crate) long: Vec<Word>,
    /// Said when the menu is repeated; `long` where it is not given.
    pub(crate) short: Option<Vec<Word>>,
    /// Whether keys cut the prompts.
    #[serde(default = "yes")]
    pub(crate) barge_in: bool,
    /// Time for a key after the prompts; 5 s where left away.
    pub(crate) timeout: Option<Word>,
    /// Time for the next key of a choice with several; 3 s where left away.
    pub(crate) inter_digit: Option<Word>,
    /// One to four keys of a phone, and the node that comes then. None may begin another.
    #[serde(default)]
    pub(crate) keys: BTreeMap<String, Word>,
    /// What is done without a key; inherited from `defaults`.
    pub(crate) no_input: Option<FailureDocument>,
    /// What is done with a wrong key; inherited from `defaults`.
    pub(crate) no_match: Option<FailureDocument>,
}

fn yes() -> bool {
    true
}

/// What is done without a key, or with a wrong one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FailureDocument {
    /// The failure that leaves the node: 1 leaves at the first.
    pub(crate) max: Said<u32>,
    /// Said before the node is repeated.
    #[serde(default)]
    pub(crate) prompts: Vec<Word>,
    /// What comes when `max` is reached.
    pub(crate) next: Option<Word>,
}

/// Takes digits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectDocument {
    /// The variable, of type `digits`.
    pub(crate) var: Word,
    /// What is asked.
    pub(crate) prompts: Vec<Word>,
    /// Fewest digits, 1 to 32; 1 where left away.
    pub(crate) min: Option<Said<u32>>,
    /// Most digits, 1 to 32.
    pub(crate) max: Said<u32>,
    /// The key that ends it early; `#` where left away.
    pub(crate) end: Option<Word>,
    /// What must hold of the digits; all of them.
    #[serde(default)]
    pub(crate) validate: Vec<Said<ValidatorDocument>>,
    /// Whether keys cut the prompts.
    #[serde(default = "yes")]
    pub(crate) barge_in: bool,
    /// Time for the first digit; 5 s where left away.
    pub(crate) timeout: Option<Word>,
    /// Time for each further one; 3 s where left away.
    pub(crate) inter_digit: Option<Word>,
    /// What is done without a digit; inherited from `defaults`.
    pub(crate) no_input: Option<FailureDocument>,
    /// What is done with digits that do not fit; inherited from `defaults`.
    pub(crate) no_match: Option<FailureDocument>,
    /// What comes with good digits.
    pub(crate) next: Option<Word>,
}

/// What must hold of digits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ValidatorDocument {
    /// A regular expression for the whole of them.
    Regex(Word),
    /// The check digit of cards (Luhn, ISO/IEC 7812-1).
    Luhn,
    /// The check character of a resident identity number (ISO 7064 MOD 11-2); `*` stands for X.
    Mod11,
    /// A date as YYYYMMDD.
    Date,
    /// An expression over the variables; `input` is what was entered.
    If(Word),
}

/// Puts values into variables.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetDocument {
    /// Expressions by variable, computed from what held before.
    pub(crate) vars: BTreeMap<String, Word>,
    /// What comes then.
    pub(crate) next: Option<Word>,
}

/// Goes on by conditions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BranchDocument {
    /// Conditions in order.
    pub(crate) cases: Vec<CaseDocument>,
    /// What comes where none holds.
    #[serde(rename = "else")]
    pub(crate) otherwise: Option<Word>,
}

/// A condition.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseDocument {
    /// An expression that is true or false.
    #[serde(rename = "if")]
    pub(crate) when: Word,
    /// What comes where it holds.
    pub(crate) next: Option<Word>,
}

/// Goes on by who calls; the first that fits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallerDocument {
    /// The caller is on the blocklist.
    pub(crate) blocked: Option<Word>,
    /// The caller's number is withheld.
    pub(crate) anonymous: Option<Word>,
    /// The caller is a VIP.
    pub(crate) vip: Option<Word>,
    /// The number has called before.
    pub(crate) seen: Option<Word>,
    /// Anybody else, and whenever it cannot be told in time.
    #[serde(rename = "else")]
    pub(crate) otherwise: Option<Word>,
}

/// Asks another system.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookupDocument {
    /// Name of the look-up in the configuration.
    pub(crate) name: Word,
    /// Expressions by the name that the other system knows them by.
    #[serde(default)]
    pub(crate) with: BTreeMap<String, Word>,
    /// Fields of the answer by the variable that takes them.
    #[serde(default)]
    pub(crate) into: BTreeMap<String, Word>,
    /// Longest wait for the answer, all tries together, 100 ms to 30 s; 1500 ms where left away.
    pub(crate) deadline: Option<Word>,
    /// Further tries after one that failed, 0 to 3.
    pub(crate) retries: Option<Said<u32>>,
    /// Music or a prompt that is heard meanwhile, again and again.
    pub(crate) filler: Option<Word>,
    /// The answer is there.
    pub(crate) found: Option<Word>,
    /// The other system knows nothing.
    pub(crate) not_found: Option<Word>,
    /// No answer within the deadline; `on_error` where left away.
    pub(crate) timeout: Option<Word>,
    /// It could not be asked; `on_error` where left away.
    pub(crate) error: Option<Word>,
}

/// Asks for an estimated wait.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EstimateDocument {
    /// The queue, by its slug.
    pub(crate) queue: Word,
    /// The variable, of type `number`, that takes the seconds.
    pub(crate) var: Word,
    /// Nobody is on duty: there is no estimate.
    pub(crate) no_staff: Option<Word>,
    /// What comes then.
    pub(crate) next: Option<Word>,
}

/// Changes the language.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageDocument {
    /// The new language.
    pub(crate) set: Word,
    /// What comes then.
    pub(crate) next: Option<Word>,
}

/// Goes on by the calendar.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarDocument {
    /// A shift band, or `any`.
    pub(crate) name: Word,
    /// What comes while it is on.
    pub(crate) open: Option<Word>,
    /// What comes while it is not.
    pub(crate) closed: Option<Word>,
}

/// Waits for an agent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueueDocument {
    /// The queue.
    pub(crate) name: Word,
    /// Added to the wait when places are compared: a time such as `120s`.
    pub(crate) priority: Option<Word>,
    /// A part of `while_waiting`; inherited from `defaults`.
    pub(crate) while_waiting: Option<Word>,
    /// What comes where no agent does; each is inherited from `defaults`.
    #[serde(default)]
    pub(crate) exits: Exits,
}

/// The exits of a queue.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exits {
    /// The queue's longest wait is over.
    pub(crate) timeout: Option<Word>,
    /// The queue is full.
    pub(crate) full: Option<Word>,
    /// Nobody is on duty for it.
    pub(crate) no_staff: Option<Word>,
    /// The caller pressed the leave key.
    pub(crate) key: Option<Word>,
}

/// Records a message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VoicemailDocument {
    /// The box it is kept in: a name for the list of messages.
    #[serde(rename = "box")]
    pub(crate) mailbox: Word,
    /// Said before the recording.
    pub(crate) prompts: Vec<Word>,
    /// The key that ends it; `#` where left away.
    pub(crate) end: Option<Word>,
    /// Shortest message; 2 s where left away.
    pub(crate) min: Option<Word>,
    /// Longest message; 120 s where left away.
    pub(crate) max: Option<Word>,
    /// A message is kept.
    pub(crate) saved: Option<Word>,
    /// It was too short, and is thrown away.
    pub(crate) short: Option<Word>,
}

/// Registers a call-back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallBackDocument {
    /// The queue whose agents call back.
    pub(crate) queue: Word,
    /// The variable with the number to call; the caller's own number where left away.
    pub(crate) number: Option<Word>,
    /// It is registered.
    pub(crate) registered: Option<Word>,
    /// It is not.
    pub(crate) failed: Option<Word>,
}

/// Asks for a score.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SurveyDocument {
    /// Name of the question in the figures.
    pub(crate) question: Word,
    /// What is asked.
    pub(crate) prompts: Vec<Word>,
    /// Lowest score, a single digit.
    pub(crate) from: Said<u32>,
    /// Highest score, a single digit.
    pub(crate) to: Said<u32>,
    /// Time for a key after the prompts; 5 s where left away.
    pub(crate) timeout: Option<Word>,
    /// What is done without a key; inherited from `defaults`.
    pub(crate) no_input: Option<FailureDocument>,
    /// What is done with a wrong key; inherited from `defaults`.
    pub(crate) no_match: Option<FailureDocument>,
    /// What comes with a score.
    pub(crate) next: Option<Word>,
}

/// Connects the caller with another number.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransferDocument {
    /// The number, one that the dial plan allows: an expression, so a fixed one stands in quotes of its own.
    pub(crate) to: Word,
    /// How long it may ring; 30 s where left away.
    pub(crate) ring: Option<Word>,
    /// It is busy.
    pub(crate) busy: Option<Word>,
    /// Nobody answered in time.
    pub(crate) no_answer: Option<Word>,
    /// It cannot be reached, or the dial plan does not allow it.
    pub(crate) failed: Option<Word>,
}

/// Writes a text on the contact's record.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteDocument {
    /// Its name: a-z 0-9 - _.
    pub(crate) name: Word,
    /// An expression.
    pub(crate) value: Word,
    /// What comes then.
    pub(crate) next: Option<Word>,
}

/// Refuses the call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RejectDocument {
    /// Why, as SIP has it.
    pub(crate) cause: RejectCause,
    /// Heard before, as early media.
    #[serde(default)]
    pub(crate) prompts: Vec<Word>,
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RejectCause {
    /// 486 Busy Here.
    Busy,
    /// 480 Temporarily Unavailable.
    Unavailable,
    /// 603 Decline.
    Declined,
    /// 404 Not Found.
    NotFound,
    /// 433 Anonymity Disallowed (RFC 5079).
    Anonymous,
    /// 607 Unwanted (RFC 8197).
    Unwanted,
}

/// Goes on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GotoDocument {
    /// What comes then.
    pub(crate) next: Option<Word>,
}

/// Goes through a part.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallDocument {
    /// A part of `sub_flows`.
    pub(crate) flow: Word,
    /// Nodes by the name of the `return` that leads to them.
    pub(crate) exits: BTreeMap<String, Word>,
}

/// Leads back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnDocument {
    /// The exit of the `call`.
    pub(crate) exit: Word,
}

/// Ends the call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HangupDocument {
    /// The last words.
    #[serde(default)]
    pub(crate) prompts: Vec<Word>,
}
