//! Requests as MLflow's clients write them: protobuf's JSON with its liberties, or a query.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::failure::Failure;

/// A request's fields. Absent fields, `null`s and empty strings of required fields are alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(Map<String, Value>);

impl Message {
    /// Reads a body. An empty one is an empty message; a JSON string is read a second time, as
    /// old clients wrote; the bare words `NaN` and `Infinity` count as numbers.
    pub(crate) fn from_body(body: &[u8]) -> Result<Self, Failure> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let value = serde_json::from_slice(body)
            .or_else(|error| {
                serde_json::from_slice(&quote_bare_numbers(body))
                    .map_err(|_error: serde_json::Error| error)
            })
            .map_err(|error| {
                Failure::bad_request(format!("the request's body is not JSON: {error}"))
            })?;
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            Value::String(inner) => match serde_json::from_str(&inner) {
                Ok(Value::Object(fields)) => Ok(Self(fields)),
                _ => Err(Failure::bad_request(
                    "the request's body is a JSON string that holds no JSON object",
                )),
            },
            other => Err(Failure::bad_request(format!(
                "the request's body is {}, expected a JSON object",
                kind_of(&other)
            ))),
        }
    }

    /// Reads a query string: a key given several times is a list.
    pub(crate) fn from_query(query: &str) -> Result<Self, Failure> {
        let mut fields = Map::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (decode(key)?, decode(value)?);
            match fields.get_mut(&key) {
                None => drop(fields.insert(key, Value::String(value))),
                Some(Value::Array(list)) => list.push(Value::String(value)),
                Some(single) => *single = Value::Array(vec![single.take(), Value::String(value)]),
            }
        }
        Ok(Self(fields))
    }

    /// Sets a field that the address named.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0
            .insert(name.to_owned(), Value::String(value.to_owned()));
        self
    }

    /// The fields, to be read.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields {
            map: &self.0,
            path: String::new(),
        }
    }
}

fn decode(text: &str) -> Result<String, Failure> {
    let spaced = text.replace('+', " ");
    percent_decode(spaced.as_bytes())
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_error: std::str::Utf8Error| Failure::bad_request("the query is not UTF-8"))
}

