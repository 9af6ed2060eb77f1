//! Metric series in the database: statistics, the head, chunks.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::cell::{Cell, Row, args};
use super::engine::Sql;
use super::keys;
use super::runs;
use crate::error::Error;
use crate::model::{ExperimentId, Point, RunId, SeriesSummary};
use crate::series::envelope::{Segment, envelope as draw};
use crate::series::{Bucket, PointRange, Zoom, chunk, merge, rollup};

/// The head is sealed when it has so many points.
const SEAL_POINTS: u64 = 2048;
/// A last chunk with fewer points takes the next ones in.
const SMALL_CHUNK: u64 = 1024;

/// The columns of a series' statistics, as [`summary`] reads them.
pub(super) const SUMMARY: &str = "s.points, s.nans, s.first_step, s.first_ms, s.first_value, s.last_step, s.last_ms, s.last_value, \
     s.min_step, s.min_ms, s.min_value, s.max_step, s.max_ms, s.max_value";

pub(super) fn summary(row: &mut Row) -> Result<SeriesSummary, Error> {
    Ok(bucket(row)?.into())
}

fn bucket(row: &mut Row) -> Result<Bucket, Error> {
    Ok(Bucket {
        count: row.count()?,
        nan_count: row.count()?,
        first: row.point()?,
        last: row.point()?,
        min: row.maybe_point()?,
        max: row.maybe_point()?,
    })
}

fn bucket_cells(bucket: &Bucket) -> Vec<Cell> {
    let mut cells = vec![bucket.count.into(), bucket.nan_count.into()];
    for point in [
        Some(bucket.first),
        Some(bucket.last),
        bucket.min,
        bucket.max,
    ] {
        cells.extend(match point {
            Some(point) => [point.step.into(), point.time_ms.into(), point.value.into()],
            None => [Cell::Null, Cell::Null, Cell::Null],
        });
    }
    cells
}

/// Adds points to a series; all NaN are made the same. If the program `repeats` what it told, points
/// at steps that the series has are passed over.
pub(super) fn add(
    sql: &mut dyn Sql,
    experiment: ExperimentId,
    run: i64,
    key: i64,
    mut points: Vec<Point>,
    repeats: bool,
) -> Result<(), Error> {
    for point in &mut points {
        if point.value.is_nan() {
            point.value = f64::NAN;
        }
    }
    merge::sort(&mut points);
    let row = sql.first(
        &format!("SELECT s.head_points, {SUMMARY} FROM series s WHERE s.experiment = ?1 AND s.key = ?2 AND s.run = ?3"),
        args![experiment.0, key, run],
    )?;
    let known = row
        .map(|mut row| Ok::<_, Error>((row.count()?, bucket(&mut row)?)))
        .transpose()?;
    if let (true, Some((_, all)), Some(first)) = (repeats, &known, points.first())
        && first.step <= all.last.step
    {
        let told = steps(sql, run, key, first.step, all.last.step)?;
        points.retain(|point| !told.contains(&point.step));
    }
    let Some(added) = Bucket::of_all(&points) else {
        return Ok(());
    };
    let (head, all) = match known {
        Some((head, all)) => (head, all.merge(added)),
        None => (0, added),
    };
    let mut head_points = head + points.len() as u64;
    let mut cells = vec![experiment.0.into(), key.into(), run.into()];
    cells.extend(bucket_cells(&all));
    let full = head_points >= SEAL_POINTS;
    if full {
        if head > 0 {
            points = merge::merge(take_head(sql, run, key)?, points);
        }
        seal_points(sql, run, key, &points)?;
        head_points = 0;
    } else {
        sql.execute(
            "INSERT INTO heads (run, key, data) VALUES (?1, ?2, ?3)",
            args![run, key, chunk::encode(&points)],
        )?;
    }
    cells.push(head_points.into());
    sql.execute(
        "INSERT INTO series (experiment, key, run, points, nans, first_step, first_ms, first_value, last_step, last_ms, last_value,
            min_step, min_ms, min_value, max_step, max_ms, max_value, head_points)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
         ON CONFLICT (experiment, key, run) DO UPDATE SET points = excluded.points, nans = excluded.nans,
            first_step = excluded.first_step, first_ms = excluded.first_ms, first_value = excluded.first_value,
            last_step = excluded.last_step, last_ms = excluded.last_ms, last_value = excluded.last_value,
            min_step = excluded.min_step, min_ms = excluded.min_ms, min_value = excluded.min_value,
            max_step = excluded.max_step, max_ms = excluded.max_ms, max_value = excluded.max_value,
            head_points = excluded.head_points",
        &cells,
    )?;
    if full {
        count_again(sql, run, key)?;
    }
    Ok(())
}

