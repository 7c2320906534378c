//! Expressions: small, typed and total. Every one that was read ends, with a value, whatever the variables hold.
//!
//! `or`, `and`, `not`, `== != < <= > >=`, `+ - * /`, brackets, numbers, `'text'`, `true`, `false`, variables, and the
//! functions of [`Function`]. Arithmetic saturates; a division by zero is zero.

use std::cmp::Ordering;

use hotline_types::Pii;

/// Longest expression, bytes.
const LENGTH_MAX: usize = 400;
/// Deepest nesting.
const DEPTH_MAX: usize = 24;
/// Longest text that an expression makes, characters.
const TEXT_MAX: usize = 200;

/// What an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Number,
    Flag,
}

impl Type {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Flag => "true or false",
        }
    }

    /// What a variable holds before anything was put into it.
    pub(crate) const fn empty(self) -> Value {
        match self {
            Self::Text => Value::Text(Pii::new(String::new())),
            Self::Number => Value::Number(0),
            Self::Flag => Value::Flag(false),
        }
    }
}

/// What a variable holds. Texts may be a caller's digits and never print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text, and digits.
    Text(Pii<String>),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
}

impl Value {
    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Flag(flag) => i64::from(*flag),
            Self::Text(text) => text.reveal().parse().unwrap_or(0),
        }
    }

    pub(crate) fn flag(&self) -> bool {
        matches!(self, Self::Flag(true))
    }

    /// The value as text, to be said or sent.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.reveal().clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }

    pub(crate) const fn kind(&self) -> Type {
        match self {
            Self::Text(_) => Type::Text,
            Self::Number(_) => Type::Number,
            Self::Flag(_) => Type::Flag,
        }
    }

    /// Text from elsewhere as a value of this type.
    pub(crate) fn read(kind: Type, text: &str) -> Self {
        match kind {
            Type::Text => Self::Text(Pii::new(text.chars().take(TEXT_MAX).collect())),
            Type::Number => Self::Number(text.trim().parse().unwrap_or(0)),
            Type::Flag => Self::Flag(matches!(text.trim(), "true" | "1" | "yes")),
        }
    }
}

/// A checked expression.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    root: Node,
    pub(crate) kind: Type,
    /// Variables it reads.
    pub(crate) reads: Vec<usize>,
}

impl Expr {
    /// Its value; `vars` are those it was read with.
    pub(crate) fn value(&self, vars: &[Value]) -> Value {
        self.root.value(vars)
    }

    pub(crate) const fn constant(value: Value) -> Self {
        let kind = value.kind();
        Self {
            root: Node::Constant(value),
            kind,
            reads: Vec::new(),
        }
    }
}

#[derive(Clone, Debug)]
enum Node {
    Constant(Value),
    Var(usize),
    Not(Box<Node>),
    Both(Operator, Box<(Node, Node)>),
    Call(Function, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Plus,
    Minus,
    Times,
    Over,
}

/// Functions, by name and what they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    /// Length of a text.
    Len,
    /// Whether the first text begins with the second.
    Starts,
    /// Whether the first text ends with the second.
    Ends,
    /// The last characters of a text, so many.
    Last,
    /// A text as a number; 0 where it is none.
    Number,
    /// A number as text.
    Text,
    /// The second where the first holds, else the third.
    If,
    /// The smaller, the larger of two numbers.
    Min,
    Max,
}

impl Function {
    const ALL: [(&'static str, Self); 9] = [
        ("len", Self::Len),
        ("starts", Self::Starts),
        ("ends", Self::Ends),
        ("last", Self::Last),
        ("number", Self::Number),
        ("text", Self::Text),
        ("if", Self::If),
        ("min", Self::Min),
        ("max", Self::Max),
    ];

    /// The type of the result; None where the arguments do not fit.
    fn result(self, arguments: &[Type]) -> Option<Type> {
        use Type::{Flag, Number, Text};
        match (self, arguments) {
            (Self::Len | Self::Number, [Text]) | (Self::Min | Self::Max, [Number, Number]) => Some(Number),
            (Self::Starts | Self::Ends, [Text, Text]) => Some(Flag),
            (Self::Last, [Text, Number]) | (Self::Text, [Number]) => Some(Text),
            (Self::If, [Flag, left, right]) if left == right => Some(*left),
            _ => None,
        }
    }
}

impl Node {
    fn value(&self, vars: &[Value]) -> Value {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Var(at) => vars.get(*at).cloned().unwrap_or(Value::Flag(false)),
            Self::Not(inner) => Value::Flag(!inner.value(vars).flag()),
            Self::Both(operator, sides) => both(*operator, sides, vars),
            Self::Call(function, arguments) => call(*function, arguments, vars),
        }
    }
}

