//! SRTP and SRTCP (RFC 3711) with AES in counter mode and HMAC-SHA1: keys, and packets protected and opened.
//!
//! The framing is ours because it is small and must neither allocate nor remember a stranger: state of a source is
//! made only after a packet of it was authenticated, and an SRTCP packet is authenticated whether it is encrypted or
//! not. Cipher and hash are those of RustCrypto.

use std::fmt;

use aes::Aes128;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use hotline_types::Rng;
use sha1::Sha1;

mod replay;

use replay::{Sources, Stream};

/// Bytes of a master key (16) and its salt (14), as SDES carries them (RFC 4568 §6.1).
pub const MASTER_BYTES: usize = KEY_BYTES + SALT_BYTES;
/// Bytes by which a protected packet is longer at most: index and tag of SRTCP.
pub const GROWTH_MAX: usize = INDEX_BYTES + TAG_80_BYTES;

const KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 14;
const AUTH_BYTES: usize = 20;
const INDEX_BYTES: usize = 4;
const TAG_80_BYTES: usize = 10;
const TAG_32_BYTES: usize = 4;
/// Bytes of an RTCP header that stay in clear (RFC 3711 §3.4).
const RTCP_CLEAR_BYTES: usize = 8;
/// The bit before the SRTCP index: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;
const BLOCK_BYTES: usize = 16;
/// Blocks of keystream made at once.
const BLOCKS: usize = 8;