/// The steps in a range at which a series has points.
fn steps(
    sql: &mut dyn Sql,
    run: i64,
    key: i64,
    from: i64,
    to: i64,
) -> Result<BTreeSet<i64>, Error> {
    let sql = RefCell::new(sql);
    let mut steps = BTreeSet::new();
    for part in parts(&sql, run, key, from, to)? {
        steps.extend(part.points()?.into_iter().map(|point| point.step));
    }
    Ok(steps)
}

/// Once sealed, a series' counts are exact: points sent twice are gone.
fn count_again(sql: &mut dyn Sql, run: i64, key: i64) -> Result<(), Error> {
    sql.execute(
        "UPDATE series SET head_points = 0,
            points = (SELECT CAST(sum(c.points) AS BIGINT) FROM chunks c WHERE c.run = ?1 AND c.key = ?2),
            nans = (SELECT CAST(sum(c.nans) AS BIGINT) FROM chunks c WHERE c.run = ?1 AND c.key = ?2)
         WHERE run = ?1 AND key = ?2",
        args![run, key],
    )?;
    Ok(())
}

/// Seals the heads of all series of a run.
pub(super) fn seal_run(sql: &mut dyn Sql, run: i64) -> Result<(), Error> {
    for mut row in sql.query(
        "SELECT key FROM series WHERE run = ?1 AND head_points > 0 ORDER BY key",
        args![run],
    )? {
        let key = row.int()?;
        let points = take_head(sql, run, key)?;
        seal_points(sql, run, key, &points)?;
        count_again(sql, run, key)?;
    }
    Ok(())
}

fn head(sql: &mut dyn Sql, run: i64, key: i64) -> Result<Vec<Point>, Error> {
    let mut points = Vec::new();
    for mut row in sql.query(
        "SELECT id, data FROM heads WHERE run = ?1 AND key = ?2 ORDER BY id",
        args![run, key],
    )? {
        let id = row.int()?;
        points.extend(chunk::decode(&row.blob()?).map_err(|detail| damaged("head", id, detail))?);
    }
    merge::sort(&mut points);
    Ok(points)
}

fn take_head(sql: &mut dyn Sql, run: i64, key: i64) -> Result<Vec<Point>, Error> {
    let points = head(sql, run, key)?;
    sql.execute(
        "DELETE FROM heads WHERE run = ?1 AND key = ?2",
        args![run, key],
    )?;
    Ok(points)
}

/// Moves sorted points into chunks; late ones into the chunks they fall into.
fn seal_points(sql: &mut dyn Sql, run: i64, key: i64, points: &[Point]) -> Result<(), Error> {
    let Some(first) = points.first() else {
        return Ok(());
    };
    let chunks = stored(sql, run, key, first.step, i64::MAX)?;
    let lasts: Vec<Point> = chunks.iter().map(|chunk| chunk.bucket.last).collect();
    let mut dealt = merge::deal(&lasts, points);
    let mut behind = dealt.pop().unwrap_or_default();
    if let Some(last) = last_chunk(sql, run, key, &chunks)?
        && last.bucket.count < SMALL_CHUNK
        && !behind.is_empty()
    {
        if let Some(into) = dealt.last_mut() {
            into.append(&mut behind);
        } else {
            behind = merge::merge(read(sql, &last)?, behind);
            sql.execute("DELETE FROM chunks WHERE id = ?1", args![last.id])?;
        }
    }
    for (stored, late) in chunks.iter().zip(dealt) {
        if late.is_empty() {
            continue;
        }
        let merged = merge::merge(read(sql, stored)?, late);
        sql.execute("DELETE FROM chunks WHERE id = ?1", args![stored.id])?;
        write(sql, run, key, &merged)?;
    }
    write(sql, run, key, &behind)
}

