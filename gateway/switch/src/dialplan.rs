//! The dial plan: which outside numbers may be called, by which trunks, as whom. One pure decision for everybody
//! who asks: transfers, call-backs, click-to-call.

use std::time::Duration;

use hotline_types::{Numbering, PhoneNumber, TrunkSlug};

/// How a trunk wants numbers written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberForm {
    /// `+8613800138000`.
    Plus,
    /// `8613800138000`.
    Bare,
    /// `13800138000`.
    National,
    /// `013800138000`.
    Prefixed,
}

/// Outside numbers with one rule. The first rule that fits a number decides.
#[derive(Clone, Debug)]
pub struct DialRule {
    /// Its name, for the journal.
    pub slug: String,
    /// Patterns of the one form: digits, a leading `+`, `X` for any digit, a `*` at the end for any rest.
    pub numbers: Vec<String>,
    /// Whether they may be called.
    pub allow: bool,
    /// Trunks for them; empty: every one that takes calls.
    pub trunks: Vec<TrunkSlug>,
    /// Calls to them at once.
    pub calls_max: usize,
    /// Calls to them within an hour.
    pub calls_per_hour: usize,
}

/// The plan.
#[derive(Clone, Debug)]
pub struct DialPlan {
    /// How numbers are written.
    pub numbering: Numbering,
    /// The rules, in order; without any nothing may be called.
    pub rules: Vec<DialRule>,
    /// Our number that the called see; none: nothing may be called.
    pub caller: Option<PhoneNumber>,
    /// Our own numbers: never called, for a call would come back to us and never end.
    pub own: Vec<PhoneNumber>,
    /// Emergency numbers.
    pub emergency: Vec<String>,
    /// Whether they may be called, past every rule and limit.
    pub emergency_allowed: bool,
    /// Outside calls at once.
    pub calls_max: usize,
    /// Lines that outside calls leave free.
    pub kept_for_callers: usize,
    /// How long the called phone may ring.
    pub ring: Duration,
}

impl Default for DialPlan {
    /// Nothing may be called.
    fn default() -> Self {
        Self {
            numbering: Numbering::china(""),
            rules: Vec::new(),
            caller: None,
            own: Vec::new(),
            emergency: Vec::new(),
            emergency_allowed: false,
            calls_max: 0,
            kept_for_callers: 0,
            ring: Duration::from_secs(45),
        }
    }
}

/// What is going on, as far as the plan cares.
#[derive(Clone, Debug, Default)]
pub struct DialUse {
    /// Outside calls now.
    pub outside: usize,
    /// Lines that are free now.
    pub lines_free: usize,
    /// Per rule, in its order: calls now, and calls within the last hour.
    pub rules: Vec<(usize, usize)>,
}

/// Why an outside number is not called. What is told to people says no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum DialRefusal {
    /// It is none.
    #[error("that is not a phone number")]
    NotANumber,
    /// It is ours.
    #[error("that is a number of this hotline")]
    OwnNumber,
    /// An emergency number, and these are refused.
    #[error("emergency numbers are not dialled from here")]
    Emergency,
    /// No rule allows it.
    #[error("the dial plan does not allow that number")]
    NotAllowed,
    /// The rule's calls at once are reached.
    #[error("too many calls to such numbers at once")]
    Busy,
    /// The rule's calls within an hour are reached.
    #[error("too many calls to such numbers within the hour")]
    TooOften,
    /// All outside calls there may be are going on.
    #[error("too many outside calls at once")]
    OutsideFull,
    /// The lines left are kept for callers.
    #[error("the lines left are kept for callers")]
    LinesKept,
}

impl DialRefusal {
    /// Its name as a label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::OwnNumber => "own_number",
            Self::Emergency => "emergency",
            Self::NotAllowed => "not_allowed",
            Self::Busy => "busy",
            Self::TooOften => "too_often",
            Self::OutsideFull => "outside_full",
            Self::LinesKept => "lines_kept",
        }
    }
}

/// A number that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialAllowed {
    /// The number.
    pub number: PhoneNumber,
    /// The rule's place; none for an emergency number.
    pub rule: Option<usize>,
}

impl DialPlan {
    /// Whether this number, however it is written, may be called now.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, written: &str, now: &DialUse) -> Result<DialAllowed, DialRefusal> {
        let number = self.numbering.normal(written);
        if !number.is_known() {
            return Err(DialRefusal::NotANumber);
        }
        if self.is_emergency(&number) {
            return if self.emergency_allowed && self.caller.is_some() {
                Ok(DialAllowed { number, rule: None })
            } else {
                Err(DialRefusal::Emergency)
            };
        }
        if self.own.contains(&number) {
            return Err(DialRefusal::OwnNumber);
        }
        let text = number.to_string();
        let found = self
            .rules
            .iter()
            .position(|rule| rule.numbers.iter().any(|pattern| fits(pattern, &text)));
        let (place, rule) = match found.and_then(|place| Some((place, self.rules.get(place)?))) {
            Some((place, rule)) if rule.allow && self.caller.is_some() => (place, rule),
            _ => return Err(DialRefusal::NotAllowed),
        };
        let (at_once, in_hour) = now.rules.get(place).copied().unwrap_or_default();
        if at_once >= rule.calls_max {
            return Err(DialRefusal::Busy);
        }
        if in_hour >= rule.calls_per_hour {
            return Err(DialRefusal::TooOften);
        }
        if now.outside >= self.calls_max {
            return Err(DialRefusal::OutsideFull);
        }
        if now.lines_free <= self.kept_for_callers {
            return Err(DialRefusal::LinesKept);
        }
        let rule = Some(place);
        Ok(DialAllowed { number, rule })
    }

    /// Emergency numbers are short: with a country code, or a `0` before it, one is still meant.
    fn is_emergency(&self, number: &PhoneNumber) -> bool {
        let digits = number.digits();
        let national = digits
            .strip_prefix(self.numbering.country_code.as_str())
            .unwrap_or(digits);
        let bare = national
            .strip_prefix(self.numbering.trunk_prefix.as_str())
            .unwrap_or(national);
        self.emergency
            .iter()
            .any(|known| known == digits || known == national || known == bare)
    }

    /// A number as a trunk wants it.
    #[must_use]
    pub fn written_for(&self, number: &PhoneNumber, form: NumberForm) -> String {
        match (form, number) {
            (NumberForm::Plus, _) => number.to_string(),
            (NumberForm::Bare, _) => number.digits().to_owned(),
            (NumberForm::National, _) => self.numbering.dialled_here(number, false),
            (NumberForm::Prefixed, _) => self.numbering.dialled_here(number, true),
        }
    }
}