/// Puts quotes round the words `NaN`, `Infinity` and `-Infinity` outside strings.
fn quote_bare_numbers(body: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(body.len() + 16);
    let (mut at, mut in_string) = (0, false);
    while at < body.len() {
        let rest = &body[at..];
        if in_string {
            let width = if rest[0] == b'\\' && rest.len() > 1 {
                2
            } else {
                1
            };
            in_string = rest[0] != b'"';
            quoted.extend_from_slice(&rest[..width]);
            at += width;
            continue;
        }
        if let Some(word) = [&b"NaN"[..], b"Infinity", b"-Infinity"]
            .into_iter()
            .find(|word| rest.starts_with(word))
        {
            quoted.push(b'"');
            quoted.extend_from_slice(word);
            quoted.push(b'"');
            at += word.len();
            continue;
        }
        in_string = rest[0] == b'"';
        quoted.push(rest[0]);
        at += 1;
    }
    quoted
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The fields of a message or of a message within it; each is found by its snake-case name or
/// protobuf's camel-case alias.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    fn name(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }

    fn get(&self, field: &str) -> Result<Option<&'a Value>, Failure> {
        let plain = self.map.get(field);
        let alias = if field.contains('_') {
            self.map.get(&camel(field))
        } else {
            None
        };
        if plain.is_some() && alias.is_some() {
            return Err(Failure::invalid(format!(
                "`{}` is given twice, also as `{}`",
                self.name(field),
                camel(field)
            )));
        }
        Ok(plain.or(alias).filter(|value| !value.is_null()))
    }

    fn mistyped(&self, field: &str, value: &Value) -> Failure {
        let mut shown = value.to_string();
        if let Some((end, _)) = shown.char_indices().nth(200) {
            shown.truncate(end);
            shown.push('…');
        }
        Failure::invalid(format!(
            "Invalid value {shown} for parameter '{}' supplied.",
            self.name(field)
        ))
    }

    fn missing(&self, field: &str) -> Failure {
        Failure::invalid(format!(
            "Missing value for required parameter '{}'.",
            self.name(field)
        ))
    }

    /// Whether a field is given at all.
    pub(crate) fn given(&self, field: &str) -> bool {
        self.map.get(field).is_some_and(|value| !value.is_null())
    }

    /// A text, if given.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&'a str>, Failure> {
        match self.get(field)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.mistyped(field, other)),
        }
    }

    /// A text that must be given and not be empty.
    pub(crate) fn required_text(&self, field: &str) -> Result<&'a str, Failure> {
        self.text(field)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.missing(field))
    }

    /// A whole number, as number or decimal text.
    pub(crate) fn int(&self, field: &str) -> Result<Option<i64>, Failure> {
        let Some(value) = self.get(field)? else {
            return Ok(None);
        };
        let read = match value {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        read.map(Some).ok_or_else(|| self.mistyped(field, value))
    }

    /// A whole number that must be given.
    pub(crate) fn required_int(&self, field: &str) -> Result<i64, Failure> {
        self.int(field)?.ok_or_else(|| self.missing(field))
    }

    /// A number; NaN and the infinities are words.
    pub(crate) fn required_double(&self, field: &str) -> Result<f64, Failure> {
        let value = self.get(field)?.ok_or_else(|| self.missing(field))?;
        let read = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        read.ok_or_else(|| self.mistyped(field, value))
    }

    /// A truth value, `false` if absent.
    pub(crate) fn flag(&self, field: &str) -> Result<bool, Failure> {
        match self.get(field)? {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => Err(self.mistyped(field, other)),
        }
    }

    /// A member of an enumeration by name or number; `names[n]` is the name of number `n`.
    pub(crate) fn choice(
        &self,
        field: &str,
        names: &[&'static str],
    ) -> Result<Option<&'static str>, Failure> {
        let Some(value) = self.get(field)? else {
            return Ok(None);
        };
        let found = match value {
            Value::String(text) => names
                .iter()
                .find(|name| *name == text)
                .or_else(|| names.get(text.parse::<usize>().ok()?)),
            Value::Number(number) => number
                .as_u64()
                .and_then(|number| names.get(usize::try_from(number).ok()?)),
            _ => None,
        };
        match found {
            Some(name) if !name.is_empty() => Ok(Some(name)),
            _ => Err(self.mistyped(field, value)),
        }
    }

    fn list(&self, field: &str) -> Result<&'a [Value], Failure> {
        match self.get(field)? {
            None => Ok(&[]),
            Some(Value::Array(list)) => Ok(list),
            // A query's key that came once.
            Some(single @ Value::String(_)) => Ok(std::slice::from_ref(single)),
            Some(other) => Err(self.mistyped(field, other)),
        }
    }

    /// A list of texts, empty if absent.
    pub(crate) fn texts(&self, field: &str) -> Result<Vec<&'a str>, Failure> {
        let list = self.list(field)?;
        list.iter()
            .map(|item| item.as_str().ok_or_else(|| self.mistyped(field, item)))
            .collect()
    }

    /// A list of messages, empty if absent.
    pub(crate) fn messages(&self, field: &str) -> Result<Vec<Fields<'a>>, Failure> {
        let list = self.list(field)?;
        list.iter()
            .enumerate()
            .map(|(index, item)| match item {
                Value::Object(map) => Ok(Fields {
                    map,
                    path: format!("{}[{index}]", self.name(field)),
                }),
                other => Err(self.mistyped(field, other)),
            })
            .collect()
    }

    /// A message within the message.
    pub(crate) fn required_message(&self, field: &str) -> Result<Fields<'a>, Failure> {
        match self.get(field)? {
            Some(Value::Object(map)) => Ok(Fields {
                map,
                path: self.name(field),
            }),
            Some(other) => Err(self.mistyped(field, other)),
            None => Err(self.missing(field)),
        }
    }

    /// A list of `{key, value}`, values empty if absent.
    pub(crate) fn pairs(&self, field: &str) -> Result<Vec<(&'a str, &'a str)>, Failure> {
        self.messages(field)?
            .iter()
            .map(|pair| {
                Ok((
                    pair.required_text("key")?,
                    pair.text("value")?.unwrap_or_default(),
                ))
            })
            .collect()
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9.0e15).then_some(number as i64)
}

