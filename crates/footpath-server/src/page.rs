//! The page: the built files of `web/`, embedded when this crate was built.

use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::app::App;
use crate::failure::Failure;

/// A file of the page.
struct PageFile {
    path: &'static str,
    content: &'static [u8],
    /// Whether the content is compressed.
    gzip: bool,
}

const FILES: &[PageFile] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What the page may do: load from this server alone, run its own scripts alone.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; \
                      object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What stands in the page's place when it was not built.
const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Footpath</title>\
    <h1>The tracker runs, but its page was not built into it</h1>\
    <p>With Node.js at hand, run <code>npm ci && npm run build</code> in <code>web/</code> and build \
    <code>footpath</code> again. Until then the <a href=\"api\">native API</a>, MLflow's REST API and \
    <code>footpath runs</code> show everything.";

/// The page's addresses: the root, and every other that no call has.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(page)).fallback(get(page))
}

async fn page(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("ajax-api/") {
        // Clients of MLflow take an empty 404 as "not served here".
        return axum::http::StatusCode::NOT_FOUND.into_response();
    }
    let asked = if path.is_empty() { "index.html" } else { path };
    let mut response = match FILES.iter().find(|file| file.path == asked) {
        Some(file) => serve(file, &headers),
        None if FILES.is_empty() && path.is_empty() => Html(NOT_BUILT).into_response(),
        None => Failure::absent("there is no such page").into_response(),
    };
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    response
}

fn serve(file: &PageFile, headers: &HeaderMap) -> Response {
    let unpacks = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accepted| accepted.contains("gzip"));
    let content = if file.gzip && !unpacks {
        unpacked(file.content)
    } else {
        file.content.into()
    };
    let mut response = Response::new(Body::from(content));
    let told = response.headers_mut();
    let kind = mime_guess::from_path(file.path).first_or_octet_stream();
    if let Ok(kind) = HeaderValue::from_str(kind.as_ref()) {
        told.insert(header::CONTENT_TYPE, kind);
    }
    if file.gzip && unpacks {
        told.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    told.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    // Built files in `assets/` carry the hash of their content in their names.
    let kept = if file.path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

/// The page's files: path and content. None if it was not built.
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let content = |file: &PageFile| {
        if file.gzip {
            unpacked(file.content)
        } else {
            file.content.to_vec()
        }
    };
    FILES
        .iter()
        .map(|file| (file.path, content(file)))
        .collect()
}

fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    // What the build packed unpacks.
    let _read = flate2::read::GzDecoder::new(packed).read_to_end(&mut content);
    content
}
