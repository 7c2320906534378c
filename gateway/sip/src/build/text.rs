//! Pieces of header values that need escaping.

use std::fmt::{self, Write as _};

/// A quoted string (RFC 3261 §25.1): quotes around it, `"` and `\` escaped.
#[derive(Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => {
                    f.write_char('\\')?;
                    f.write_char(c)?;
                }
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

/// The user part of a URI: what may not stand there is percent-escaped (RFC 3261 §25.1, `user`).
#[derive(Clone, Copy)]
pub struct EscapedUser<'a>(pub &'a str);

impl fmt::Display for EscapedUser<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte) {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// An address in brackets: `"display" <uri>;tag=tag`.
#[derive(Clone, Copy)]
pub struct Addr<'a> {
    /// Display name, unescaped.
    pub display: Option<&'a str>,
    /// The URI, as it shall stand there; `<`, `>` and white space are escaped.
    pub uri: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
}

impl fmt::Display for Addr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = self.display {
            write!(f, "{} ", Quoted(display))?;
        }
        f.write_char('<')?;
        for c in self.uri.chars() {
            match c {
                '<' | '>' | '"' | ' ' => write!(f, "%{:02X}", u32::from(c))?,
                c if c.is_ascii_control() => write!(f, "%{:02X}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('>')?;
        match self.tag {
            Some(tag) => write!(f, ";tag={tag}"),
            None => Ok(()),
        }
    }
}
