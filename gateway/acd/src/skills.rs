//! Skills and what a call needs of them: `repair>=2 and (english or french>=3)`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Highest level of a skill; the lowest is 1.
pub const LEVEL_MAX: u8 = 10;

/// Longest text of a requirement, bytes.
pub const REQUIREMENT_BYTES_MAX: usize = 500;

/// Deepest nesting of brackets.
pub const DEPTH_MAX: usize = 8;

/// Most different skills that agents have and queues ask for.
pub const SKILLS_MAX: usize = 200;

/// What an agent must have to take a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: every agent of the queue will do. Written `any`.
    Anyone,
    /// A skill of at least this level.
    Skill {
        /// Its name.
        name: String,
        /// Lowest level that will do, 1 to [`LEVEL_MAX`].
        level: u8,
    },
    /// All of these.
    All(Vec<Requirement>),
    /// One of these.
    Any(Vec<Requirement>),
}

/// Why a requirement cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequirementError(String);

impl fmt::Display for RequirementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RequirementError {}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    write!(f, " {word} ")?;
                }
                match part {
                    Self::All(_) | Self::Any(_) => write!(f, "({part})")?,
                    Self::Anyone | Self::Skill { .. } => write!(f, "{part}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Anyone => f.write_str("any"),
            Self::Skill { name, level: 1 } => f.write_str(name),
            Self::Skill { name, level } => write!(f, "{name}>={level}"),
            Self::All(parts) => joined(f, parts, "and"),
            Self::Any(parts) => joined(f, parts, "or"),
        }
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > REQUIREMENT_BYTES_MAX {
            return Err(RequirementError(format!(
                "longer than {REQUIREMENT_BYTES_MAX} bytes"
            )));
        }
        let mut reader = Reader {
            words: words(text)?,
            at: 0,
        };
        let read = reader.one_of(0)?;
        match reader.next() {
            None => Ok(read),
            Some(word) => Err(RequirementError(format!(
                "{word:?} is too much: join parts with `and` or `or`"
            ))),
        }
    }
}

impl Requirement {
    /// Whether an agent with these skills meets it.
    #[must_use]
    pub fn met_by(&self, skills: &BTreeMap<String, u8>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Skill { name, level } => skills.get(name).is_some_and(|has| has >= level),
            Self::All(parts) => parts.iter().all(|part| part.met_by(skills)),
            Self::Any(parts) => parts.iter().any(|part| part.met_by(skills)),
        }
    }

    /// The names of the skills in it.
    pub(crate) fn names<'r>(&'r self, into: &mut Vec<&'r str>) {
        match self {
            Self::Anyone => {}
            Self::Skill { name, .. } => into.push(name),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.names(into)),
        }
    }
}

/// Words: names, levels, `>=` and brackets.
fn words(text: &str) -> Result<Vec<String>, RequirementError> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for letter in text.chars() {
        match letter {
            'a'..='z' | '0'..='9' | '-' | '_' => match words.last_mut().filter(|_| open) {
                Some(word) => word.push(letter),
                None => words.push(letter.to_string()),
            },
            '=' if !open && words.last().is_some_and(|word| word == ">") => {
                words.pop();
                words.push(">=".to_owned());
            }
            '(' | ')' | '>' => words.push(letter.to_string()),
            ' ' | '\t' => {}
            other => {
                return Err(RequirementError(format!(
                    "{other:?} cannot be in it: write for instance `repair>=2 and (english or french)`"
                )));
            }
        }
        open = letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-' || letter == '_';
    }
    Ok(words)
}

struct Reader {
    words: Vec<String>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<String> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.words.get(self.at).is_some_and(|next| next == word);
        self.at += usize::from(is);
        is
    }

    fn one_of(&mut self, depth: usize) -> Result<Requirement, RequirementError> {
        let mut parts = vec![self.all_of(depth)?];
        while self.take("or") {
            parts.push(self.all_of(depth)?);
        }
        Ok(joined(parts, Requirement::Any))
    }

    fn all_of(&mut self, depth: usize) -> Result<Requirement, RequirementError> {
        let mut parts = vec![self.part(depth)?];
        while self.take("and") {
            parts.push(self.part(depth)?);
        }
        Ok(joined(parts, Requirement::All))
    }

    fn part(&mut self, depth: usize) -> Result<Requirement, RequirementError> {
        let word = self
            .next()
            .ok_or_else(|| RequirementError("a skill is missing at the end".to_owned()))?;
        if word == "(" {
            if depth >= DEPTH_MAX {
                return Err(RequirementError(format!("more than {DEPTH_MAX} brackets deep")));
            }
            let inner = self.one_of(depth + 1)?;
            return if self.take(")") {
                Ok(inner)
            } else {
                Err(RequirementError("a bracket is not closed".to_owned()))
            };
        }
        if !word.starts_with(|letter: char| letter.is_ascii_lowercase()) || word == "and" || word == "or" {
            return Err(RequirementError(format!("{word:?} is not the name of a skill")));
        }
        if word == "any" {
            return Ok(Requirement::Anyone);
        }
        let mut level = 1;
        if self.take(">=") {
            level = self
                .next()
                .and_then(|text| text.parse().ok())
                .filter(|level| (1..=LEVEL_MAX).contains(level))
                .ok_or_else(|| RequirementError(format!("the level of {word} is not 1 to {LEVEL_MAX}")))?;
        }
        Ok(Requirement::Skill { name: word, level })
    }
}

