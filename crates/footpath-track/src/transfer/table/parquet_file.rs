//! Tables as Parquet files, one group of rows after the other.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::{Cell, Column, Kind, Rows};
use crate::error::Error;

/// A group is written when it has so many rows.
const GROUP_ROWS: usize = 65_536;

pub(super) struct ParquetRows<W: Write + Send> {
    columns: Vec<Column>,
    writer: SerializedFileWriter<W>,
    group: Vec<Vec<Cell>>,
}

fn unwritten(error: ParquetError) -> Error {
    Error::file("the table")(std::io::Error::other(error))
}

impl<W: Write + Send> ParquetRows<W> {
    pub(super) fn begin(columns: Vec<Column>, out: W) -> Result<Self, Error> {
        let fields = columns
            .iter()
            .map(|(name, kind)| {
                let (physical, logical) = match kind {
                    Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
                    Kind::Integer => (Physical::INT64, None),
                    Kind::Number => (Physical::DOUBLE, None),
                    Kind::Time => {
                        let unit = parquet::basic::TimeUnit::MILLIS;
                        (Physical::INT64, Some(LogicalType::timestamp(true, unit)))
                    }
                };
                Type::primitive_type_builder(name, physical)
                    .with_repetition(Repetition::OPTIONAL)
                    .with_logical_type(logical)
                    .build()
                    .map(Arc::new)
            })
            .collect::<Result<_, _>>()
            .map_err(unwritten)?;
        let schema = Type::group_type_builder("table")
            .with_fields(fields)
            .build()
            .map_err(unwritten)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))
            .map_err(unwritten)?;
        Ok(Self {
            columns,
            writer,
            group: Vec::new(),
        })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.group);
        let mut group = self.writer.next_row_group()?;
        for (at, (_, kind)) in self.columns.iter().enumerate() {
            let Some(mut column) = group.next_column()? else {
                return Err(ParquetError::General("a column is missing".into()));
            };
            let cells = || rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Null));
            // 1 where a value is, 0 where none is; a cell of another kind than its column's is none.
            let levels = |is: &dyn Fn(&Cell) -> bool| -> Vec<i16> {
                cells().map(|cell| i16::from(is(cell))).collect()
            };
            match kind {
                Kind::Text => {
                    let levels = levels(&|cell| matches!(cell, Cell::Text(_)));
                    let values: Vec<ByteArray> = cells()
                        .filter_map(|cell| match cell {
                            Cell::Text(text) => Some(text.as_str().into()),
                            _ => None,
                        })
                        .collect();
                    column
                        .typed::<ByteArrayType>()
                        .write_batch(&values, Some(&levels), None)?;
                }
                Kind::Integer | Kind::Time => {
                    let levels = levels(&|cell| matches!(cell, Cell::Integer(_)));
                    let values: Vec<i64> = cells()
                        .filter_map(|cell| match cell {
                            Cell::Integer(value) => Some(*value),
                            _ => None,
                        })
                        .collect();
                    column
                        .typed::<Int64Type>()
                        .write_batch(&values, Some(&levels), None)?;
                }
                Kind::Number => {
                    let levels = levels(&|cell| matches!(cell, Cell::Number(_)));
                    let values: Vec<f64> = cells()
                        .filter_map(|cell| match cell {
                            Cell::Number(value) => Some(*value),
                            _ => None,
                        })
                        .collect();
                    column
                        .typed::<DoubleType>()
                        .write_batch(&values, Some(&levels), None)?;
                }
            }
            column.close()?;
        }
        group.close()?;
        Ok(())
    }
}

impl<W: Write + Send> Rows for ParquetRows<W> {
    fn row(&mut self, cells: Vec<Cell>) -> Result<(), Error> {
        self.group.push(cells);
        if self.group.len() == GROUP_ROWS {
            self.write_group().map_err(unwritten)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.write_group().map_err(unwritten)?;
        self.writer.close().map_err(unwritten)?;
        Ok(())
    }
}
