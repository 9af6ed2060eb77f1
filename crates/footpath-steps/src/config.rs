//! A step's parameters in canonical form.

use ciborium::Value;
use serde::Serialize;

use crate::digest::{Digest, Digester};

/// The parameters of a step, taken from anything serialisable.
///
/// Two configs are equal when they hold the same values, in whatever order
/// their keys were written and whatever type (struct or map) they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Config(Value);

/// Why a config cannot be part of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The value's own serialisation failed.
    #[error("the config cannot be serialised: {0}")]
    Unserialisable(String),
    /// A float is not a number, so no two runs could be said to agree on it.
    #[error("`{path}` is not a number (NaN); give it a value or use an `Option`")]
    NotANumber {
        /// Where, such as `loader.ratio`.
        path: String,
    },
    /// A map holds one key twice.
    #[error("the key `{key}` occurs twice in `{path}`")]
    RepeatedKey {
        /// The map, such as `loader`; empty for the whole config.
        path: String,
        /// The key.
        key: String,
    },
}

impl Config {
    /// The canonical form of `value`.
    ///
    /// # Errors
    /// When `value` does not serialise, holds NaN, or repeats a key.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, ConfigError> {
        let value = Value::serialized(value)
            .map_err(|error| ConfigError::Unserialisable(error.to_string()))?;
        Ok(Self(canonical(value, "")?))
    }

    /// A config without parameters.
    #[must_use]
    pub fn none() -> Self {
        Self(Value::Null)
    }

    /// The digest of all values.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut digester = Digester::new("config");
        feed(&mut digester, &self.0);
        digester.finish()
    }

    /// The same values as JSON, for people and manifests.
    ///
    /// What JSON cannot hold is written as text: infinities, bytes (hexadecimal),
    /// keys that are not text.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        to_json(&self.0)
    }
}

/// The canonical digest of any serialisable value.
pub(crate) fn digest_of<T: Serialize + ?Sized>(value: &T) -> Result<Digest, ConfigError> {
    let value =
        Value::serialized(value).map_err(|error| ConfigError::Unserialisable(error.to_string()))?;
    Ok(Config(canonical(value, "")?).digest())
}

fn canonical(value: Value, path: &str) -> Result<Value, ConfigError> {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Float(float) if float.is_nan() => Err(ConfigError::NotANumber {
            path: path.to_owned(),
        }),
        Value::Array(values) => values
            .into_iter()
            .enumerate()
            .map(|(index, value)| canonical(value, &below(&index.to_string())))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        Value::Map(pairs) => {
            let mut keyed = Vec::with_capacity(pairs.len());
            for (key, value) in pairs {
                let value = canonical(value, &below(&plain_text(&key)))?;
                let key = canonical(key, path)?;
                keyed.push((Config(key.clone()).digest(), key, value));
            }
            // The order of the keys' digests: any total order serves, this one exists for all kinds.
            keyed.sort_by_key(|(digest, _, _)| *digest);
            if let Some(pair) = keyed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let key = plain_text(&pair[0].1);
                return Err(ConfigError::RepeatedKey {
                    path: path.to_owned(),
                    key,
                });
            }
            Ok(Value::Map(
                keyed
                    .into_iter()
                    .map(|(_, key, value)| (key, value))
                    .collect(),
            ))
        }
        Value::Tag(tag, value) => Ok(Value::Tag(tag, Box::new(canonical(*value, path)?))),
        scalar => Ok(scalar),
    }
}

fn feed(digester: &mut Digester, value: &Value) {
    match value {
        Value::Integer(integer) => digester.integer(i128::from(*integer)),
        Value::Bytes(bytes) => digester.bytes(bytes),
        Value::Float(float) => digester.float(*float),
        Value::Text(text) => digester.str(text),
        Value::Bool(bool) => digester.bool(*bool),
        Value::Tag(tag, value) => {
            digester.map(1).integer(*tag);
            feed(digester, value);
            digester
        }
        Value::Array(values) => {
            digester.list(values.len() as u64);
            for value in values {
                feed(digester, value);
            }
            digester
        }
        Value::Map(pairs) => {
            digester.map(pairs.len() as u64);
            for (key, value) in pairs {
                feed(digester, key);
                feed(digester, value);
            }
            digester
        }
        // `Value` may grow kinds; serde gives us none but `Null` beyond those above.
        _ => digester.none(),
    };
}

fn plain_text(key: &Value) -> String {
    match key {
        Value::Text(text) => text.clone(),
        other => to_json(other).to_string(),
    }
}

pub(crate) fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Integer(integer) => {
            let integer = i128::from(*integer);
            i64::try_from(integer)
                .map(Json::from)
                .or_else(|_| u64::try_from(integer).map(Json::from))
                .unwrap_or_else(|_| Json::from(integer.to_string()))
        }
        Value::Bytes(bytes) => Json::from(hex(bytes)),
        Value::Float(float) => serde_json::Number::from_f64(*float)
            .map_or_else(|| Json::from(float.to_string()), Json::Number),
        Value::Text(text) => Json::from(text.as_str()),
        Value::Bool(bool) => Json::from(*bool),
        Value::Tag(_, value) => to_json(value),
        Value::Array(values) => values.iter().map(to_json).collect(),
        Value::Map(pairs) => pairs
            .iter()
            .map(|(key, value)| (plain_text(key), to_json(value)))
            .collect(),
        _ => Json::Null,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    struct Loader {
        batch_size: u32,
        ratio: f32,
    }

    #[test]
    fn structs_maps_and_key_orders_agree() {
        let from_struct = Config::of(&Loader {
            batch_size: 20,
            ratio: 0.5,
        })
        .unwrap();
        let from_json = Config::of(&json!({"ratio": 0.5, "batch_size": 20})).unwrap();
        assert_eq!(from_struct.digest(), from_json.digest());
        assert_eq!(
            from_struct.to_json(),
            json!({"batch_size": 20, "ratio": 0.5})
        );
    }

    #[test]
    fn any_changed_value_changes_the_digest() {
        let of = |batch_size, ratio| Config::of(&Loader { batch_size, ratio }).unwrap().digest();
        assert_ne!(of(20, 0.5), of(16, 0.5));
        assert_ne!(of(20, 0.5), of(20, 0.25));
    }

    #[test]
    fn nan_is_refused_by_path() {
        let error = Config::of(&HashMap::from([(
            "loader",
            Loader {
                batch_size: 1,
                ratio: f32::NAN,
            },
        )]))
        .unwrap_err();
        assert_eq!(
            error,
            ConfigError::NotANumber {
                path: "loader.ratio".into()
            }
        );
    }

    #[test]
    fn infinities_are_parameters() {
        let up = Config::of(&f64::INFINITY).unwrap();
        assert_ne!(
            up.digest(),
            Config::of(&f64::NEG_INFINITY).unwrap().digest()
        );
        assert_eq!(up.to_json(), json!("inf"));
    }
}
