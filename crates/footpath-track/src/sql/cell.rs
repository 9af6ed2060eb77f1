//! Values between Rust and a database.

use crate::error::Error;
use crate::model::Point;

/// A value in a row or of a statement's argument.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Int(value as i64)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Cell {
    /// SQLite has no NaN: a NaN is stored as null, in both stores.
    fn from(value: f64) -> Self {
        if value.is_nan() {
            Self::Null
        } else {
            Self::Real(value)
        }
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Cell {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Cell {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Vec<u8>> for Cell {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Arguments of a statement.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::cell::Cell::from($value)),*] };
}
pub(crate) use args;

/// A row, read column by column from the left.
pub(crate) struct Row(std::vec::IntoIter<Cell>);

impl Row {
    pub(crate) fn new(cells: Vec<Cell>) -> Self {
        Self(cells.into_iter())
    }

    /// The next value as it is.
    pub(crate) fn cell(&mut self) -> Result<Cell, Error> {
        self.0
            .next()
            .ok_or_else(|| Error::database("a row has fewer columns than were asked for"))
    }

    /// The next value as a number or null.
    pub(crate) fn maybe_int(&mut self) -> Result<Option<i64>, Error> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Int(value) => Ok(Some(value)),
            other => Err(unexpected("a whole number", &other)),
        }
    }

    /// The next value as a whole number.
    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        self.maybe_int()?
            .ok_or_else(|| unexpected("a whole number", &Cell::Null))
    }

    /// The next value as a count.
    pub(crate) fn count(&mut self) -> Result<u64, Error> {
        Ok(self.int()?.max(0) as u64)
    }

    /// The next value as a number; null is NaN.
    pub(crate) fn real(&mut self) -> Result<f64, Error> {
        match self.cell()? {
            Cell::Null => Ok(f64::NAN),
            Cell::Real(value) => Ok(value),
            Cell::Int(value) => Ok(value as f64),
            other => Err(unexpected("a number", &other)),
        }
    }

    /// The next value as a text or null.
    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, Error> {
        match self.cell()? {
            Cell::Null => Ok(None),
            Cell::Text(value) => Ok(Some(value)),
            other => Err(unexpected("a text", &other)),
        }
    }

    /// The next value as a text.
    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.maybe_text()?
            .ok_or_else(|| unexpected("a text", &Cell::Null))
    }

    /// The next value as bytes.
    pub(crate) fn blob(&mut self) -> Result<Vec<u8>, Error> {
        match self.cell()? {
            Cell::Blob(value) => Ok(value),
            other => Err(unexpected("bytes", &other)),
        }
    }

    /// The next three values as a point; `None` if its step is null.
    pub(crate) fn maybe_point(&mut self) -> Result<Option<Point>, Error> {
        let (step, time_ms, value) = (self.maybe_int()?, self.maybe_int()?, self.real()?);
        Ok(step
            .zip(time_ms)
            .map(|(step, time_ms)| Point::new(step, time_ms, value)))
    }

    /// The next three values as a point.
    pub(crate) fn point(&mut self) -> Result<Point, Error> {
        self.maybe_point()?
            .ok_or_else(|| unexpected("a point", &Cell::Null))
    }

    /// The next value, a JSON text, as what it holds.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Error> {
        serde_json::from_str(&self.text()?).map_err(Error::database)
    }
}

/// The JSON text of a value that is kept as one.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::database)
}

fn unexpected(expected: &str, found: &Cell) -> Error {
    Error::database(format!(
        "a column holds {found:?} where {expected} was expected"
    ))
}
