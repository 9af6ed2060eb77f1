//! A server as destination, through its native API:
//!
//! | call | body | answer |
//! | --- | --- | --- |
//! | `POST /api/v1/runs` | JSON [`RunStart`] | JSON [`RunInfo`](crate::RunInfo) |
//! | `POST /api/v1/runs/{id}/append` | CBOR [`AppendRequest`] | JSON [`Appended`] |
//! | `HEAD /api/v1/blobs/{digest}` | | 200 if it is there, 404 if not |
//! | `PUT /api/v1/blobs/{digest}` | the bytes | JSON [`Blob`](crate::Blob) |
//!
//! A refusal's body is JSON with `error_code` and `message`. Statuses 408, 429 and 5xx are
//! tried again, other refusals are not.

use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ureq::http::Response;
use ureq::{Agent, Body};

use super::destination::Destination;
use crate::error::Error;
use crate::model::{Appended, Batch, Digest, RunId, RunStart, WriterPosition};

/// The body of an append, as CBOR (or JSON).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppendRequest {
    /// The writer, unique in the run.
    pub writer: String,
    /// The batch's number: 1 for a writer's first, then rising.
    pub sequence: u64,
    /// What to apply.
    pub batch: Batch,
}

/// A server.
pub struct HttpDestination {
    agent: Agent,
    url: String,
    token: Option<String>,
}

/// What a server says when it refuses.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    message: String,
}

impl HttpDestination {
    /// The server at an address such as `http://127.0.0.1:5000`.
    #[must_use]
    pub fn new(url: &str, token: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_mins(1)))
            .build();
        Self {
            agent: config.into(),
            url: url.trim_end_matches('/').to_owned(),
            token,
        }
    }

    fn bearer(&self) -> String {
        self.token
            .as_ref()
            .map(|token| format!("Bearer {token}"))
            .unwrap_or_default()
    }

    fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<T, Error> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("content-type", content_type);
        if self.token.is_some() {
            request = request.header("authorization", self.bearer());
        }
        let mut answer = accepted(request.send(body))?;
        let body = answer.body_mut().read_to_vec().map_err(Error::database)?;
        serde_json::from_slice(&body).map_err(Error::database)
    }
}

/// The answer, if it is no refusal.
fn accepted(answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>, Error> {
    let mut answer = answer.map_err(Error::database)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.body_mut().read_to_string().unwrap_or_default();
    let told: Option<Refusal> = serde_json::from_str(&body).ok();
    let why = match told {
        Some(Refusal {
            error_code,
            message,
        }) => format!("{status}, {error_code}: {message}"),
        None => status.to_string(),
    };
    if status.is_server_error() || matches!(status.as_u16(), 401 | 403 | 408 | 429) {
        // A wrong token is for its owner to change; what was told stays in the spool till then.
        return Err(Error::database(why));
    }
    Err(Error::invalid("what was sent to the server", why))
}

impl Destination for HttpDestination {
    fn begin(&self, start: &RunStart) -> Result<(), Error> {
        let body = serde_json::to_vec(start).map_err(Error::database)?;
        self.post::<serde::de::IgnoredAny>("/api/v1/runs", "application/json", &body)
            .map(drop)
    }

    fn put_blob(&self, digest: Digest, path: &Path) -> Result<(), Error> {
        let url = format!("{}/api/v1/blobs/{digest}", self.url);
        let mut head = self.agent.head(&url);
        let mut put = self
            .agent
            .put(&url)
            .header("content-type", "application/octet-stream");
        if self.token.is_some() {
            head = head.header("authorization", self.bearer());
            put = put.header("authorization", self.bearer());
        }
        if head.call().map_err(Error::database)?.status().is_success() {
            return Ok(());
        }
        let file = std::fs::File::open(path).map_err(Error::file(path))?;
        accepted(put.send(&file)).map(drop)
    }

    fn append(
        &self,
        run: &RunId,
        position: &WriterPosition,
        batch: &Batch,
    ) -> Result<Appended, Error> {
        let request = AppendRequest {
            writer: position.writer.clone(),
            sequence: position.sequence,
            batch: batch.clone(),
        };
        let mut body = Vec::new();
        ciborium::into_writer(&request, &mut body).map_err(Error::database)?;
        self.post(
            &format!("/api/v1/runs/{run}/append"),
            "application/cbor",
            &body,
        )
    }
}
