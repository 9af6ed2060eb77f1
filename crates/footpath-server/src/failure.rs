//! Answers that say no, in both dialects alike: an error code by which clients branch, its status
//! and a message.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use footpath_track::search::FilterError;
use footpath_track::{Error, Kind};
use serde::Serialize;

/// A refusal or failure of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The HTTP status.
    pub(crate) status: u16,
    /// MLflow's name of the error.
    pub(crate) code: &'static str,
    /// What happened, for people.
    pub(crate) message: String,
    /// Where in a filter the trouble is, in characters from 0.
    pub(crate) position: Option<usize>,
}

impl Failure {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            position: None,
        }
    }

    /// The request cannot be read.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BAD_REQUEST", message)
    }

    /// A value breaks a rule.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_PARAMETER_VALUE", message)
    }

    /// The thing is not there.
    pub(crate) fn absent(message: impl Into<String>) -> Self {
        Self::new(404, "RESOURCE_DOES_NOT_EXIST", message)
    }

    /// The name is taken. MLflow's status for it is 400.
    pub(crate) fn taken(message: impl Into<String>) -> Self {
        Self::new(400, "RESOURCE_ALREADY_EXISTS", message)
    }

    /// The caller may not do this.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, "PERMISSION_DENIED", message)
    }

    /// The caller did not say who they are, or not truly.
    pub(crate) fn unknown_caller(message: impl Into<String>) -> Self {
        Self::new(401, "UNAUTHENTICATED", message)
    }

    /// Too much at once; to be tried again.
    pub(crate) fn too_many(message: impl Into<String>) -> Self {
        Self::new(429, "REQUEST_LIMIT_EXCEEDED", message)
    }

    /// The body is greater than the server takes.
    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(413, "INVALID_PARAMETER_VALUE", message)
    }

    /// The request came too slowly.
    pub(crate) fn too_slow(message: impl Into<String>) -> Self {
        Self::new(408, "DEADLINE_EXCEEDED", message)
    }

    /// The server is at fault.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "INTERNAL_ERROR", message)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error_code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&Body {
            error_code: self.code,
            message: &self.message,
            position: self.position,
        })
        .unwrap_or_default();
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl From<FilterError> for Failure {
    fn from(error: FilterError) -> Self {
        let position = Some(error.position);
        Self {
            position,
            ..Self::invalid(format!("Invalid clause(s) in filter string: {error}"))
        }
    }
}

impl From<Error> for Failure {
    /// The store's refusals in the words that MLflow's clients and their tests match on.
    fn from(error: Error) -> Self {
        let plain = error.to_string();
        match error {
            Error::NotFound {
                kind: Kind::Run,
                id,
            } => Self::absent(format!("Run with id={id} not found")),
            Error::NotFound {
                kind: Kind::Experiment,
                id,
            } => Self::absent(format!("No Experiment with id={id} exists")),
            Error::NotFound {
                kind: Kind::LoggedModel,
                id,
            } => Self::absent(format!("Logged model with ID '{id}' not found.")),
            Error::NotFound {
                kind: Kind::RegisteredModel,
                id,
            } => Self::absent(format!("Registered Model with name={id} not found")),
            Error::NotFound { .. } => Self::absent(plain),
            Error::Exists {
                kind: Kind::Experiment,
                id,
                ..
            } => Self::taken(format!("Experiment(name={id}) already exists.")),
            Error::Exists {
                kind: Kind::RegisteredModel,
                id,
                ..
            } => Self::taken(format!("Registered Model (name={id}) already exists.")),
            Error::Exists { .. } => Self::taken(plain),
            Error::Deleted { kind, id } => Self::invalid(format!(
                "The {kind} {id} must be in the 'active' state. Current state is deleted."
            )),
            Error::ParamChanged {
                run,
                key,
                old,
                new,
                more,
            } => {
                let others = if more == 0 {
                    String::new()
                } else {
                    format!(" ({more} more would change too.)")
                };
                Self::invalid(format!(
                    "Changing param values is not allowed. Param with key='{key}' was already logged with \
                     value='{old}' for run ID='{run}'. Attempted logging new value '{new}'.{others}"
                ))
            }
            Error::Filter(error) => error.into(),
            Error::Invalid { .. } | Error::PageToken => Self::invalid(plain),
            // Clients try again for minutes on 5xx, so only what may pass is one.
            Error::Locked { .. } | Error::Closed | Error::Database(_) | Error::Objects(_) => {
                Self::new(503, "TEMPORARILY_UNAVAILABLE", plain)
            }
            _ => Self::internal(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_refuses_in_mlflows_words() {
        let absent = Failure::from(Error::NotFound {
            kind: Kind::Run,
            id: "abc".into(),
        });
        assert_eq!(
            (absent.status, absent.code),
            (404, "RESOURCE_DOES_NOT_EXIST")
        );
        assert_eq!(absent.message, "Run with id=abc not found");
        let deleted = Failure::from(Error::Deleted {
            kind: Kind::Run,
            id: "abc".into(),
        });
        assert_eq!(
            deleted.status, 400,
            "a 5xx would make the client try for minutes"
        );
        assert!(
            deleted
                .message
                .starts_with("The run abc must be in the 'active' state.")
        );
        let taken = Failure::from(Error::Exists {
            kind: Kind::Experiment,
            id: "x".into(),
            deleted: true,
        });
        assert_eq!(
            (taken.status, taken.message.as_str()),
            (400, "Experiment(name=x) already exists.")
        );
    }
}
