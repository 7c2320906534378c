//! Hearing a recording: byte ranges of its WAV, and a line in the log of who heard which.

pub(super) mod keep;
mod range;
pub(super) mod search;

use std::io::{self, Read, Seek, SeekFrom};

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use hotline_recorder::RecordingFile;
use hotline_types::{ContactId, SegmentId};
use serde::Deserialize;

use crate::app::App;
use crate::face::Actor;
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
    let (contact, segment) = ids(&contact, &segment)?;
    let path = found(&app, contact, segment).await?;
    let file = opened(&app, path).await?;
    let length = file.size();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let chosen = part(asked, length);
    // The player asks for many ranges; the first byte is heard once.
    if matches!(chosen, Part::Whole | Part::Range { from: 0, .. }) {
        note(&app, &caller, contact, segment, "played").await?;
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

/// The ids in a path.
fn ids(contact: &str, segment: &str) -> Result<(ContactId, SegmentId), Problem> {
    match (contact.parse(), segment.parse()) {
        (Ok(contact), Ok(segment)) => Ok((contact, segment)),
        _ => Err(Problem::not_found("recording")),
    }
}

/// The file of a recording, relative to the folder.
async fn found(app: &App, contact: ContactId, segment: SegmentId) -> Result<String, Problem> {
    app.records
        .recording(contact, segment)
        .await
        .map_err(|error| Problem::of_face(&error, "recording"))?
        .ok_or_else(|| Problem::not_found("recording"))
}

async fn opened(app: &App, path: String) -> Result<RecordingFile, Problem> {
    let shared = App::clone(app);
    let told = path.clone();
    let opened = tokio::task::spawn_blocking(move || {
        open_recording(&shared.recordings, &path, shared.evidence.as_deref())
    });
    let Ok(Ok(file)) = opened.await else {
        tracing::warn!(
            path = told,
            "a recording that is written down is not on disk, or its key is destroyed"
        );
        return Err(Problem::not_found("recording"));
    };
    Ok(file)
}

/// Writes down who heard what. Where that cannot be, it is not heard.
async fn note(
    app: &App,
    caller: &Caller,
    contact: ContactId,
    segment: SegmentId,
    how: &'static str,
) -> Result<(), Problem> {
    let actor = Actor::from(&caller.viewer);
    tracing::info!(user = actor.name, %contact, %segment, how, "a recording is heard");
    let noted = app.gateway.heard(&actor, contact, segment, how).await;
    let gone = || Problem::not_found("recording");
    noted
        .map(|_| ())
        .map_err(|error| Problem::of_command(error, gone, "Try again in a moment."))
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// `wav` or `flac`.
    format: Option<String>,
}

/// `GET /v1/recordings/{contact}/{segment}/download?format=wav|flac`.
pub(super) async fn download(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    Path((contact, segment)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let (contact, segment) = ids(&contact, &segment)?;
    let path = found(&app, contact, segment).await?;
    let file = opened(&app, path).await?;
    let format = wanted.format.as_deref().unwrap_or("wav");
    if !["wav", "flac"].contains(&format) {
        return Err(Problem::bad_request(
            "There is no such format.",
            "Use wav or flac.",
        ));
    }
    note(&app, &caller, contact, segment, "downloaded").await?;
    let mut response = if format == "wav" {
        let length = file.size();
        stream(file, 0, length).into_response()
    } else {
        let encoded = tokio::task::spawn_blocking(move || {
            let mut encoded = Vec::new();
            hotline_recorder::flac(file, &mut encoded).map(|()| encoded)
        });
        let Ok(Ok(encoded)) = encoded.await else {
            return Err(Problem::store_unavailable());
        };
        encoded.into_response()
    };
    insert(&mut response, header::CONTENT_TYPE, &format!("audio/{format}"));
    let name = format!("attachment; filename=\"{segment}.{format}\"");
    insert(&mut response, header::CONTENT_DISPOSITION, &name);
    insert(&mut response, header::CACHE_CONTROL, "private, no-store");
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
