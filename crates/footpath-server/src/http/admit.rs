//! What every request passes first: the host asked for, the rate, the credential.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::auth::{Caller, Refusal};
use crate::failure::Failure;

/// Where the request came from; put there by the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Admits a request, or answers why not.
pub(crate) async fn admit(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0.ip());
    let mut response = match check(&app, peer, request.headers(), request.uri().path()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(response) => *response,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn check(
    app: &App,
    peer: IpAddr,
    headers: &HeaderMap,
    path: &str,
) -> Result<Arc<Caller>, Box<Response>> {
    let refuse = |failure: Failure| Box::new(failure.into_response());
    if app.gate.is_open() && !names_this_machine(headers) {
        // Without credentials the address is all that keeps a page of another site from
        // reaching the server through the browser of someone at this machine.
        let why = "this server takes no credentials and so answers only to localhost, by that name or its address";
        return Err(refuse(Failure::forbidden(why)));
    }
    let now = Instant::now();
    if let Some(rates) = &app.rates
        && !rates.take(peer, now)
    {
        return Err(Box::new(wait(1, "too many requests from this address")));
    }
    if is_public(path, &app.prefix) {
        return Ok(Arc::new(Caller::nobody()));
    }
    if !app.wrong_credentials.has(peer, now) {
        return Err(Box::new(wait(
            10,
            "too many wrong credentials from this address",
        )));
    }
    match app.gate.caller(headers).await {
        Ok(caller) => Ok(caller),
        Err(Refusal::Missing) => Err(Box::new(ask(
            "this server asks for a user and password, or a token",
        ))),
        Err(Refusal::Wrong) => {
            app.wrong_credentials.take(peer, now);
            Err(Box::new(ask("the user, password or token is wrong")))
        }
        Err(Refusal::Failed(error)) => {
            tracing::error!(%error, "a credential could not be looked up");
            Err(refuse(Failure::internal(
                "the credential could not be looked up",
            )))
        }
    }
}

/// What is answered to everyone: whether the server lives, and what clients ask before all.
fn is_public(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|path| {
        [
            "/health",
            "/version",
            "/api/3.0/mlflow/server-info",
            "/ajax-api/3.0/mlflow/server-info",
        ]
        .contains(&path)
    })
}

fn ask(why: &str) -> Response {
    let mut response = Failure::unknown_caller(why).into_response();
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"footpath\""),
    );
    response
}

fn wait(seconds: u32, why: &str) -> Response {
    let mut response = Failure::too_many(why).into_response();
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_names() {
        let named = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            names_this_machine(&headers)
        };
        for host in [
            "localhost",
            "LocalHost:5000",
            "127.0.0.1:5000",
            "[::1]:5000",
            "127.9.9.9",
        ] {
            assert!(named(host), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example:80",
            "10.0.0.1:5000",
            "[fe80::1]:1",
            "",
        ] {
            assert!(!named(host), "{host}");
        }
    }
}
