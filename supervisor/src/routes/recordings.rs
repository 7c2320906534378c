//! Hearing a recording: byte ranges of its WAV, and a line in the log of who heard which.

mod range;

use std::io::{self, Read, Seek, SeekFrom};

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use hotline_recorder::RecordingFile;
use hotline_types::{ContactId, SegmentId};

use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::source::open_recording;
use range::{Part, part};

/// Bytes read from disk at once.
const CHUNK_BYTES: u64 = 64 * 1024;

/// `GET /v1/recordings/{contact}/{segment}`.
pub(super) async fn hear(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((contact, segment)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let gone = || Problem::not_found("recording");
    let contact: ContactId = contact.parse().map_err(|_| gone())?;
    let segment: SegmentId = segment.parse().map_err(|_| gone())?;
    let path = app
        .records
        .recording(contact, segment)
        .await
        .map_err(|error| Problem::of_face(&error, "recording"))?
        .ok_or_else(gone)?;
    let dir = app.recordings.clone();
    let opened = tokio::task::spawn_blocking(move || open_recording(&dir, &path)).await;
    let Ok(Ok(file)) = opened else {
        tracing::warn!(%contact, %segment, "a recording that is written down is not on disk");
        return Err(gone());
    };
    let length = file.size();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let chosen = part(asked, length);
    // The player asks for many ranges; the first byte is heard once.
    if matches!(chosen, Part::Whole | Part::Range { from: 0, .. }) {
        tracing::info!(user = caller.viewer.name, %contact, %segment, "a recording is heard");
    }
    let (status, from, count) = match chosen {
        Part::Whole => (StatusCode::OK, 0, length),
        Part::Range { from, to } => (StatusCode::PARTIAL_CONTENT, from, to - from + 1),
        Part::Unsatisfiable => {
            let mut response = Problem::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "range_outside",
                "The recording has no such bytes.",
                "Ask for a range within its length.",
            )
            .into_response();
            insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
            return Ok(response);
        }
    };
    let mut response = (status, stream(file, from, count)).into_response();
    insert(&mut response, header::CONTENT_TYPE, "audio/wav");
    insert(&mut response, header::ACCEPT_RANGES, "bytes");
    insert(&mut response, header::CONTENT_LENGTH, &count.to_string());
    insert(&mut response, header::CACHE_CONTROL, "private, no-store");
    if status == StatusCode::PARTIAL_CONTENT {
        insert(
            &mut response,
            header::CONTENT_RANGE,
            &format!("bytes {from}-{}/{length}", from + count - 1),
        );
    }
    Ok(response)
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// `count` bytes from `from` on, a chunk at a time: memory does not grow with the recording.
fn stream(file: RecordingFile, from: u64, count: u64) -> Body {
    Body::from_stream(try_unfold((file, from, count), |(file, from, left)| async move {
        if left == 0 {
            return Ok::<_, io::Error>(None);
        }
        let size = usize::try_from(left.min(CHUNK_BYTES)).unwrap_or(0);
        let (file, chunk) = tokio::task::spawn_blocking(move || chunk(file, from, size))
            .await
            .map_err(io::Error::other)??;
        let taken = chunk.len() as u64;
        Ok(Some((chunk, (file, from + taken, left - taken))))
    }))
}

fn chunk(mut file: RecordingFile, from: u64, size: usize) -> io::Result<(RecordingFile, Bytes)> {
    let mut chunk = vec![0; size];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut chunk)?;
    Ok((file, Bytes::from(chunk)))
}