fn both(operator: Operator, sides: &(Node, Node), vars: &[Value]) -> Value {
    let left = sides.0.value(vars);
    match operator {
        Operator::Or if left.flag() => return left,
        Operator::And if !left.flag() => return left,
        _ => {}
    }
    let right = sides.1.value(vars);
    let order = || match (&left, &right) {
        (Value::Text(left), Value::Text(right)) => left.reveal().cmp(right.reveal()),
        _ => left.number().cmp(&right.number()),
    };
    match operator {
        Operator::Or | Operator::And => right,
        Operator::Equal => Value::Flag(order() == Ordering::Equal),
        Operator::Unequal => Value::Flag(order() != Ordering::Equal),
        Operator::Less => Value::Flag(order() == Ordering::Less),
        Operator::AtMost => Value::Flag(order() != Ordering::Greater),
        Operator::More => Value::Flag(order() == Ordering::Greater),
        Operator::AtLeast => Value::Flag(order() != Ordering::Less),
        Operator::Plus => match (&left, &right) {
            (Value::Text(left), Value::Text(right)) => {
                let joined = left.reveal().chars().chain(right.reveal().chars());
                Value::Text(Pii::new(joined.take(TEXT_MAX).collect()))
            }
            _ => Value::Number(left.number().saturating_add(right.number())),
        },
        Operator::Minus => Value::Number(left.number().saturating_sub(right.number())),
        Operator::Times => Value::Number(left.number().saturating_mul(right.number())),
        Operator::Over => Value::Number(left.number().checked_div(right.number()).unwrap_or(0)),
    }
}

fn call(function: Function, arguments: &[Node], vars: &[Value]) -> Value {
    let value = |at: usize| {
        arguments
            .get(at)
            .map_or(Value::Flag(false), |node| node.value(vars))
    };
    match function {
        Function::Len => Value::Number(i64::try_from(value(0).text().chars().count()).unwrap_or(i64::MAX)),
        Function::Starts => Value::Flag(value(0).text().starts_with(&value(1).text())),
        Function::Ends => Value::Flag(value(0).text().ends_with(&value(1).text())),
        Function::Last => {
            let text = value(0).text();
            let skip = text
                .chars()
                .count()
                .saturating_sub(usize::try_from(value(1).number()).unwrap_or(0));
            Value::Text(Pii::new(text.chars().skip(skip).collect()))
        }
        Function::Number => Value::Number(value(0).number()),
        Function::Text => Value::Text(Pii::new(value(0).text())),
        Function::If => value(if value(0).flag() { 1 } else { 2 }),
        Function::Min => Value::Number(value(0).number().min(value(1).number())),
        Function::Max => Value::Number(value(0).number().max(value(1).number())),
    }
}

/// A variable that an expression may name.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) kind: Type,
}

/// Reads and types an expression; the error is one sentence.
pub(crate) fn read(text: &str, vars: &[Named]) -> Result<Expr, String> {
    if text.len() > LENGTH_MAX {
        return Err(format!("an expression has at most {LENGTH_MAX} bytes"));
    }
    let mut reader = Reader {
        rest: text,
        vars,
        reads: Vec::new(),
    };
    let (root, kind) = reader.choice(0)?;
    reader.rest = reader.rest.trim_start();
    if !reader.rest.is_empty() {
        return Err(format!("{:?} is not understood", reader.rest.trim_end()));
    }
    Ok(Expr {
        root,
        kind,
        reads: reader.reads,
    })
}

struct Reader<'a> {
    rest: &'a str,
    vars: &'a [Named],
    reads: Vec<usize>,
}

type Typed = Result<(Node, Type), String>;

