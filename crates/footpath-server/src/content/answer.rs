//! Files as answers, so that nothing in them runs in the tracker's origin.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use footpath_track::Artifact;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::range::{Part, part};
use super::transfer::Content;
use crate::failure::Failure;

/// What the browser does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It saves it.
    Download,
    /// It shows it, if it is of a kind that cannot run anything; otherwise it saves it.
    Show,
}

/// Kinds a browser may show within the page: raster images that it decodes by the kind told.
const SHOWN: [&str; 6] = [
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/gif",
    "image/bmp",
    "image/avif",
];

/// What a header's file name may hold as it is (RFC 8187's `attr-char`).
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Answers a file, or the part of it asked for.
pub(crate) async fn answer_file(
    content: &Content,
    file: &Artifact,
    headers: &HeaderMap,
    disposition: Disposition,
) -> Result<Response, Failure> {
    let tag = format!("\"{}\"", file.blob.digest);
    let header = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if header(header::IF_NONE_MATCH).is_some_and(|known| known == tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let size = file.blob.size;
    let asked =
        header(header::RANGE).filter(|_| header(header::IF_RANGE).is_none_or(|known| known == tag));
    let (status, range) = match part(asked, size) {
        Part::Whole => (StatusCode::OK, 0..size),
        Part::Bytes(range) => (StatusCode::PARTIAL_CONTENT, range),
        Part::Beyond => {
            let told = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, told).into_response());
        }
    };
    let length = range.end - range.start;
    let body = content.read(file.blob.digest, range.clone()).await?;
    let mut response = answer_bytes(body, &file.path, disposition);
    *response.status_mut() = status;
    let told = response.headers_mut();
    told.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    told.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert(told, header::ETAG, &tag);
    if status == StatusCode::PARTIAL_CONTENT {
        insert(
            told,
            header::CONTENT_RANGE,
            &format!("bytes {}-{}/{size}", range.start, range.end - 1),
        );
    }
    Ok(response)
}

/// Answers bytes that came from someone: whatever they are, they cannot run script in this
/// origin. The kind is never guessed from the bytes, pages and drawings are saved rather than
/// shown, and what is opened all the same is in a sandbox without rights.
pub(crate) fn answer_bytes(body: Body, path: &str, disposition: Disposition) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let shown = disposition == Disposition::Show && SHOWN.contains(&kind.essence_str());
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let told = if shown || disposition == Disposition::Download {
        kind.essence_str()
    } else {
        "text/plain"
    };
    insert(headers, header::CONTENT_TYPE, told);
    let action = if shown { "inline" } else { "attachment" };
    insert(
        headers,
        header::CONTENT_DISPOSITION,
        &format!(
            "{action}; filename*=UTF-8''{}",
            utf8_percent_encode(name, NAME)
        ),
    );
    insert(
        headers,
        header::CONTENT_SECURITY_POLICY,
        "sandbox; default-src 'none'",
    );
    insert(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    insert(headers, header::CACHE_CONTROL, "private, no-cache");
    response
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(path: &str, disposition: Disposition) -> HeaderMap {
        answer_bytes(Body::empty(), path, disposition)
            .headers()
            .clone()
    }

    #[test]
    fn what_could_run_script_is_never_shown() {
        for path in [
            "a.html", "b/x.svg", "c.xhtml", "d.xml", "e.pdf", "f.js", "g", "h.htm",
        ] {
            for disposition in [Disposition::Show, Disposition::Download] {
                let headers = headers(path, disposition);
                let action = headers[header::CONTENT_DISPOSITION].to_str().unwrap();
                assert!(action.starts_with("attachment"), "{path}");
                assert_eq!(
                    headers[header::CONTENT_SECURITY_POLICY],
                    "sandbox; default-src 'none'"
                );
                assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            }
        }
        assert_eq!(
            headers("a.html", Disposition::Show)[header::CONTENT_TYPE],
            "text/plain"
        );
        let picture = headers("a/b.png", Disposition::Show);
        assert_eq!(picture[header::CONTENT_TYPE], "image/png");
        assert_eq!(
            picture[header::CONTENT_DISPOSITION],
            "inline; filename*=UTF-8''b.png"
        );
    }

    #[test]
    fn odd_names_stay_within_their_header() {
        let name = headers("x/\"a;\r\nb ü\".txt", Disposition::Download)
            [header::CONTENT_DISPOSITION]
            .clone();
        assert_eq!(
            name,
            "attachment; filename*=UTF-8''%22a%3B%0D%0Ab%20%C3%BC%22.txt"
        );
    }
}
