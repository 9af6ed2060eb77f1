//! Points of metric series, and what is known of a series without reading them.

use std::cmp::Ordering;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One value of a metric.
///
/// Equality and order look at the bits: a NaN equals itself, so that a point sent twice is
/// one point, and `-0.0` differs from `0.0`.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// The step: a batch's or an epoch's number, or what the program counts by.
    pub step: i64,
    /// When it was logged, Unix milliseconds.
    pub time_ms: i64,
    /// The value; infinities and NaN are values too.
    pub value: f64,
}

impl Point {
    /// A point.
    #[must_use]
    pub fn new(step: i64, time_ms: i64, value: f64) -> Self {
        Self {
            step,
            time_ms,
            value,
        }
    }

    /// The point as 24 bytes: step, time and value's bits, little endian.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.step.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.time_ms.to_le_bytes());
        bytes[16..].copy_from_slice(&self.value.to_bits().to_le_bytes());
        bytes
    }

    /// The point in 24 such bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 24]) -> Self {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            word
        };
        Self::new(
            i64::from_le_bytes(word(0)),
            i64::from_le_bytes(word(8)),
            f64::from_bits(u64::from_le_bytes(word(16))),
        )
    }
}

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Point {}

impl PartialOrd for Point {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By step, then time, then value in IEEE 754's total order: the order of a series, in which
/// MLflow's "latest" is the greatest.
impl Ord for Point {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.step, self.time_ms)
            .cmp(&(other.step, other.time_ms))
            .then_with(|| self.value.total_cmp(&other.value))
    }
}

/// Points as they travel: in JSON a list of `[step, time_ms, value]` where NaN and the
/// infinities are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`; in binary formats one
/// byte string of 24 bytes a point ([`Point::to_bytes`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Points(pub Vec<Point>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum JsonNumber {
    Finite(f64),
    Named(String),
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_seq(
                self.0
                    .iter()
                    .map(|point| (point.step, point.time_ms, json_number(point.value))),
            );
        }
        let mut bytes = Vec::with_capacity(self.0.len() * 24);
        for point in &self.0 {
            bytes.extend_from_slice(&point.to_bytes());
        }
        serializer.serialize_bytes(&bytes)
    }
}

fn json_number(value: f64) -> JsonNumber {
    match value {
        value if value.is_finite() => JsonNumber::Finite(value),
        value if value.is_nan() => JsonNumber::Named("NaN".into()),
        value if value > 0.0 => JsonNumber::Named("Infinity".into()),
        _ => JsonNumber::Named("-Infinity".into()),
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let rows = Vec::<(i64, i64, JsonNumber)>::deserialize(deserializer)?;
            return rows
                .into_iter()
                .map(|(step, time_ms, number)| {
                    let value = match number {
                        JsonNumber::Finite(value) => value,
                        JsonNumber::Named(name) => match name.as_str() {
                            "NaN" => f64::NAN,
                            "Infinity" => f64::INFINITY,
                            "-Infinity" => f64::NEG_INFINITY,
                            _ => {
                                return Err(D::Error::custom(format!(
                                    "`{name}` is no number: expected NaN, Infinity or -Infinity"
                                )));
                            }
                        },
                    };
                    Ok(Point::new(step, time_ms, value))
                })
                .collect::<Result<_, _>>()
                .map(Self);
        }
        deserializer.deserialize_byte_buf(PackedPoints)
    }
}

struct PackedPoints;

impl serde::de::Visitor<'_> for PackedPoints {
    type Value = Points;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a byte string of 24 bytes a point")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Points, E> {
        let (points, rest) = bytes.as_chunks::<24>();
        if !rest.is_empty() {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        Ok(Points(points.iter().map(Point::from_bytes).collect()))
    }
}

/// What is known of a metric series without reading its points. NaN takes no part in
/// minimum and maximum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesSummary {
    /// How many points; a point sent twice may count twice until its chunk is sealed.
    pub count: u64,
    /// How many of them are NaN.
    pub nan_count: u64,
    /// The least point by (step, time, value).
    #[serde(with = "single")]
    pub first: Point,
    /// The greatest point by (step, time, value): MLflow's "latest".
    #[serde(with = "single")]
    pub last: Point,
    /// The earliest point with the least value; `None` if all are NaN.
    #[serde(with = "optional")]
    pub min: Option<Point>,
    /// The earliest point with the greatest value; `None` if all are NaN.
    #[serde(with = "optional")]
    pub max: Option<Point>,
}

mod single {
    use super::{Deserialize, Deserializer, Point, Points, Serialize, Serializer, de_error};

    pub(super) fn serialize<S: Serializer>(
        point: &Point,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Points(vec![*point]).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Point, D::Error> {
        Points::deserialize(deserializer)?
            .0
            .first()
            .copied()
            .ok_or_else(de_error)
    }
}

mod optional {
    use super::{Deserialize, Deserializer, Point, Points, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "the signature serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        point: &Option<Point>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Points(point.iter().copied().collect()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Point>, D::Error> {
        Ok(Points::deserialize(deserializer)?.0.first().copied())
    }
}

fn de_error<E: serde::de::Error>() -> E {
    E::custom("expected one point, found none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_readable_and_keeps_what_is_not_finite() {
        let points = Points(vec![
            Point::new(0, 5, 0.5),
            Point::new(-1, 6, f64::NAN),
            Point::new(2, 7, f64::INFINITY),
            Point::new(3, 8, f64::NEG_INFINITY),
        ]);
        let json = serde_json::to_string(&points).unwrap();
        assert_eq!(
            json,
            r#"[[0,5,0.5],[-1,6,"NaN"],[2,7,"Infinity"],[3,8,"-Infinity"]]"#
        );
        assert_eq!(serde_json::from_str::<Points>(&json).unwrap(), points);
        assert!(serde_json::from_str::<Points>(r#"[[0,5,"one"]]"#).is_err());
    }

    #[test]
    fn binary_is_24_bytes_a_point() {
        let points = Points((0..1000).map(|i| Point::new(i, i * 3, f64::NAN)).collect());
        let mut bytes = Vec::new();
        ciborium::into_writer(&points, &mut bytes).unwrap();
        assert_eq!(bytes.len(), 24_000 + 3);
        assert_eq!(
            ciborium::from_reader::<Points, _>(&bytes[..]).unwrap(),
            points
        );
        let odd = ciborium::Value::Bytes(vec![0; 25]);
        let mut bytes = Vec::new();
        ciborium::into_writer(&odd, &mut bytes).unwrap();
        assert!(ciborium::from_reader::<Points, _>(&bytes[..]).is_err());
    }

    #[test]
    fn the_latest_point_is_by_step_then_time_then_value() {
        let mut points = [
            Point::new(2, 0, 1.0),
            Point::new(1, 9, 9.0),
            Point::new(2, 0, 3.0),
            Point::new(2, 1, 0.0),
        ];
        points.sort();
        assert_eq!(points.map(|point| point.value), [9.0, 1.0, 3.0, 0.0]);
    }
}
