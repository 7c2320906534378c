//! The bodies of the fuzz targets: plain functions that panic where an invariant breaks.

mod endpoint;
mod flow;
mod media;
#[cfg(test)]
mod mutate;
mod oracle;
mod recording;
mod sip;

pub use endpoint::{endpoint_junk, sip_auth};
pub use flow::flow;
pub use media::{rtcp, rtp, sdp, srtp};
pub use oracle::oracle;
pub use recording::recording;
pub use sip::{sip_frame, sip_message};

/// A target: its name, which is also that of its corpus folder, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// Every target. A test that replays the corpora walks this list.
pub const TARGETS: &[Target] = &[
    ("sip_message", sip_message),
    ("sip_frame", sip_frame),
    ("sip_auth", sip_auth),
    ("endpoint_junk", endpoint_junk),
    ("oracle", oracle),
    ("sdp", sdp),
    ("rtp", rtp),
    ("srtp", srtp),
    ("rtcp", rtcp),
    ("flow", flow),
    ("recording", recording),
];

/// Runs every target over every file of its corpus; answers how many files there were.
///
/// # Errors
/// Where a corpus folder cannot be read.
pub fn replay_corpora() -> std::io::Result<usize> {
    let corpora = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files = 0;
    for (name, body) in TARGETS {
        for entry in std::fs::read_dir(corpora.join(name))? {
            body(&std::fs::read(entry?.path())?);
            files += 1;
        }
    }
    Ok(files)
}
