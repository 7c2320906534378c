//! The keys: one that signs, one that wraps, and one per encrypted recording.
//!
//! They lie in a folder of their own (0700), so that it can be another disk than the recordings'. A recording's key
//! is wrapped with the vault's (AES-256-GCM) in a file of its own; to destroy it is to erase its recording.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::{hex, unhex};
use crate::cipher::{KEY_BYTES, RecordingKey};
use crate::writer::private_folder;

const SIGNING: &str = "signing.key";
const WRAPPING: &str = "wrapping.key";
const NONCE_BYTES: usize = 12;
const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + 16;

/// What signatures are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads the 64 hexadecimal digits of `manifest.pub`.
    ///
    /// # Errors
    /// Where they are something else.
    pub fn parse(text: &str) -> io::Result<Self> {
        let bytes = unhex(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let wrong = || {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "a public key is 64 hexadecimal digits",
            )
        };
        bytes.map(Self).ok_or_else(wrong)
    }

    /// As 64 hexadecimal digits.
    #[must_use]
    pub fn text(&self) -> String {
        hex(&self.0)
    }

    /// Whether the signature is that of this text.
    #[must_use]
    pub fn signed(&self, text: &[u8], signature: &str) -> bool {
        unhex(signature).is_some_and(|signature| {
            UnparsedPublicKey::new(&ED25519, self.0)
                .verify(text, &signature)
                .is_ok()
        })
    }
}

/// The folder of the keys.
#[derive(Debug)]
pub struct Vault {
    dir: PathBuf,
    signing: Ed25519KeyPair,
    wrapping: RecordingKey,
    random: SystemRandom,
}

impl Vault {
    /// Opens the folder; makes it with new keys where there is none.
    ///
    /// # Errors
    /// Where it cannot be read or made, or a key is none.
    pub fn open(dir: &Path) -> io::Result<Self> {
        private_folder(dir)?;
        let random = SystemRandom::new();
        let seed = secret(&dir.join(SIGNING), &random)?;
        let signing = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| broken(SIGNING))?;
        let wrapping = RecordingKey::new(&secret(&dir.join(WRAPPING), &random)?)?;
        Ok(Self {
            dir: dir.to_owned(),
            signing,
            wrapping,
            random,
        })
    }

    /// What its signatures are checked with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.signing.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> String {
        hex(self.signing.sign(text).as_ref())
    }

    /// A new key for the recording with this id, kept.
    ///
    /// # Errors
    /// Where it has one already, or the folder cannot be written to.
    pub fn make(&self, id: &[u8; 16]) -> io::Result<RecordingKey> {
        let mut kept = vec![0; NONCE_BYTES];
        let mut key = vec![0; KEY_BYTES];
        for bytes in [&mut kept, &mut key] {
            self.random
                .fill(bytes)
                .map_err(|_| io::Error::other("no randomness"))?;
        }
        let made = RecordingKey::new(&key)?;
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&kept);
        self.wrapping.seal(nonce, id, &mut key)?;
        kept.append(&mut key);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.of(id))?;
        file.write_all(&kept)?;
        file.sync_all()?;
        Ok(made)
    }

    /// The key of the recording with this id; `NotFound` where it was destroyed.
    ///
    /// # Errors
    /// Where it cannot be read, or does not open.
    pub fn key(&self, id: &[u8; 16]) -> io::Result<RecordingKey> {
        let mut kept = fs::read(self.of(id))?;
        if kept.len() != WRAPPED_BYTES {
            return Err(broken("a recording's key"));
        }
        let mut nonce = [0; NONCE_BYTES];
        nonce.copy_from_slice(&kept[..NONCE_BYTES]);
        RecordingKey::new(self.wrapping.open(nonce, id, &mut kept[NONCE_BYTES..])?)
    }

    /// Destroys the key: overwritten, then deleted. False where there was none.
    ///
    /// # Errors
    /// What the file system answers.
    pub fn destroy(&self, id: &[u8; 16]) -> io::Result<bool> {
        let path = self.of(id);
        let mut file = match OpenOptions::new().write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file?,
        };
        file.write_all(&[0; WRAPPED_BYTES])?;
        file.sync_all()?;
        fs::remove_file(path)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(true)
    }

    fn of(&self, id: &[u8; 16]) -> PathBuf {
        self.dir.join(format!("{}.key", hex(id)))
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} is broken"))
}

/// The secret in this file; a new one where there is none.
fn secret(path: &Path, random: &SystemRandom) -> io::Result<Vec<u8>> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(mut file) => {
            let mut bytes = vec![0; KEY_BYTES];
            random
                .fill(&mut bytes)
                .map_err(|_| io::Error::other("no randomness"))?;
            writeln!(file, "{}", hex(&bytes))?;
            file.sync_all()?;
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let mut text = String::new();
            File::open(path)?.take(1024).read_to_string(&mut text)?;
            unhex(&text)
                .filter(|bytes| bytes.len() == KEY_BYTES)
                .ok_or_else(|| broken(&path.display().to_string()))
        }
        Err(error) => Err(error),
    }
}
