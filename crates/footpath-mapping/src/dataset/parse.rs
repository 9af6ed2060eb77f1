//! Parses records one by one and says what is wrong with those that resist.

use std::path::Path;

use rayon::prelude::*;
use serde::Deserialize;

use super::json_records::Batch;
use crate::problem::{Problem, ProblemKind, Record};

/// Parses a batch in parallel; the order stays.
pub(crate) fn parse<T: for<'de> Deserialize<'de> + Send>(
    path: &Path,
    batch: &Batch,
    record: impl Fn(usize, Option<u64>) -> Record + Sync,
    out: &mut Vec<(usize, T)>,
    problems: &mut Vec<Problem>,
) {
    let parsed: Vec<Result<T, Problem>> = (0..batch.len())
        .into_par_iter()
        .with_min_len(64)
        .map(|i| {
            let text = batch.text(i);
            serde_json::from_slice(text).map_err(|error| Problem {
                file: path.to_owned(),
                record: record(batch.first_index + i, id_within(text)),
                kind: explain(text, &error),
            })
        })
        .collect();
    for (i, parsed) in parsed.into_iter().enumerate() {
        match parsed {
            Ok(value) => out.push((batch.first_index + i, value)),
            Err(problem) => problems.push(problem),
        }
    }
}

/// Why a record cannot be parsed; numbers that JSON does not know are named.
fn explain(text: &[u8], error: &serde_json::Error) -> ProblemKind {
    if let Some(literal) = non_finite_literal(text) {
        return ProblemKind::NotFinite {
            literal: literal.to_owned(),
        };
    }
    // The line and column would be those of the record, not of the file.
    let detail = error.to_string();
    let detail = detail
        .split(" at line ")
        .next()
        .unwrap_or(&detail)
        .to_owned();
    ProblemKind::Malformed { detail }
}

const NON_FINITE: [&str; 3] = ["NaN", "-Infinity", "Infinity"];

/// The first `NaN` or `Infinity` outside strings: Python's `json` writes them.
fn non_finite_literal(text: &[u8]) -> Option<&'static str> {
    find_non_finite(text).map(|(literal, _)| literal)
}

/// The first literal that JSON does not know, and where it starts.
fn find_non_finite(text: &[u8]) -> Option<(&'static str, usize)> {
    let (mut quoted, mut i) = (false, 0);
    while i < text.len() {
        match text[i] {
            b'\\' if quoted => i += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            _ => {
                if let Some(literal) = NON_FINITE
                    .iter()
                    .find(|l| text[i..].starts_with(l.as_bytes()))
                {
                    return Some((literal, i));
                }
            }
        }
        i += 1;
    }
    None
}

/// The `id` of a record that could not be parsed otherwise.
fn id_within(text: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Id {
        id: u64,
    }
    let mut text = text.to_vec();
    while let Some((literal, at)) = find_non_finite(&text) {
        text.splice(at..at + literal.len(), *b"0");
    }
    serde_json::from_slice(&text).ok().map(|Id { id }| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_does_not_know_are_found_outside_strings() {
        assert_eq!(
            non_finite_literal(br#"{"a": "NaN \" NaN", "b": [1, -Infinity]}"#),
            Some("-Infinity")
        );
        assert_eq!(non_finite_literal(br#"{"a": "NaN"}"#), None);
    }

    #[test]
    fn the_id_of_a_bad_record_is_still_told() {
        assert_eq!(
            id_within(br#"{"segmentation": [[NaN, Infinity]], "id": 17}"#),
            Some(17)
        );
        assert_eq!(id_within(b"[1"), None);
    }
}