impl<'a> Reader<'a> {
    /// Takes a sign, where it comes next.
    fn sign(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start();
        let found = rest.strip_prefix(sign);
        if let Some(after) = found {
            self.rest = after;
        }
        found.is_some()
    }

    /// The word that comes next, not taken.
    fn word(&self) -> &'a str {
        let rest = self.rest.trim_start();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        &rest[..end]
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        if found {
            self.rest = &self.rest.trim_start()[word.len()..];
        }
        found
    }

    fn choice(&mut self, depth: usize) -> Typed {
        if depth > DEPTH_MAX {
            return Err("it is nested too deep".to_owned());
        }
        let mut left = self.all(depth)?;
        while self.keyword("or") {
            let right = self.all(depth)?;
            left = join(Operator::Or, left, right)?;
        }
        Ok(left)
    }

    fn all(&mut self, depth: usize) -> Typed {
        let mut left = self.negation(depth)?;
        while self.keyword("and") {
            let right = self.negation(depth)?;
            left = join(Operator::And, left, right)?;
        }
        Ok(left)
    }

    fn negation(&mut self, depth: usize) -> Typed {
        if depth > DEPTH_MAX {
            return Err("it is nested too deep".to_owned());
        }
        if !self.keyword("not") {
            return self.comparison(depth);
        }
        match self.negation(depth + 1)? {
            (node, Type::Flag) => Ok((Node::Not(Box::new(node)), Type::Flag)),
            (_, other) => Err(format!("`not` takes true or false, not {}", other.name())),
        }
    }

    fn comparison(&mut self, depth: usize) -> Typed {
        const SIGNS: [(&str, Operator); 6] = [
            ("==", Operator::Equal),
            ("!=", Operator::Unequal),
            ("<=", Operator::AtMost),
            (">=", Operator::AtLeast),
            ("<", Operator::Less),
            (">", Operator::More),
        ];
        let left = self.sum(depth)?;
        for (sign, operator) in SIGNS {
            if self.sign(sign) {
                let right = self.sum(depth)?;
                return join(operator, left, right);
            }
        }
        Ok(left)
    }

    fn sum(&mut self, depth: usize) -> Typed {
        let mut left = self.product(depth)?;
        loop {
            let operator = match () {
                () if self.sign("+") => Operator::Plus,
                () if self.sign("-") => Operator::Minus,
                () => return Ok(left),
            };
            let right = self.product(depth)?;
            left = join(operator, left, right)?;
        }
    }

    fn product(&mut self, depth: usize) -> Typed {
        let mut left = self.single(depth)?;
        loop {
            let operator = match () {
                () if self.sign("*") => Operator::Times,
                () if self.sign("/") => Operator::Over,
                () => return Ok(left),
            };
            let right = self.single(depth)?;
            left = join(operator, left, right)?;
        }
    }

    fn single(&mut self, depth: usize) -> Typed {
        if self.sign("(") {
            let inner = self.choice(depth + 1)?;
            return if self.sign(")") {
                Ok(inner)
            } else {
                Err("a `)` is missing".to_owned())
            };
        }
        if self.sign("'") {
            let (text, after) = self
                .rest
                .split_once('\'')
                .ok_or_else(|| "a text has no end: close it with '".to_owned())?;
            self.rest = after;
            return Ok((Node::Constant(Value::Text(Pii::new(text.to_owned()))), Type::Text));
        }
        let word = self.word();
        self.rest = &self.rest.trim_start()[word.len()..];
        match word {
            "" => Err("a value is missing".to_owned()),
            "true" | "false" => Ok((Node::Constant(Value::Flag(word == "true")), Type::Flag)),
            _ if word.starts_with(|c: char| c.is_ascii_digit()) => word
                .parse()
                .map(|number| (Node::Constant(Value::Number(number)), Type::Number))
                .map_err(|_| format!("{word:?} is no number")),
            _ if self.sign("(") => self.function(word, depth),
            _ => self.variable(word),
        }
    }

    fn variable(&mut self, name: &str) -> Typed {
        let found = self.vars.iter().position(|var| var.name == name);
        let Some(at) = found else {
            let names: Vec<_> = self.vars.iter().map(|var| var.name.as_str()).collect();
            return Err(format!(
                "there is no variable {name:?}: there are {}",
                names.join(", ")
            ));
        };
        self.reads.push(at);
        Ok((Node::Var(at), self.vars[at].kind))
    }

    fn function(&mut self, name: &str, depth: usize) -> Typed {
        let known = Function::ALL.iter().find(|(known, _)| *known == name);
        let Some((_, function)) = known else {
            let names = Function::ALL.map(|(name, _)| name);
            return Err(format!(
                "there is no function {name:?}: there are {}",
                names.join(", ")
            ));
        };
        let (mut nodes, mut kinds) = (Vec::new(), Vec::new());
        while !self.sign(")") {
            if !nodes.is_empty() && !self.sign(",") {
                return Err("a `,` or `)` is missing".to_owned());
            }
            let (node, kind) = self.choice(depth + 1)?;
            nodes.push(node);
            kinds.push(kind);
        }
        match function.result(&kinds) {
            Some(kind) => Ok((Node::Call(*function, nodes), kind)),
            None => Err(format!("{name:?} does not take these")),
        }
    }
}