fn camel(field: &str) -> String {
    let mut upper = false;
    let mut alias = String::with_capacity(field.len());
    for c in field.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            alias.push(c.to_ascii_uppercase());
            upper = false;
        } else {
            alias.push(c);
        }
    }
    alias
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Message {
        Message::from_body(body.as_bytes()).unwrap()
    }

    #[test]
    fn whole_numbers_come_as_numbers_or_texts() {
        let message =
            read(r#"{"a": 5, "b": "-7", "c": 3.0, "d": 1.5, "bigNumber": "9223372036854775807"}"#);
        let fields = message.fields();
        assert_eq!(fields.int("a").unwrap(), Some(5));
        assert_eq!(fields.int("b").unwrap(), Some(-7));
        assert_eq!(fields.int("c").unwrap(), Some(3));
        assert_eq!(fields.int("big_number").unwrap(), Some(i64::MAX));
        assert_eq!(fields.int("absent").unwrap(), None);
        let refused = fields.int("d").unwrap_err();
        assert_eq!(
            refused.message,
            "Invalid value 1.5 for parameter 'd' supplied."
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_words_with_or_without_quotes() {
        let message = read(r#"{"a": NaN, "b": "-Infinity", "c": -Infinity, "d": "a \"NaN, NaN"}"#);
        let fields = message.fields();
        assert!(fields.required_double("a").unwrap().is_nan());
        assert_eq!(fields.required_double("b").unwrap(), f64::NEG_INFINITY);
        assert_eq!(fields.required_double("c").unwrap(), f64::NEG_INFINITY);
        assert_eq!(fields.text("d").unwrap(), Some("a \"NaN, NaN"));
    }

    #[test]
    fn what_is_missing_or_double_is_named() {
        let message =
            read(r#"{"run_id": "a", "runId": "b", "key": "", "metrics": [{"key": "x"}]}"#);
        let fields = message.fields();
        assert!(
            fields
                .text("run_id")
                .unwrap_err()
                .message
                .contains("given twice")
        );
        assert_eq!(
            fields.required_text("key").unwrap_err().message,
            "Missing value for required parameter 'key'."
        );
        let metric = &fields.messages("metrics").unwrap()[0];
        let missing = metric.required_double("value").unwrap_err().message;
        assert_eq!(
            missing,
            "Missing value for required parameter 'metrics[0].value'."
        );
    }

    #[test]
    fn a_query_repeats_keys_for_lists() {
        let message =
            Message::from_query("run_ids=a&run_ids=b+c&metric_key=l%C3%B6ss%2Fx&max=3&on=true&v=2")
                .unwrap();
        let fields = message.fields();
        assert_eq!(fields.texts("run_ids").unwrap(), ["a", "b c"]);
        assert_eq!(fields.texts("metric_key").unwrap(), ["löss/x"]);
        assert_eq!(fields.int("max").unwrap(), Some(3));
        assert!(fields.flag("on").unwrap());
        assert_eq!(
            fields
                .choice("v", &["", "ACTIVE_ONLY", "DELETED_ONLY"])
                .unwrap(),
            Some("DELETED_ONLY")
        );
        assert!(Message::from_query("a=%FF").is_err());
    }

    #[test]
    fn bodies_of_old_clients_and_broken_ones() {
        assert_eq!(
            read(r#""{\"name\": \"x\"}""#)
                .fields()
                .text("name")
                .unwrap(),
            Some("x")
        );
        assert_eq!(read(" ").fields().text("name").unwrap(), None);
        for broken in ["{", "[1]", "\"x\"", "{\"a\": Nan}", "\u{0}"] {
            assert_eq!(
                Message::from_body(broken.as_bytes()).unwrap_err().status,
                400,
                "{broken}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            drop(Message::from_body(&body));
        }
    }
}
