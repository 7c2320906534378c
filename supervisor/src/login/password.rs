//! Passwords: Argon2id, away from the threads that serve requests, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use hotline_types::Pii;
use tokio::sync::Semaphore;

/// Hashes computed at once; each takes about 20 MB and a core for some ten milliseconds.
const HASHES_AT_ONCE_MAX: usize = 2;
/// Longest wait for one's turn.
const TURN_TIME_MAX: Duration = Duration::from_secs(3);
/// Longest password that is hashed.
pub(crate) const PASSWORD_BYTES_MAX: usize = 256;

/// Why a password was not hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Empty or longer than 256 bytes.
    #[error("a password has 1 to 256 bytes")]
    Length,
    /// The hash function refused.
    #[error("the password could not be hashed: {0}")]
    Argon2(String),
}

/// Argon2id hash of a password as a PHC string, for the store. Takes some ten milliseconds: not for async threads.
///
/// # Errors
/// Where the password is empty or too long.
pub fn hash_password(password: &Pii<String>, salt: &[u8; 16]) -> Result<Pii<String>, HashError> {
    let text = password.reveal();
    if text.is_empty() || text.len() > PASSWORD_BYTES_MAX {
        return Err(HashError::Length);
    }
    Argon2::default()
        .hash_password_with_salt(text.as_bytes(), salt)
        .map(|hash: PasswordHash| Pii::new(hash.to_string()))
        .map_err(|error| HashError::Argon2(error.to_string()))
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the password.
    Right,
    /// It is not.
    Wrong,
    /// Too many tries at once.
    Busy,
}

/// Checks passwords, a few at a time.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
    /// Checked where the user is unknown, so that both answers take the same time.
    decoy: Pii<String>,
}

impl Passwords {
    /// With a decoy hash made from this salt.
    pub(crate) fn new(salt: &[u8; 16]) -> Self {
        let decoy = hash_password(&Pii::new("decoy".to_owned()), salt).unwrap_or_default();
        Self {
            turns: Arc::new(Semaphore::new(HASHES_AT_ONCE_MAX)),
            decoy,
        }
    }

    /// Checks a password against a stored hash; an unknown user has none and is always wrong.
    pub(crate) async fn check(&self, password: Pii<String>, stored: Option<Pii<String>>) -> Verdict {
        if password.reveal().len() > PASSWORD_BYTES_MAX {
            return Verdict::Wrong;
        }
        let turn = tokio::time::timeout(TURN_TIME_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Verdict::Busy };
        let known = stored.is_some();
        let hash = stored.unwrap_or_else(|| self.decoy.clone());
        let checked = tokio::task::spawn_blocking(move || {
            let fits = matches(password.reveal(), hash.reveal());
            drop(turn);
            fits
        })
        .await;
        if known && checked.unwrap_or(false) {
            Verdict::Right
        } else {
            Verdict::Wrong
        }
    }
}

fn matches(password: &str, stored: &str) -> bool {
    match PasswordHash::new(stored) {
        Ok(hash) => Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok(),
        Err(_) => {
            tracing::error!("a stored password hash cannot be read; set that user's password anew");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_of_a_known_user_is_right() {
        let passwords = Passwords::new(&[1; 16]);
        let stored = hash_password(&Pii::new("secret".to_owned()), &[2; 16]).expect("a hash");
        assert!(stored.reveal().starts_with("$argon2id$"));
        let check = |password: &str, stored| passwords.check(Pii::new(password.to_owned()), stored);
        assert_eq!(check("secret", Some(stored.clone())).await, Verdict::Right);
        assert_eq!(check("Secret", Some(stored)).await, Verdict::Wrong);
        assert_eq!(check("decoy", None).await, Verdict::Wrong);
        assert_eq!(
            check("secret", Some(Pii::new("garbage".to_owned()))).await,
            Verdict::Wrong
        );
    }

    #[test]
    fn an_empty_or_endless_password_is_not_hashed() {
        for bad in [String::new(), "x".repeat(PASSWORD_BYTES_MAX + 1)] {
            assert_eq!(hash_password(&Pii::new(bad), &[0; 16]), Err(HashError::Length));
        }
    }
}
