//! Pages and their tokens.

use super::cell::Cell;
use crate::error::Error;
use crate::model::Lifecycle;
use crate::search::{Fields, Page, Query, compare, matches};

/// A page of a small table, given in its own order: searched in memory.
pub(super) fn small_page<T: Fields>(
    mut items: Vec<T>,
    query: &Query,
    identity: impl Fn(&T) -> (String, Lifecycle),
) -> Result<Page<T>, Error> {
    items.sort_by(|left, right| compare(&query.order, left, right));
    // The token names the last item, which is found again among all, deleted ones too.
    let stamp = stamp(&(&query.filter, query.view, &query.order));
    if let Some(token) = &query.page_token {
        let last = token
            .strip_prefix(&format!("{stamp}."))
            .ok_or(Error::PageToken)?;
        let at = items
            .iter()
            .position(|item| identity(item).0 == last)
            .ok_or(Error::PageToken)?;
        items.drain(..=at);
    }
    let limit = query.limit.max(1);
    let mut found: Vec<T> = items
        .into_iter()
        .filter(|item| query.view.shows(identity(item).1) && matches(&query.filter, item))
        .take(limit.saturating_add(1))
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found
        .last()
        .filter(|_| more)
        .map(|item| format!("{stamp}.{}", identity(item).0));
    Ok(Page { items: found, next })
}

/// A few characters that tell one query from another.
pub(super) fn stamp(query: &impl std::fmt::Debug) -> String {
    blake3::hash(format!("{query:?}").as_bytes()).to_hex()[..12].to_owned()
}

/// The token of a page that ends with these values.
pub(super) fn token(stamp: &str, cells: &[Cell]) -> Result<String, Error> {
    let mut bytes = Vec::new();
    ciborium::into_writer(cells, &mut bytes).map_err(Error::database)?;
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    let hex = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    Ok(stamp.chars().chain(['.']).chain(hex).collect())
}

/// The values in a token of this query: as many as it must have.
pub(super) fn cells(stamp: &str, token: &str, count: usize) -> Result<Vec<Cell>, Error> {
    let hex = token
        .strip_prefix(stamp)
        .and_then(|rest| rest.strip_prefix('.'))
        .ok_or(Error::PageToken)?;
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some((digit(*high)? * 16 + digit(*low)?) as u8))
        .collect();
    let cells: Option<Vec<Cell>> = bytes
        .filter(|_| rest.is_empty())
        .and_then(|bytes| ciborium::from_reader(&bytes[..]).ok());
    cells
        .filter(|cells| cells.len() == count)
        .ok_or(Error::PageToken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_of_its_query_alone() {
        let row = vec![
            Cell::Null,
            Cell::Int(-1),
            Cell::Real(0.5),
            Cell::Text("é".into()),
        ];
        let token = token("abc", &row).unwrap();
        assert_eq!(cells("abc", &token, 4).unwrap(), row);
        assert!(matches!(cells("abd", &token, 4), Err(Error::PageToken)));
        assert!(matches!(cells("abc", &token, 3), Err(Error::PageToken)));
    }

    proptest! {
        #[test]
        fn made_up_tokens_do_not_panic(token in "(a\\.)?[0-9a-fg]{0,40}|\\PC*") {
            let _ = cells("a", &token, 1);
        }
    }
}
