//! Personal data that no log may show.

use std::fmt;

/// A phone number, a name or dialled digits: prints as `***`, and must be opened by name to be read.
///
/// Not serialisable on purpose: the journal points to people by [`crate::PersonId`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps personal data.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The data itself. Never format it into a log, an error or a metric.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// The data itself, taken out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_never_prints() {
        let number = Pii::new("+8613800138000");
        assert_eq!(format!("{number} {number:?}"), "*** ***");
        assert_eq!(*number.reveal(), "+8613800138000");
    }
}
