//! Tables as CSV, JSON or Parquet, written row by row.

#[cfg(feature = "parquet")]
mod parquet_file;

use std::io::Write;
use std::path::Path;

use crate::error::Error;

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Texts.
    Text,
    /// Whole numbers.
    Integer,
    /// Numbers, perhaps NaN or infinite.
    Number,
    /// Unix milliseconds: numbers in JSON and CSV, timestamps in Parquet.
    Time,
}

/// A cell; its kind is its column's.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A text.
    Text(String),
    /// A whole number or a time.
    Integer(i64),
    /// A number.
    Number(f64),
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<&str> for Cell {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

/// A column: its name, and what its cells are.
pub type Column = (String, Kind);

/// The formats of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma separated values with a header, RFC 4180; nothing is an empty cell, numbers that are
    /// not finite are `NaN`, `inf` and `-inf`.
    Csv,
    /// One array of objects; numbers that are not finite are the texts `NaN`, `Infinity` and
    /// `-Infinity`.
    Json,
    /// Apache Parquet, compressed with zstd; needs the feature `parquet`.
    Parquet,
}

impl Format {
    /// The format of a file by the end of its name.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "parquet" | "pq" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Takes the rows of a table.
pub trait Rows {
    /// Takes a row: a cell for each column.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    fn row(&mut self, cells: Vec<Cell>) -> Result<(), Error>;

    /// Ends the table.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// Begins a table of these columns.
///
/// # Errors
/// [`Error::File`] when it cannot be written, [`Error::Invalid`] for Parquet without the feature.
pub fn begin<'a>(
    format: Format,
    columns: Vec<Column>,
    out: impl Write + Send + 'a,
) -> Result<Box<dyn Rows + 'a>, Error> {
    Ok(match format {
        Format::Csv => Box::new(CsvRows::begin(&columns, out)?),
        Format::Json => Box::new(JsonRows {
            columns,
            out,
            begun: false,
        }),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(parquet_file::ParquetRows::begin(columns, out)?),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err(super::without_parquet("a table as Parquet")),
    })
}

fn unwritten(cause: impl Into<std::io::Error>) -> Error {
    Error::file("the table")(cause.into())
}

struct CsvRows<W: Write>(csv::Writer<W>);

impl<W: Write> CsvRows<W> {
    fn begin(columns: &[Column], out: W) -> Result<Self, Error> {
        let mut writer = csv::Writer::from_writer(out);
        writer
            .write_record(columns.iter().map(|(name, _)| name))
            .map_err(unwritten)?;
        Ok(Self(writer))
    }
}

impl<W: Write> Rows for CsvRows<W> {
    fn row(&mut self, cells: Vec<Cell>) -> Result<(), Error> {
        let texts = cells.into_iter().map(|cell| match cell {
            Cell::Null => String::new(),
            Cell::Text(text) => text,
            Cell::Integer(value) => value.to_string(),
            Cell::Number(value) => value.to_string(),
        });
        self.0.write_record(texts).map_err(unwritten)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.0.flush().map_err(unwritten)
    }
}

struct JsonRows<W> {
    columns: Vec<Column>,
    out: W,
    begun: bool,
}

impl<W: Write> Rows for JsonRows<W> {
    fn row(&mut self, cells: Vec<Cell>) -> Result<(), Error> {
        let row: serde_json::Map<String, serde_json::Value> = self
            .columns
            .iter()
            .map(|(name, _)| name.clone())
            .zip(cells.into_iter().map(json))
            .collect();
        let text = serde_json::to_string(&row).map_err(unwritten)?;
        let before = if self.begun { ",\n" } else { "[\n" };
        self.begun = true;
        write!(self.out, "{before}{text}").map_err(unwritten)
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        let end = if self.begun { "\n]" } else { "[]" };
        writeln!(self.out, "{end}").map_err(unwritten)?;
        self.out.flush().map_err(unwritten)
    }
}

fn json(cell: Cell) -> serde_json::Value {
    match cell {
        Cell::Null => serde_json::Value::Null,
        Cell::Text(text) => text.into(),
        Cell::Integer(value) => value.into(),
        Cell::Number(value) if value.is_finite() => value.into(),
        Cell::Number(value) if value.is_nan() => "NaN".into(),
        Cell::Number(value) if value > 0.0 => "Infinity".into(),
        Cell::Number(_) => "-Infinity".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> Vec<u8> {
        let columns = vec![
            ("run, id".to_owned(), Kind::Text),
            ("value".to_owned(), Kind::Number),
            ("step".to_owned(), Kind::Integer),
        ];
        let mut out = Vec::new();
        let mut rows = begin(format, columns, &mut out).unwrap();
        rows.row(vec!["a \"b\"\n".into(), 0.1.into(), 1_i64.into()])
            .unwrap();
        rows.row(vec![Cell::Null, f64::NAN.into(), (-2_i64).into()])
            .unwrap();
        rows.row(vec!["é".into(), f64::NEG_INFINITY.into(), Cell::Null])
            .unwrap();
        rows.finish().unwrap();
        out
    }

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        assert_eq!(
            String::from_utf8(written(Format::Csv)).unwrap(),
            "\"run, id\",value,step\n\"a \"\"b\"\"\n\",0.1,1\n,NaN,-2\né,-inf,\n"
        );
    }

    #[test]
    fn json_is_one_array() {
        let told: serde_json::Value = serde_json::from_slice(&written(Format::Json)).unwrap();
        assert_eq!(
            told,
            serde_json::json!([
                { "run, id": "a \"b\"\n", "value": 0.1, "step": 1 },
                { "run, id": null, "value": "NaN", "step": -2 },
                { "run, id": "é", "value": "-Infinity", "step": null },
            ])
        );
        let mut out = Vec::new();
        begin(Format::Json, vec![], &mut out)
            .unwrap()
            .finish()
            .unwrap();
        assert_eq!(out, b"[]\n");
    }

    #[test]
    #[cfg(feature = "parquet")]
    fn parquet_is_read_as_it_was_written() {
        use parquet::file::reader::{FileReader, SerializedFileReader};
        use parquet::record::Field;

        let reader = SerializedFileReader::new(file_of(&written(Format::Parquet))).unwrap();
        let rows: Vec<Vec<(String, Field)>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().into_columns())
            .collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(
            rows[0][0],
            ("run, id".into(), Field::Str("a \"b\"\n".into()))
        );
        assert_eq!(rows[0][1].1, Field::Double(0.1));
        assert_eq!(rows[1][0].1, Field::Null);
        assert!(matches!(rows[1][1].1, Field::Double(value) if value.is_nan()));
        assert_eq!(rows[2][2].1, Field::Null);
    }

    /// The reader takes a file, or a type that this crate does not depend on.
    #[cfg(feature = "parquet")]
    fn file_of(content: &[u8]) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }
}
