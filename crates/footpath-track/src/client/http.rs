//! A server, through its native API.
//!
//! | call | body | answer |
//! | --- | --- | --- |
//! | `POST /api/v1/runs` | JSON [`RunStart`] | JSON [`RunInfo`](crate::RunInfo) |
//! | `POST /api/v1/runs/{id}/append` | CBOR [`AppendRequest`] | JSON [`Appended`] |
//! | `HEAD /api/v1/blobs/{digest}` | | 200 if it is there, 404 if not |
//! | `PUT /api/v1/blobs/{digest}` | the bytes | JSON [`Blob`](crate::Blob) |
//! | `POST /api/v1/models` | JSON [`ForeignModel`] | JSON [`Kept`] |
//! | `POST /api/v1/registered-models` | JSON [`ForeignRegistration`] | JSON [`Kept`] |
//!
//! A refusal's body is JSON with `error_code` and `message`. Statuses 401, 403, 408, 429 and 5xx
//! are tried again, other refusals are not.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use ureq::http::{Request, Response, header};
use ureq::{Agent, AsSendBody, Body};

use super::destination::Destination;
use crate::error::Error;
use crate::model::{
    Appended, Batch, Digest, ForeignModel, ForeignRegistration, RunId, RunStart, WriterPosition,
};

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

/// What came of a model that was sent to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Whether anything of it was new.
    pub fresh: bool,
}

/// What a server says when it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error_code: String,
    message: String,
}

/// An answer that is a refusal.
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) why: String,
}

/// Asks a server.
pub(crate) struct Http {
    agent: Agent,
    url: String,
    bearer: Option<String>,
}

const JSON: &str = "application/json";
const CBOR: &str = "application/cbor";

