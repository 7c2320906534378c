//! What a recording is written to: a WAV, or a WAV's audio encrypted.

use std::io::{self, Seek, Write};

use hotline_media::RecordingSpec;

use crate::cipher::CipherFile;
use crate::is_encrypted;
use crate::proof::Evidence;
use crate::wav::{WavError, WavFile};

pub(super) enum Sink<F: Write + Seek> {
    Wav(WavFile<F>),
    Cipher(Box<CipherFile<F>>),
}

impl<F: Write + Seek> Sink<F> {
    /// Begins the file, encrypted where its path says so, with a key of its own.
    pub(super) fn new(file: F, spec: &RecordingSpec, evidence: Option<&Evidence>) -> Result<Self, WavError> {
        if !is_encrypted(&spec.path) {
            return WavFile::new(file).map(Self::Wav);
        }
        let none = || io::Error::new(io::ErrorKind::Unsupported, "there are no keys to encrypt with");
        let vault = evidence.ok_or_else(none)?.vault();
        let id = spec.segment.as_bytes();
        let key = vault.make(id)?;
        Ok(Self::Cipher(Box::new(CipherFile::new(file, key, *id)?)))
    }

    pub(super) fn frames(&self) -> u64 {
        match self {
            Self::Wav(wav) => wav.frames(),
            Self::Cipher(cipher) => cipher.frames(),
        }
    }

    pub(super) fn append(&mut self, interleaved: &[i16]) -> Result<(), WavError> {
        match self {
            Self::Wav(wav) => wav.append(interleaved),
            Self::Cipher(cipher) => Ok(cipher.append(interleaved)?),
        }
    }

    pub(super) fn finish(&mut self) -> Result<(), WavError> {
        match self {
            Self::Wav(wav) => wav.seal(),
            Self::Cipher(_) => Ok(()),
        }
    }
}
