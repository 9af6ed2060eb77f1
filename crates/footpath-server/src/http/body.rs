//! Reading bodies within limits of size and time.

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::failure::Failure;
use crate::limits::Limits;

/// A call's whole body.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
) -> Result<Bytes, Failure> {
    check_length(headers, limits.body_bytes as u64)?;
    let until = Instant::now() + limits.body_time;
    let mut pieces = std::pin::pin!(pieces(body, limits, limits.body_bytes as u64));
    let slow = || {
        Failure::too_slow(format!(
            "the body did not come within {:?}",
            limits.body_time
        ))
    };
    let Some(first) = timeout_at(until, pieces.next())
        .await
        .map_err(|_elapsed| slow())?
    else {
        return Ok(Bytes::new());
    };
    let first = first?;
    let Some(second) = timeout_at(until, pieces.next())
        .await
        .map_err(|_elapsed| slow())?
    else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second?);
    while let Some(piece) = timeout_at(until, pieces.next())
        .await
        .map_err(|_elapsed| slow())?
    {
        whole.extend_from_slice(&piece?);
    }
    Ok(whole.freeze())
}

/// Refuses a body that says beforehand that it is too great.
fn check_length(headers: &HeaderMap, most: u64) -> Result<(), Failure> {
    let told = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match told {
        Some(length) if length > most => Err(too_large(most)),
        _ => Ok(()),
    }
}

fn too_large(most: u64) -> Failure {
    Failure::too_large(format!(
        "the body is greater than {most} bytes, the most this server takes here"
    ))
}

/// A body piece by piece: ends with a failure when it grows beyond `most` bytes, when the
/// client falls silent, or when the connection breaks.
pub(crate) fn pieces(
    body: Body,
    limits: &Limits,
    most: u64,
) -> impl Stream<Item = Result<Bytes, Failure>> + Send + 'static {
    let idle = limits.idle_time;
    let start: Option<(BodyDataStream, u64)> = Some((body.into_data_stream(), 0));
    futures_util::stream::unfold(start, move |state| async move {
        let (mut stream, before) = state?;
        let failure = match timeout(idle, stream.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(piece))) => {
                let sum = before + piece.len() as u64;
                if sum <= most {
                    return Some((Ok(piece), Some((stream, sum))));
                }
                too_large(most)
            }
            Ok(Some(Err(error))) => Failure::bad_request(format!("the body broke off: {error}")),
            Err(_elapsed) => Failure::too_slow(format!(
                "the client was silent for {idle:?} within the body"
            )),
        };
        Some((Err(failure), None))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: Body, most: usize) -> Result<Bytes, Failure> {
        let limits = Limits {
            body_bytes: most,
            ..Limits::default()
        };
        read_body(&HeaderMap::new(), body, &limits).await
    }

    fn in_pieces(pieces: &'static [&'static [u8]]) -> Body {
        Body::from_stream(futures_util::stream::iter(
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(*piece)),
        ))
    }

    #[tokio::test]
    async fn bodies_are_read_whole_or_refused() {
        assert_eq!(read(Body::empty(), 3).await.unwrap(), "");
        assert_eq!(
            read(in_pieces(&[b"ab", b"c", b"de"]), 5).await.unwrap(),
            "abcde"
        );
        assert_eq!(
            read(in_pieces(&[b"ab", b"c", b"de"]), 4)
                .await
                .unwrap_err()
                .status,
            413
        );
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, "99".parse().unwrap());
        let limits = Limits {
            body_bytes: 98,
            ..Limits::default()
        };
        assert_eq!(
            read_body(&headers, Body::empty(), &limits)
                .await
                .unwrap_err()
                .status,
            413
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_not_waited_for() {
        let body =
            Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(read(body, 10).await.unwrap_err().status, 408);
    }
}