impl Http {
    /// The server at an address such as `http://127.0.0.1:5000`.
    pub(crate) fn new(url: &str, token: Option<&str>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(Duration::from_mins(1)))
            .build();
        Self {
            agent: config.into(),
            url: url.trim_end_matches('/').to_owned(),
            bearer: token.map(|token| format!("Bearer {token}")),
        }
    }

    fn away(&self, why: impl std::fmt::Display) -> Error {
        Error::Server {
            url: self.url.clone(),
            why: why.to_string(),
        }
    }

    /// Asks; gives the answer, or the refusal.
    fn ask(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        accept: &str,
        body: impl AsSendBody,
    ) -> Result<Result<Response<Body>, Refused>, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::ACCEPT, accept);
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if let Some(bearer) = &self.bearer {
            request = request.header(header::AUTHORIZATION, bearer);
        }
        let request = request.body(body).map_err(|error| self.away(error))?;
        let mut answer = self.agent.run(request).map_err(|error| self.away(error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Ok(answer));
        }
        let body = answer.body_mut().read_to_string().unwrap_or_default();
        let told: Refusal = serde_json::from_str(&body).unwrap_or_default();
        let why = match told {
            Refusal { message, .. } if message.is_empty() => status.to_string(),
            Refusal {
                error_code,
                message,
            } if error_code.is_empty() => message,
            Refusal {
                error_code,
                message,
            } => format!("{message} ({status}, {error_code})"),
        };
        Ok(Err(Refused {
            status: status.as_u16(),
            why,
        }))
    }

    /// The error that a refusal is: one that may pass, or one that will not.
    fn refused(&self, refused: Refused) -> Error {
        if refused.status >= 500 || matches!(refused.status, 401 | 403 | 408 | 429) {
            // A wrong token is for its owner to change; what was told stays in the spool till then.
            return self.away(refused.why);
        }
        Error::invalid(format!("what was asked of {}", self.url), refused.why)
    }

    fn accepted(&self, answer: Result<Response<Body>, Refused>) -> Result<Response<Body>, Error> {
        answer.map_err(|refused| self.refused(refused))
    }

    fn json<T: DeserializeOwned>(&self, mut answer: Response<Body>) -> Result<T, Error> {
        let reader = answer.body_mut().as_reader();
        serde_json::from_reader(std::io::BufReader::new(reader)).map_err(|error| self.away(error))
    }

    /// Reads a JSON answer; a refusal is given to tell what it means.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Result<T, Refused>, Error> {
        match self.ask("GET", path, "", JSON, ())? {
            Ok(answer) => self.json(answer).map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Reads an answer that is also there in CBOR, which keeps every bit of a number.
    pub(crate) fn get_exact<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Result<T, Refused>, Error> {
        match self.ask("GET", path, "", CBOR, ())? {
            Ok(answer) => self.cbor(answer).map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }

    fn cbor<T: DeserializeOwned>(&self, mut answer: Response<Body>) -> Result<T, Error> {
        let reader = answer.body_mut().as_reader();
        ciborium::from_reader(std::io::BufReader::new(reader)).map_err(|error| self.away(error))
    }

    /// Sends JSON and reads an answer in CBOR.
    pub(crate) fn post_exact<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(Error::database)?;
        let answer = self.ask("POST", path, JSON, CBOR, &body[..])?;
        self.cbor(self.accepted(answer)?)
    }

    /// Sends JSON, or nothing, by any method; reads a JSON answer.
    pub(crate) fn tell<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Result<T, Refused>, Error> {
        let answer = match body {
            Some(body) => {
                let body = serde_json::to_vec(body).map_err(Error::database)?;
                self.ask(method, path, JSON, JSON, &body[..])?
            }
            None => self.ask(method, path, "", JSON, ())?,
        };
        match answer {
            Ok(answer) => self.json(answer).map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// The bytes at an address, as they come.
    pub(crate) fn bytes(&self, path: &str) -> Result<Result<impl Read + use<>, Refused>, Error> {
        Ok(self
            .ask("GET", path, "", "*/*", ())?
            .map(|answer| answer.into_body().into_reader()))
    }

    /// Makes an error of a refusal that means nothing particular.
    pub(crate) fn or_refused<T>(&self, answer: Result<T, Refused>) -> Result<T, Error> {
        answer.map_err(|refused| self.refused(refused))
    }
}

/// A server that takes runs in.
pub struct HttpDestination(pub(crate) Http);

impl HttpDestination {
    /// The server at an address such as `http://127.0.0.1:5000`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a token belongs to who sends it"
    )]
    pub fn new(url: &str, token: Option<String>) -> Self {
        Self(Http::new(url, token.as_deref()))
    }
}

impl Destination for HttpDestination {
    fn begin(&self, start: &RunStart) -> Result<(), Error> {
        let told = self
            .0
            .tell::<IgnoredAny>("POST", "/api/v1/runs", Some(start))?;
        self.0.or_refused(told).map(drop)
    }

    fn put_blob(&self, digest: Digest, path: &Path) -> Result<(), Error> {
        let http = &self.0;
        let place = format!("/api/v1/blobs/{digest}");
        match http.ask("HEAD", &place, "", "*/*", ())? {
            Ok(_) => return Ok(()),
            Err(Refused { status: 404, .. }) => {}
            Err(refused) => return Err(http.refused(refused)),
        }
        let file = std::fs::File::open(path).map_err(Error::file(path))?;
        let answer = http.ask("PUT", &place, "application/octet-stream", JSON, &file)?;
        http.accepted(answer).map(drop)
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
        let path = format!("/api/v1/runs/{run}/append");
        let answer = self.0.ask("POST", &path, CBOR, JSON, &body[..])?;
        self.0.json(self.0.accepted(answer)?)
    }

    fn keep_model(&self, from: &ForeignModel) -> Result<bool, Error> {
        let told = self.0.tell::<Kept>("POST", "/api/v1/models", Some(from))?;
        Ok(self.0.or_refused(told)?.fresh)
    }

    fn keep_registration(&self, from: &ForeignRegistration) -> Result<bool, Error> {
        let path = "/api/v1/registered-models";
        let told = self.0.tell::<Kept>("POST", path, Some(from))?;
        Ok(self.0.or_refused(told)?.fresh)
    }
}