/// A crypto suite (RFC 4568 §6.2): AES-CM with 128-bit keys, and the length of the authentication tag of RTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`: a tag of 80 bits.
    Sha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`: a tag of 32 bits on RTP, of 80 bits on RTCP.
    Sha1Tag32,
}

impl Suite {
    /// Both, best first.
    pub const ALL: [Self; 2] = [Self::Sha1Tag80, Self::Sha1Tag32];

    /// Its name in SDP.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Sha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    const fn tag_bytes(self) -> usize {
        match self {
            Self::Sha1Tag80 => TAG_80_BYTES,
            Self::Sha1Tag32 => TAG_32_BYTES,
        }
    }
}

/// A master key with its salt. Printed as `***`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey([u8; MASTER_BYTES]);

impl MasterKey {
    /// From the bytes of key and salt, one after the other.
    #[must_use]
    pub const fn new(bytes: [u8; MASTER_BYTES]) -> Self {
        Self(bytes)
    }

    /// Made by chance.
    #[must_use]
    pub fn random(rng: &mut Rng) -> Self {
        let mut bytes = [0; MASTER_BYTES];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// Its bytes, for the SDP alone.
    #[must_use]
    pub(crate) const fn bytes(&self) -> &[u8; MASTER_BYTES] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// What offer and answer agreed on: each side names the key of what it sends (RFC 4568 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtpAgreed {
    /// The suite.
    pub suite: Suite,
    /// Key of what we send.
    pub own: MasterKey,
    /// Key of what the peer sends.
    pub peer: MasterKey,
    /// Whether the profile said so too (`RTP/SAVP`); else keys came with plain `RTP/AVP` (RFC 8643).
    pub savp: bool,
}

/// Why a packet is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpRefusal {
    /// Too short, or not RTP.
    Malformed,
    /// Its tag is wrong: forged, damaged, or of another key.
    Forged,
    /// It was taken before, or is too old to tell.
    Replayed,
}

/// Both directions of one leg.
#[derive(Debug)]
pub struct Srtp {
    agreed: SrtpAgreed,
    own: Keyed,
    peer: Keyed,
    sent: Sources,
    sent_rtcp: u32,
    heard: Sources,
    heard_rtcp: Sources,
}

impl Srtp {
    /// Begins with these keys.
    #[must_use]
    pub fn new(agreed: &SrtpAgreed) -> Self {
        Self {
            own: Keyed::new(agreed.suite, &agreed.own),
            peer: Keyed::new(agreed.suite, &agreed.peer),
            agreed: agreed.clone(),
            sent: Sources::default(),
            sent_rtcp: 0,
            heard: Sources::default(),
            heard_rtcp: Sources::default(),
        }
    }

    /// Takes the keys of a new description. A direction whose key stays goes on where it was: the same key must
    /// never protect two packets under one index.
    pub fn rekey(&mut self, agreed: &SrtpAgreed) {
        let other_suite = agreed.suite != self.agreed.suite;
        if other_suite || agreed.own != self.agreed.own {
            self.own = Keyed::new(agreed.suite, &agreed.own);
        }
        if agreed.own != self.agreed.own {
            self.sent = Sources::default();
            self.sent_rtcp = 0;
        }
        if other_suite || agreed.peer != self.agreed.peer {
            self.peer = Keyed::new(agreed.suite, &agreed.peer);
        }
        if agreed.peer != self.agreed.peer {
            self.heard = Sources::default();
            self.heard_rtcp = Sources::default();
        }
        self.agreed = agreed.clone();
    }

    /// Protects an RTP packet into `out`, which must be [`GROWTH_MAX`] longer; its length, or none where it must not
    /// be sent: not RTP, or its index was used before.
    pub fn protect(&mut self, packet: &[u8], out: &mut [u8]) -> Option<usize> {
        let start = payload_start(packet)?;
        let (ssrc, sequence) = identity(packet)?;
        let (stream, index) = match self.sent.find(ssrc) {
            Some(stream) => (*stream, stream.index_of(sequence)?),
            None => (Stream::new(ssrc), u64::from(sequence)),
        };
        let noted = stream.noted(index)?;
        let tag_bytes = self.own.suite.tag_bytes();
        let end = packet.len();
        let whole = out.get_mut(..end + tag_bytes)?;
        let (body, tag) = whole.split_at_mut_checked(end)?;
        body.copy_from_slice(packet);
        self.own.rtp.apply_keystream(ssrc, index, body.get_mut(start..)?);
        let full = self.own.rtp.tag(body, &roc(index));
        tag.copy_from_slice(full.get(..tag_bytes)?);
        self.sent.put(noted);
        Some(end + tag_bytes)
    }

    /// Opens an RTP packet in place; the length of the plain packet.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<usize, SrtpRefusal> {
        let malformed = SrtpRefusal::Malformed;
        let (ssrc, sequence) = identity(packet).ok_or(malformed)?;
        let start = payload_start(packet).ok_or(malformed)?;
        let end = packet
            .len()
            .checked_sub(self.peer.suite.tag_bytes())
            .filter(|end| *end >= start)
            .ok_or(malformed)?;
        let (body, tag) = packet.split_at_mut_checked(end).ok_or(malformed)?;
        let (stream, index) = match self.heard.find(ssrc) {
            Some(stream) => {
                let index = stream.index_of(sequence).ok_or(SrtpRefusal::Replayed)?;
                // Before the costly check: a replay must be cheap to refuse.
                stream.noted(index).ok_or(SrtpRefusal::Replayed)?;
                (*stream, index)
            }
            None => {
                // A source that began near the end of its numbers may have gone round before we could listen.
                let first = u64::from(sequence);
                let second = first | (1 << 16);
                let genuine = |index| self.peer.rtp.verify(body, &roc(index), tag);
                let index = if !genuine(first) && genuine(second) {
                    second
                } else {
                    first
                };
                (Stream::new(ssrc), index)
            }
        };
        if !self.peer.rtp.verify(body, &roc(index), tag) {
            return Err(SrtpRefusal::Forged);
        }
        let noted = stream.noted(index).ok_or(SrtpRefusal::Replayed)?;
        let payload = body.get_mut(start..).ok_or(malformed)?;
        self.peer.rtp.apply_keystream(ssrc, index, payload);
        self.heard.put(noted);
        Ok(end)
    }

    /// Protects an RTCP compound into `out`, which must be [`GROWTH_MAX`] longer; its length.
    pub fn protect_rtcp(&mut self, packet: &[u8], out: &mut [u8]) -> Option<usize> {
        let ssrc = word(packet, 4)?;
        // 2^31 packets of one key (RFC 3711 §9.2) are more than a call of 300 years.
        let index = self.sent_rtcp.checked_add(1).filter(|index| *index < ENCRYPTED)?;
        let end = packet.len();
        let length = end + INDEX_BYTES + TAG_80_BYTES;
        let whole = out.get_mut(..length)?;
        let (body, tag) = whole.split_at_mut_checked(end + INDEX_BYTES)?;
        let (plain, trailer) = body.split_at_mut_checked(end)?;
        plain.copy_from_slice(packet);
        self.own
            .rtcp
            .apply_keystream(ssrc, u64::from(index), plain.get_mut(RTCP_CLEAR_BYTES..)?);
        trailer.copy_from_slice(&(ENCRYPTED | index).to_be_bytes());
        let full = self.own.rtcp.tag(body, &[]);
        tag.copy_from_slice(full.get(..TAG_80_BYTES)?);
        self.sent_rtcp = index;
        Some(length)
    }

    /// Opens an RTCP packet in place; the length of the plain compound.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpRefusal> {
        let malformed = SrtpRefusal::Malformed;
        let ssrc = word(packet, 4).ok_or(malformed)?;
        let end = packet
            .len()
            .checked_sub(INDEX_BYTES + TAG_80_BYTES)
            .filter(|end| *end >= RTCP_CLEAR_BYTES)
            .ok_or(malformed)?;
        let (body, tag) = packet.split_at_mut_checked(end + INDEX_BYTES).ok_or(malformed)?;
        let trailer = word(body, end).ok_or(malformed)?;
        let index = u64::from(trailer & !ENCRYPTED);
        let stream = self
            .heard_rtcp
            .find(ssrc)
            .copied()
            .unwrap_or_else(|| Stream::new(ssrc));
        let noted = stream.noted(index).ok_or(SrtpRefusal::Replayed)?;
        if !self.peer.rtcp.verify(body, &[], tag) {
            return Err(SrtpRefusal::Forged);
        }
        if trailer & ENCRYPTED != 0 {
            let payload = body.get_mut(RTCP_CLEAR_BYTES..end).ok_or(malformed)?;
            self.peer.rtcp.apply_keystream(ssrc, index, payload);
        }
        self.heard_rtcp.put(noted);
        Ok(end)
    }
}

/// What is derived from one master key.
struct Keyed {
    suite: Suite,
    rtp: Derived,
    rtcp: Derived,
}

impl Keyed {
    fn new(suite: Suite, master: &MasterKey) -> Self {
        Self {
            suite,
            rtp: Derived::new(master, 0),
            rtcp: Derived::new(master, 3),
        }
    }
}

impl fmt::Debug for Keyed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Keyed").field(&self.suite).finish()
    }
}

/// Keys of one kind of packet.
struct Derived {
    cipher: Aes128,
    salt: [u8; SALT_BYTES],
    mac: Hmac<Sha1>,
}

impl Derived {
    /// Derives encryption key, authentication key and salt, whose labels follow each other (RFC 3711 §4.3).
    fn new(master: &MasterKey, label: u8) -> Self {
        let (key, salt) = master.0.split_at(KEY_BYTES);
        let prf = cipher(key);
        let mut encryption = [0; KEY_BYTES];
        derive(&prf, salt, label, &mut encryption);
        let mut authentication = [0; AUTH_BYTES];
        derive(&prf, salt, label + 1, &mut authentication);
        let mut derived_salt = [0; SALT_BYTES];
        derive(&prf, salt, label + 2, &mut derived_salt);
        Self {
            cipher: cipher(&encryption),
            salt: derived_salt,
            mac: <Hmac<Sha1> as KeyInit>::new_from_slice(&authentication)
                .expect("HMAC takes a key of any length"),
        }
    }

    /// RFC 3711 §4.1.1: the counter begins at salt, SSRC and index.
    fn apply_keystream(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = [0; BLOCK_BYTES];
        iv[..SALT_BYTES].copy_from_slice(&self.salt);
        xor(&mut iv[4..8], &ssrc.to_be_bytes());
        xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
        keystream(&self.cipher, iv, data);
    }

    fn tag(&self, body: &[u8], more: &[u8]) -> [u8; AUTH_BYTES] {
        let mut mac = self.mac.clone();
        mac.update(body);
        mac.update(more);
        mac.finalize().into_bytes().into()
    }

    /// Compares in constant time.
    fn verify(&self, body: &[u8], more: &[u8], tag: &[u8]) -> bool {
        let mut mac = self.mac.clone();
        mac.update(body);
        mac.update(more);
        mac.verify_truncated_left(tag).is_ok()
    }
}

fn cipher(key: &[u8]) -> Aes128 {
    Aes128::new_from_slice(key).expect("the key has 16 bytes")
}

fn derive(prf: &Aes128, salt: &[u8], label: u8, out: &mut [u8]) {
    let mut iv = [0; BLOCK_BYTES];
    iv[..SALT_BYTES].copy_from_slice(salt);
    iv[7] ^= label;
    keystream(prf, iv, out);
}

/// Adds the keystream that begins at this counter.
fn keystream(cipher: &Aes128, iv: [u8; BLOCK_BYTES], data: &mut [u8]) {
    let first = u16::from_be_bytes([iv[14], iv[15]]);
    let mut blocks = [Array::from(iv); BLOCKS];
    for (round, chunk) in data.chunks_mut(BLOCKS * BLOCK_BYTES).enumerate() {
        let used = chunk.len().div_ceil(BLOCK_BYTES);
        for (place, block) in blocks.iter_mut().take(used).enumerate() {
            // A datagram has less than 2^16 blocks.
            let number = u16::try_from(round * BLOCKS + place).unwrap_or(u16::MAX);
            block.copy_from_slice(&iv);
            block[14..].copy_from_slice(&first.wrapping_add(number).to_be_bytes());
        }
        if let Some(used) = blocks.get_mut(..used) {
            cipher.encrypt_blocks(used);
        }
        for (data, block) in chunk.chunks_mut(BLOCK_BYTES).zip(&blocks) {
            xor(data, block);
        }
    }
}

fn xor(data: &mut [u8], with: &[u8]) {
    for (byte, other) in data.iter_mut().zip(with) {
        *byte ^= other;
    }
}

fn roc(index: u64) -> [u8; 4] {
    u32::try_from((index >> 16) & 0xFFFF_FFFF)
        .unwrap_or(0)
        .to_be_bytes()
}

fn word(packet: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*packet.get(at..)?.first_chunk::<4>()?))
}

/// SSRC and sequence of an RTP packet.
fn identity(packet: &[u8]) -> Option<(u32, u16)> {
    let sequence = u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]);
    Some((word(packet, 8)?, sequence))
}

/// Where the encrypted part of an RTP packet begins: behind contributing sources and extension, which stay in clear.
fn payload_start(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    if first >> 6 != 2 {
        return None;
    }
    let fixed = 12 + usize::from(first & 0x0F) * 4;
    let start = if first & 0x10 == 0 {
        fixed
    } else {
        let words = packet.get(fixed + 2..)?.first_chunk::<2>()?;
        fixed + 4 + usize::from(u16::from_be_bytes(*words)) * 4
    };
    (start <= packet.len()).then_some(start)
}

#[cfg(test)]
mod tests;