/// The last chunk of a series, given those from some step on.
fn last_chunk(
    sql: &mut dyn Sql,
    run: i64,
    key: i64,
    chunks: &[Stored],
) -> Result<Option<Stored>, Error> {
    if let Some(last) = chunks.last() {
        return Ok(Some(*last));
    }
    let row = sql.first(
        &format!("SELECT s.id, {SUMMARY} FROM chunks s WHERE run = ?1 AND key = ?2 ORDER BY first_step DESC, first_ms DESC LIMIT 1"),
        args![run, key],
    )?;
    row.map(|mut row| {
        Ok(Stored {
            id: row.int()?,
            bucket: bucket(&mut row)?,
        })
    })
    .transpose()
}

fn write(sql: &mut dyn Sql, run: i64, key: i64, points: &[Point]) -> Result<(), Error> {
    for points in merge::cut(points) {
        let Some(bucket) = Bucket::of_all(points) else {
            continue;
        };
        let mut cells: Vec<Cell> = vec![run.into(), key.into()];
        cells.extend(bucket_cells(&bucket));
        cells.push(rollup::encode(points).into());
        cells.push(chunk::encode(points).into());
        sql.execute(
            "INSERT INTO chunks (run, key, points, nans, first_step, first_ms, first_value, last_step, last_ms, last_value,
                min_step, min_ms, min_value, max_step, max_ms, max_value, rollup, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            &cells,
        )?;
    }
    Ok(())
}

/// A chunk without its points.
#[derive(Clone, Copy)]
struct Stored {
    id: i64,
    bucket: Bucket,
}

/// The chunks of a series that may have points in a range of steps, in order.
fn stored(
    sql: &mut dyn Sql,
    run: i64,
    key: i64,
    from_step: i64,
    to_step: i64,
) -> Result<Vec<Stored>, Error> {
    let mut chunks = sql
        .query(
            &format!("SELECT s.id, {SUMMARY} FROM chunks s WHERE run = ?1 AND key = ?2 AND last_step >= ?3 AND first_step <= ?4"),
            args![run, key, from_step, to_step],
        )?
        .into_iter()
        .map(|mut row| Ok(Stored { id: row.int()?, bucket: bucket(&mut row)? }))
        .collect::<Result<Vec<_>, Error>>()?;
    chunks.sort_by_key(|chunk| chunk.bucket.first);
    Ok(chunks)
}

fn read(sql: &mut dyn Sql, chunk: &Stored) -> Result<Vec<Point>, Error> {
    let row = sql.first("SELECT data FROM chunks WHERE id = ?1", args![chunk.id])?;
    let data = row
        .ok_or_else(|| damaged("chunk", chunk.id, "it is gone"))?
        .blob()?;
    chunk::decode(&data).map_err(|detail| damaged("chunk", chunk.id, detail))
}

fn damaged(kind: &str, id: i64, detail: &str) -> Error {
    Error::Damaged {
        place: format!("{kind} {id} of a metric"),
        detail: detail.to_owned(),
    }
}

/// A part of a series as it is read: a chunk, or points in memory.
enum Part<'a, 'b> {
    Stored(Stored, &'a RefCell<&'b mut dyn Sql>),
    Memory(Bucket, Vec<Point>),
}

impl Segment for Part<'_, '_> {
    fn bucket(&self) -> Bucket {
        match self {
            Self::Stored(chunk, _) => chunk.bucket,
            Self::Memory(bucket, _) => *bucket,
        }
    }