fn join(operator: Operator, (left, of): (Node, Type), (right, with): (Node, Type)) -> Typed {
    use Operator::{And, AtLeast, AtMost, Equal, Less, Minus, More, Or, Over, Plus, Times, Unequal};
    let kind = match (operator, of, with) {
        (Or | And, Type::Flag, Type::Flag) => Some(Type::Flag),
        (Equal | Unequal, of, with) if of == with => Some(Type::Flag),
        (Less | AtMost | More | AtLeast, of, with) if of == with && of != Type::Flag => Some(Type::Flag),
        (Plus, Type::Text, Type::Text) => Some(Type::Text),
        (Plus | Minus | Times | Over, Type::Number, Type::Number) => Some(Type::Number),
        _ => None,
    };
    let kind = kind.ok_or_else(|| format!("{} and {} do not go together here", of.name(), with.name()))?;
    Ok((Node::Both(operator, Box::new((left, right))), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars() -> (Vec<Named>, Vec<Value>) {
        let named = |name: &str, kind| Named {
            name: name.to_owned(),
            kind,
        };
        (
            vec![
                named("order", Type::Text),
                named("hour", Type::Number),
                named("vip", Type::Flag),
            ],
            vec![
                Value::Text(Pii::new("123456".to_owned())),
                Value::Number(21),
                Value::Flag(true),
            ],
        )
    }

    #[test]
    fn expressions_are_computed_and_typed() {
        let (named, values) = vars();
        for (text, expected) in [
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("7 / 0", "0"),
            ("9223372036854775807 + 1", "9223372036854775807"),
            ("len(order) == 6 and vip", "true"),
            ("not vip or hour >= 20", "true"),
            ("starts(order, '12') and ends(order, '56')", "true"),
            ("last(order, 4)", "3456"),
            ("if(vip, 'a', 'b') + 'c'", "ac"),
            ("number(order) > 100000", "true"),
            ("'A' < 'B'", "true"),
            ("max(min(hour, 3), 2)", "3"),
            ("text(hour) != '21'", "false"),
        ] {
            let expr = read(text, &named).unwrap_or_else(|error| panic!("{text}: {error}"));
            let value = expr.value(&values);
            assert_eq!(value.text(), expected, "{text}");
            assert_eq!(value.kind(), expr.kind, "{text}");
        }
    }

    #[test]
    fn wrong_expressions_are_refused_with_a_reason() {
        let (named, _) = vars();
        for (text, reason) in [
            ("", "a value is missing"),
            ("1 +", "a value is missing"),
            ("(1", "`)` is missing"),
            ("'a", "has no end"),
            ("hour and vip", "a number and true or false"),
            ("order > 3", "text and a number"),
            ("not hour", "`not` takes true or false"),
            ("orders", "there are order, hour, vip"),
            ("size(order)", "there are len"),
            ("len(hour)", "does not take these"),
            ("1 2", "is not understood"),
            ("vip < vip", "do not go together"),
            ("99999999999999999999", "is no number"),
        ] {
            let error = read(text, &named).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
        assert!(read(&"(".repeat(300), &named).is_err());
        assert!(read(&"not ".repeat(90), &named).is_err());
        assert!(read(&"1+".repeat(300), &named).is_err());
    }
}
