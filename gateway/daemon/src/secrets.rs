//! Secrets that the first start makes: words that are easy to type, and the hand-out that lists them once.

use std::fmt::Write as _;

use hotline_types::Rng;

/// Letters and digits that nobody mistakes for another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a password: 32^16 are 80 bits.
const PASSWORD_CHARS: usize = 16;
/// Characters of a token: 32^40 are 200 bits.
const TOKEN_CHARS: usize = 40;

fn word(rng: &mut Rng, chars: usize) -> String {
    let mut bytes = vec![0_u8; chars];
    rng.fill(&mut bytes);
    // 32 divides 256: each character is equally likely.
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

/// A new password.
pub fn password(rng: &mut Rng) -> String {
    word(rng, PASSWORD_CHARS)
}

/// A new bearer or login token.
pub fn token(rng: &mut Rng) -> String {
    word(rng, TOKEN_CHARS)
}

/// The secrets of the first start, for the hand-out.
#[derive(Debug, Default)]
pub struct HandOut {
    /// Agents: SIP user name and password.
    pub agents: Vec<(String, String)>,
    /// Users of the console: login name and password.
    pub users: Vec<(String, String)>,
}

impl HandOut {
    /// The text of `secrets.toml`.
    #[must_use]
    pub fn text(&self, realm: &str) -> String {
        let mut text = format!(
            "# Made by the first start, written once and never read: the store keeps hashes only.\n\
             # Give each person the own line, then delete this file.\n\
             # Realm of the phones' digest: {realm:?}\n"
        );
        for (title, note, rows) in [
            ("agents", "SIP user name = password", &self.agents),
            ("users", "login name of the console = password", &self.users),
        ] {
            let _ = write!(text, "\n[{title}]  # {note}\n");
            for (name, secret) in rows {
                let _ = writeln!(text, "{name} = {secret:?}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let mut rng = Rng::from_seed(7);
        let (one, two) = (password(&mut rng), password(&mut rng));
        assert_eq!((one.len(), token(&mut rng).len()), (PASSWORD_CHARS, TOKEN_CHARS));
        assert_ne!(one, two);
    }

    #[test]
    fn the_hand_out_is_toml() {
        let hand_out = HandOut {
            agents: vec![("1001".to_owned(), "x".to_owned())],
            users: vec![("wang".to_owned(), "y".to_owned())],
        };
        let table: toml::Table = hand_out.text("hotline").parse().expect("valid TOML");
        assert_eq!(table["agents"]["1001"].as_str(), Some("x"));
    }
}