    fn rollup(&self) -> Result<Vec<Bucket>, Error> {
        match self {
            Self::Stored(chunk, sql) => {
                let row = sql
                    .borrow_mut()
                    .first("SELECT rollup FROM chunks WHERE id = ?1", args![chunk.id])?;
                let data = row
                    .ok_or_else(|| damaged("chunk", chunk.id, "it is gone"))?
                    .blob()?;
                rollup::decode(chunk.bucket.count as usize, &data)
                    .map_err(|detail| damaged("roll-up of chunk", chunk.id, detail))
            }
            Self::Memory(_, points) => Ok(points
                .chunks(rollup::BUCKET_POINTS)
                .filter_map(Bucket::of_all)
                .collect()),
        }
    }

    fn points(&self) -> Result<Vec<Point>, Error> {
        match self {
            Self::Stored(chunk, sql) => read(*sql.borrow_mut(), chunk),
            Self::Memory(_, points) => Ok(points.clone()),
        }
    }
}

/// A series' parts in a range of steps, in order, with the head's points among them.
fn parts<'a, 'b>(
    sql: &'a RefCell<&'b mut dyn Sql>,
    run: i64,
    key: i64,
    from: i64,
    to: i64,
) -> Result<Vec<Part<'a, 'b>>, Error> {
    let chunks = stored(*sql.borrow_mut(), run, key, from, to)?;
    let head = head(*sql.borrow_mut(), run, key)?;
    let within: Vec<Point> = head
        .into_iter()
        .filter(|point| (from..=to).contains(&point.step))
        .collect();
    let lasts: Vec<Point> = chunks.iter().map(|chunk| chunk.bucket.last).collect();
    let mut dealt = merge::deal(&lasts, &within);
    let behind = dealt.pop().unwrap_or_default();
    let memory =
        |points: Vec<Point>| Bucket::of_all(&points).map(|bucket| Part::Memory(bucket, points));
    let mut parts = Vec::with_capacity(chunks.len() + 1);
    for (chunk, late) in chunks.into_iter().zip(dealt) {
        if late.is_empty() {
            parts.push(Part::Stored(chunk, sql));
        } else {
            let merged = merge::merge(read(*sql.borrow_mut(), &chunk)?, late);
            parts.extend(memory(merged));
        }
    }
    parts.extend(memory(behind));
    Ok(parts)
}

pub(super) fn points(
    sql: &mut dyn Sql,
    run: &RunId,
    key: &str,
    range: &PointRange,
) -> Result<Vec<Point>, Error> {
    let run = runs::find(sql, run)?.id;
    let Some(key) = keys::find(sql, key)? else {
        return Ok(Vec::new());
    };
    let from = range
        .after
        .map_or(range.from_step, |after| after.step.max(range.from_step));
    let sql = RefCell::new(sql);
    let mut found = Vec::new();
    for part in parts(&sql, run, key, from, range.to_step)? {
        if range.after.is_some_and(|after| part.bucket().last <= after) {
            continue;
        }
        let wanted = |point: &Point| {
            (from..=range.to_step).contains(&point.step)
                && range.after.is_none_or(|after| *point > after)
        };
        let room = range.limit.saturating_sub(found.len());
        found.extend(part.points()?.into_iter().filter(wanted).take(room));
        if found.len() >= range.limit {
            break;
        }
    }
    Ok(found)
}

pub(super) fn envelope(
    sql: &mut dyn Sql,
    run: &RunId,
    key: &str,
    zoom: &Zoom,
) -> Result<Vec<Bucket>, Error> {
    let run = runs::find(sql, run)?.id;
    let Some(key) = keys::find(sql, key)? else {
        return Ok(Vec::new());
    };
    let sql = RefCell::new(sql);
    draw(&parts(&sql, run, key, zoom.from_step, zoom.to_step)?, zoom)
}