/// Whether a number in its one form fits a pattern.
fn fits(pattern: &str, number: &str) -> bool {
    let (pattern, open) = pattern
        .strip_suffix('*')
        .map_or((pattern, false), |head| (head, true));
    let long_enough = if open {
        number.len() >= pattern.len()
    } else {
        number.len() == pattern.len()
    };
    long_enough
        && pattern
            .bytes()
            .zip(number.bytes())
            .all(|(wanted, is)| wanted == is || (wanted == b'X' && is.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> DialPlan {
        let rule = |slug: &str, numbers: &[&str], allow| DialRule {
            slug: slug.to_owned(),
            numbers: numbers.iter().map(|&text| text.to_owned()).collect(),
            allow,
            trunks: Vec::new(),
            calls_max: 2,
            calls_per_hour: 5,
        };
        let numbering = Numbering::china("21");
        DialPlan {
            rules: vec![
                rule("premium", &["+8616888XXXXXX", "+8616*"], false),
                rule("mobiles", &["+861XXXXXXXXXX"], true),
                rule("city", &["+8621*", "95588"], true),
            ],
            caller: Some(numbering.normal("4000000001")),
            own: vec![numbering.normal("4000000001")],
            emergency: ["110", "120"].map(ToOwned::to_owned).to_vec(),
            calls_max: 3,
            kept_for_callers: 20,
            numbering,
            ..DialPlan::default()
        }
    }

    fn free() -> DialUse {
        DialUse {
            outside: 0,
            lines_free: 90,
            rules: vec![(0, 0); 3],
        }
    }

    #[test]
    fn first_rule_that_fits_decides_and_nothing_else_is_dialled() {
        let plan = plan();
        let judged = |written: &str| plan.judge(written, &free()).map(|allowed| allowed.rule);
        for (written, expected) in [
            ("013800138000", Ok(Some(1))),
            ("13800138000", Ok(Some(1))),
            ("61234567", Ok(Some(2))),
            ("95588", Ok(Some(2))),
            ("16888123456", Err(DialRefusal::NotAllowed)),
            ("+4930123456", Err(DialRefusal::NotAllowed)),
            ("075586123456", Err(DialRefusal::NotAllowed)),
            ("400 000 0001", Err(DialRefusal::OwnNumber)),
            ("sip:boss@elsewhere.example", Err(DialRefusal::NotANumber)),
            ("", Err(DialRefusal::NotANumber)),
        ] {
            assert_eq!(judged(written), expected, "{written}");
        }
        assert_eq!(
            DialPlan::default().judge("13800138000", &free()),
            Err(DialRefusal::NotAllowed)
        );
    }

    #[test]
    fn emergency_numbers_are_refused_or_go_first_in_every_spelling() {
        let mut plan = plan();
        for written in ["110", "0110", "+86110", "0086 120"] {
            assert_eq!(
                plan.judge(written, &free()),
                Err(DialRefusal::Emergency),
                "{written}"
            );
        }
        plan.emergency_allowed = true;
        let full = DialUse {
            outside: 99,
            lines_free: 0,
            rules: vec![(9, 99); 3],
        };
        assert_eq!(plan.judge("110", &full).map(|allowed| allowed.rule), Ok(None));
    }

    #[test]
    fn each_limit_refuses_by_its_own_name() {
        let plan = plan();
        for (now, refusal) in [
            (
                DialUse {
                    rules: vec![(0, 0), (2, 2), (0, 0)],
                    ..free()
                },
                DialRefusal::Busy,
            ),
            (
                DialUse {
                    rules: vec![(0, 0), (0, 5), (0, 0)],
                    ..free()
                },
                DialRefusal::TooOften,
            ),
            (DialUse { outside: 3, ..free() }, DialRefusal::OutsideFull),
            (
                DialUse {
                    lines_free: 20,
                    ..free()
                },
                DialRefusal::LinesKept,
            ),
        ] {
            assert_eq!(plan.judge("13800138000", &now), Err(refusal), "{now:?}");
        }
    }

    #[test]
    fn numbers_are_written_as_each_trunk_wants_them() {
        let plan = plan();
        let number = plan.numbering.normal("13800138000");
        let written = [
            NumberForm::Plus,
            NumberForm::Bare,
            NumberForm::National,
            NumberForm::Prefixed,
        ]
        .map(|form| plan.written_for(&number, form));
        assert_eq!(
            written,
            ["+8613800138000", "8613800138000", "13800138000", "013800138000"]
        );
    }
}
