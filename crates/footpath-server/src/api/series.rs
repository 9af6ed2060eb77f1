//! Points, and plots of them.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use footpath_track::series::{PointRange, Scale, Zoom};
use footpath_track::{Point, RunId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::lines::Lines;
use super::request::{Asked, At, page_length};
use super::wire::{BucketOut, bucket, point};
use crate::answer::{Call, Json, cbor, json as answer, wants_cbor};
use crate::auth::Role;
use crate::failure::Failure;
use crate::session::Session;

/// At most how many series one call plots.
const SERIES: usize = 1000;
/// At most how wide a plot is.
const WIDTH_PX: u32 = 10_000;

/// A point as a page token: its 24 bytes in hexadecimal.
pub(crate) fn token_of(point: Point) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    let bytes = point.to_bytes();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The point of a page token.
pub(crate) fn point_of(token: &str) -> Result<Point, Failure> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = token.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some((digit(*high)? * 16 + digit(*low)?) as u8))
        .collect();
    let bytes: Option<[u8; 24]> = bytes
        .filter(|_| rest.is_empty())
        .and_then(|bytes| bytes.try_into().ok());
    let bytes = bytes
        .ok_or_else(|| Failure::invalid("Invalid page token: ask for the first page again"))?;
    Ok(Point::from_bytes(&bytes))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Points {
    key: String,
    from_step: Option<i64>,
    to_step: Option<i64>,
    limit: Option<usize>,
    page_token: Option<String>,
}

/// Points as one byte string of 24 bytes a point.
#[derive(Serialize)]
struct Exact {
    points: footpath_track::Points,
    next: Option<String>,
}

pub(crate) async fn points(
    call: Call,
    At(run): At<RunId>,
    Asked(asked): Asked<Points>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    call.run(move |session| {
        session.permit_run(&run, Role::Viewer)?;
        let limit = page_length(asked.limit, 10_000, 100_000)?;
        let range = PointRange {
            from_step: asked.from_step.unwrap_or(i64::MIN),
            to_step: asked.to_step.unwrap_or(i64::MAX),
            after: asked.page_token.as_deref().map(point_of).transpose()?,
            limit: limit + 1,
        };
        let mut points = session.store().points(&run, &asked.key, &range)?;
        let more = points.len() > limit;
        points.truncate(limit);
        let next = points.last().filter(|_| more).map(|last| token_of(*last));
        if wants_cbor(&headers) {
            let points = footpath_track::Points(points);
            return cbor(&Exact { points, next });
        }
        let points: Vec<_> = points.into_iter().map(point).collect();
        Ok(answer(&json!({ "points": points, "next": next }))?.into_response())
    })
    .await
}

/// What a plot shows.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct View {
    from_step: Option<i64>,
    to_step: Option<i64>,
    width_px: u32,
    #[serde(default)]
    scale: Scale,
}

impl View {
    fn zoom(self) -> Result<Zoom, Failure> {
        if !(1..=WIDTH_PX).contains(&self.width_px) {
            return Err(Failure::invalid(format!(
                "width_px must be from 1 to {WIDTH_PX}, got {}",
                self.width_px
            )));
        }
        Ok(Zoom {
            from_step: self.from_step.unwrap_or(i64::MIN),
            to_step: self.to_step.unwrap_or(i64::MAX),
            width_px: self.width_px,
            scale: self.scale,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct One {
    key: String,
    from_step: Option<i64>,
    to_step: Option<i64>,
    width_px: u32,
    #[serde(default)]
    scale: Scale,
}

/// Many series. Serialised as they are: a tree of values between would cost more than the rest.
#[derive(Serialize)]
struct Plotted<'a> {
    series: Vec<Envelope<'a>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    run: &'a RunId,
    key: &'a str,
    buckets: Vec<BucketOut>,
}

fn plot<'a>(
    session: &Session,
    run: &'a RunId,
    key: &'a str,
    zoom: &Zoom,
) -> Result<Envelope<'a>, Failure> {
    let buckets = session.store().envelope(run, key, zoom)?;
    Ok(Envelope {
        run,
        key,
        buckets: buckets.iter().map(bucket).collect(),
    })
}

pub(crate) async fn envelope(
    call: Call,
    At(run): At<RunId>,
    Asked(asked): Asked<One>,
) -> Result<Json, Failure> {
    call.run(move |session| {
        session.permit_run(&run, Role::Viewer)?;
        let One {
            key,
            from_step,
            to_step,
            width_px,
            scale,
        } = asked;
        let view = View {
            from_step,
            to_step,
            width_px,
            scale,
        };
        answer(&plot(session, &run, &key, &view.zoom()?)?)
    })
    .await
}

/// In which form series are told.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// Buckets.
    #[default]
    Buckets,
    /// The lines through them, packed.
    Lines,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    runs: Vec<RunId>,
    keys: Vec<String>,
    zoom: View,
    #[serde(default)]
    form: Form,
    /// Whether lines tell their points' times.
    #[serde(default)]
    times: bool,
}

/// Every series of these keys in these runs, for one plot; those a run lacks are left out.
pub(crate) async fn envelopes(call: Call, request: Request) -> Result<Response, Failure> {
    let asked: Many = call.read(request).await?;
    call.run(move |session| {
        let count = asked.runs.len().saturating_mul(asked.keys.len());
        if count > SERIES {
            return Err(Failure::invalid(format!(
                "{count} series are asked for, at most {SERIES} may be"
            )));
        }
        let zoom = asked.zoom.zoom()?;
        let (mut series, mut lines) = (Vec::new(), Lines::new(asked.times));
        for run in &asked.runs {
            session.permit_run(run, Role::Viewer)?;
            for key in &asked.keys {
                let buckets = session.store().envelope(run, key, &zoom)?;
                match asked.form {
                    _ if buckets.is_empty() => {}
                    Form::Lines => lines.add(run, key, &buckets),
                    Form::Buckets => {
                        let buckets = buckets.iter().map(bucket).collect();
                        series.push(Envelope { run, key, buckets });
                    }
                }
            }
        }
        match asked.form {
            Form::Lines => lines.pack(),
            Form::Buckets => Ok(answer(&Plotted { series })?.into_response()),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_is_the_last_point() {
        let point = Point::new(-3, 1_700_000_000_000, f64::NAN);
        assert_eq!(point_of(&token_of(point)).unwrap(), point);
        assert_eq!(point_of("not a token").unwrap_err().status, 400);
        assert_eq!(point_of("AAAA").unwrap_err().status, 400);
    }
}