fn joined(mut parts: Vec<Requirement>, join: impl FnOnce(Vec<Requirement>) -> Requirement) -> Requirement {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            join(parts)
        }
        (None, _) => Requirement::Anyone,
    }
}

/// Number of a skill within one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SkillNo(usize);

/// A requirement over numbers: what the decisions read.
#[derive(Clone, Debug)]
pub(crate) enum Needs {
    Anyone,
    Skill(SkillNo, u8),
    All(Vec<Needs>),
    Any(Vec<Needs>),
}

impl Needs {
    /// Whether these levels, by the skill's number, will do.
    pub(crate) fn met_by(&self, levels: &[u8]) -> bool {
        match self {
            Self::Anyone => true,
            Self::Skill(no, level) => levels.get(no.0).is_some_and(|has| has >= level),
            Self::All(parts) => parts.iter().all(|part| part.met_by(levels)),
            Self::Any(parts) => parts.iter().any(|part| part.met_by(levels)),
        }
    }
}

/// The names of all skills, and their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skills(BTreeMap<String, SkillNo>);

impl Skills {
    pub(crate) fn number(&mut self, name: &str) -> SkillNo {
        let next = SkillNo(self.0.len());
        *self.0.entry(name.to_owned()).or_insert(next)
    }

    pub(crate) fn needs(&mut self, requirement: &Requirement) -> Needs {
        match requirement {
            Requirement::Anyone => Needs::Anyone,
            Requirement::All(parts) => Needs::All(parts.iter().map(|part| self.needs(part)).collect()),
            Requirement::Any(parts) => Needs::Any(parts.iter().map(|part| self.needs(part)).collect()),
            Requirement::Skill { name, level } => Needs::Skill(self.number(name), *level),
        }
    }

    pub(crate) fn levels(&mut self, skills: &BTreeMap<String, u8>) -> Vec<u8> {
        let mut levels = Vec::new();
        for (name, level) in skills {
            let SkillNo(no) = self.number(name);
            if levels.len() <= no {
                levels.resize(no + 1, 0);
            }
            levels[no] = *level;
        }
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read_as_they_are_written() {
        let skills = BTreeMap::from([("repair".to_owned(), 2), ("english".to_owned(), 1)]);
        for (text, shown, met) in [
            ("any", "any", true),
            ("repair", "repair", true),
            ("repair>=3", "repair>=3", false),
            ("repair >= 2 and english", "repair>=2 and english", true),
            (
                "french or english and repair>=2",
                "french or (english and repair>=2)",
                true,
            ),
            (
                "(french or english)and repair>=3",
                "(french or english) and repair>=3",
                false,
            ),
        ] {
            let read: Requirement = text.parse().unwrap();
            assert_eq!(read.to_string(), shown, "{text}");
            assert_eq!(read.met_by(&skills), met, "{text}");
            assert_eq!(shown.parse::<Requirement>().unwrap(), read);
            let mut names = Skills::default();
            let levels = names.levels(&skills);
            assert_eq!(names.needs(&read).met_by(&levels), met, "{text} by numbers");
        }
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        let deep = "(".repeat(DEPTH_MAX + 1) + "a" + &")".repeat(DEPTH_MAX + 1);
        let long = "a".repeat(REQUIREMENT_BYTES_MAX + 1);
        for text in [
            "", "and", "a and", "a b", "a>=0", "a>=11", "a>=", "(a", "a)", "A", "a>2", "2a", &deep, &long,
        ] {
            assert!(text.parse::<Requirement>().is_err(), "{text:?}");
        }
    }
}
