//! Values to and from the server.

use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::error::Error;
use crate::sql::cell::Cell;

/// An argument, sent as the type the server expects.
#[derive(Debug)]
pub(super) struct Arg<'a>(pub(super) &'a Cell);

impl ToSql for Arg<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self.0, kind) {
            (Cell::Null, _) => Ok(IsNull::Yes),
            (Cell::Int(value), &Type::INT8) => value.to_sql(kind, out),
            (Cell::Int(value), &Type::INT4) => i32::try_from(*value)?.to_sql(kind, out),
            (Cell::Int(value), &Type::FLOAT8) => (*value as f64).to_sql(kind, out),
            (Cell::Real(value), &Type::FLOAT8) => value.to_sql(kind, out),
            (Cell::Text(value), &Type::TEXT | &Type::VARCHAR) => value.to_sql(kind, out),
            (Cell::Blob(value), &Type::BYTEA) => value.to_sql(kind, out),
            (cell, kind) => Err(format!("{cell:?} does not fit the type {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value of a row.
pub(super) fn cell(row: &postgres::Row, at: usize) -> Result<Cell, Error> {
    let kind = row.columns()[at].type_();
    let cell = match *kind {
        Type::INT8 => row.try_get::<_, Option<i64>>(at).map(Cell::from),
        Type::INT4 => row
            .try_get::<_, Option<i32>>(at)
            .map(|value| value.map(i64::from).into()),
        Type::FLOAT8 => row.try_get::<_, Option<f64>>(at).map(Cell::from),
        Type::TEXT | Type::VARCHAR => row.try_get::<_, Option<String>>(at).map(Cell::from),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at).map(Cell::from),
        _ => {
            return Err(Error::database(format!(
                "a column has the unknown type {kind}"
            )));
        }
    };
    cell.map_err(Error::database)
}
