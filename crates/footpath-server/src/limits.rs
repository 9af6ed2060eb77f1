//! How much one client may ask of the server.

use std::time::Duration;

/// Limits that keep one client from taking the server from the others. Each that is broken is
/// answered by a 4xx that says which.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// The greatest body of a call, in bytes. MLflow's clients send up to 2 MB.
    pub body_bytes: usize,
    /// The greatest artifact, in bytes.
    pub artifact_bytes: u64,
    /// How long a client may take for a request's head.
    pub head_time: Duration,
    /// How long a client may be silent within a body.
    pub idle_time: Duration,
    /// How long a client may take for a call's whole body.
    pub body_time: Duration,
    /// How many connections are served at once; others wait.
    pub connections: usize,
    /// How many requests a second one address may make over time; `None` for any number.
    pub requests_per_second: Option<f64>,
    /// How many requests one address may make at once.
    pub burst: f64,
    /// How many wrong credentials one address may show before it must wait; one is forgiven
    /// every ten seconds.
    pub wrong_credentials: f64,
    /// How long requests under way may go on after the server was told to end.
    pub shutdown_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            artifact_bytes: 64 << 30,
            head_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(30),
            body_time: Duration::from_mins(2),
            connections: 1024,
            requests_per_second: Some(500.0),
            burst: 2000.0,
            wrong_credentials: 10.0,
            shutdown_time: Duration::from_secs(10),
        }
    }
}
