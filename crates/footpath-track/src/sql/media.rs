//! Text and image series, and the steps of pipelines.

use std::collections::BTreeSet;

use super::cell::{Row, args, json};
use super::engine::Sql;
use super::{artifacts, page, placeholders, runs};
use crate::error::Error;
use crate::model::{
    DatasetSummary, Digest, ExperimentId, ImageRecord, MediaKind, MediaSeries, RunId, StepRecord,
    TextRecord,
};
use crate::search::Page;
use crate::store::MediaPage;

const TEXT: i64 = 0;
const IMAGE: i64 = 1;

/// Adds texts and pictures. If the program `repeats` what it told, those that their series have of
/// the step are passed over.
pub(super) fn add(
    sql: &mut dyn Sql,
    run: i64,
    texts: &[TextRecord],
    images: &[ImageRecord],
    repeats: bool,
) -> Result<(), Error> {
    let (mut fresh_texts, mut fresh_images) = (Vec::new(), Vec::new());
    for text in texts {
        let same = |told: &TextRecord| told.text == text.text;
        if !repeats || !told(sql, TEXT, run, &text.key, text.step, same)? {
            fresh_texts.push(text);
        }
    }
    for image in images {
        let same = |told: &ImageRecord| match image.sample.as_str() {
            "" => told.layers == image.layers,
            sample => told.sample == sample,
        };
        if !repeats || !told(sql, IMAGE, run, &image.key, image.step, same)? {
            fresh_images.push(image);
        }
    }
    insert(sql, run, &fresh_texts, &fresh_images)
}

/// Whether a series has such a record of a step.
fn told<T: serde::de::DeserializeOwned>(
    sql: &mut dyn Sql,
    kind: i64,
    run: i64,
    key: &str,
    step: i64,
    same: impl Fn(&T) -> bool,
) -> Result<bool, Error> {
    let rows = sql.query(
        "SELECT body FROM media WHERE run = ?1 AND kind = ?2 AND name = ?3 AND step = ?4",
        args![run, kind, key, step],
    )?;
    for mut row in rows {
        if same(&row.json()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn insert(
    sql: &mut dyn Sql,
    run: i64,
    texts: &[&TextRecord],
    images: &[&ImageRecord],
) -> Result<(), Error> {
    let mut insert = |kind: i64, key: &str, step: i64, time_ms: i64, body: String| {
        sql.execute(
            "INSERT INTO media (run, kind, name, step, time_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            args![run, kind, key, step, time_ms, body],
        )
    };
    for text in texts {
        insert(TEXT, &text.key, text.step, text.time_ms, json(text)?)?;
    }
    for image in images {
        insert(IMAGE, &image.key, image.step, image.time_ms, json(image)?)?;
    }
    let digests: BTreeSet<Digest> = images
        .iter()
        .flat_map(|image| image.layers.iter().map(|layer| layer.digest))
        .collect();
    for digest in digests {
        let added = sql.execute(
            "INSERT INTO media_blobs (run, digest) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            args![run, digest.to_string()],
        )?;
        if added == 1 {
            artifacts::refer(sql, digest)?;
        }
    }
    Ok(())
}

pub(super) fn series(sql: &mut dyn Sql, run: &RunId) -> Result<Vec<MediaSeries>, Error> {
    let run = runs::find(sql, run)?.id;
    sql.query("SELECT name, kind, count(*), min(step), max(step) FROM media WHERE run = ?1 GROUP BY name, kind ORDER BY name, kind", args![run])?
        .into_iter()
        .map(|mut row| {
            Ok(MediaSeries {
                key: row.text()?,
                kind: if row.int()? == TEXT { MediaKind::Text } else { MediaKind::Image },
                count: row.count()?,
                first_step: row.int()?,
                last_step: row.int()?,
            })
        })
        .collect()
}

pub(super) fn texts(
    sql: &mut dyn Sql,
    run: &RunId,
    key: &str,
    wanted: &MediaPage,
) -> Result<Page<TextRecord>, Error> {
    records(sql, TEXT, run, key, wanted)
}

pub(super) fn images(
    sql: &mut dyn Sql,
    run: &RunId,
    key: &str,
    wanted: &MediaPage,
) -> Result<Page<ImageRecord>, Error> {
    records(sql, IMAGE, run, key, wanted)
}

fn records<T: serde::de::DeserializeOwned>(
    sql: &mut dyn Sql,
    kind: i64,
    run: &RunId,
    key: &str,
    wanted: &MediaPage,
) -> Result<Page<T>, Error> {
    let stamp = page::stamp(&(kind, run, key, wanted.from_step, wanted.to_step));
    let run = runs::find(sql, run)?.id;
    let mut args = args![
        run,
        kind,
        key,
        wanted.from_step,
        wanted.to_step,
        wanted.limit.max(1).saturating_add(1)
    ]
    .to_vec();
    let mut behind = "";
    if let Some(token) = &wanted.page_token {
        args.extend(page::cells(&stamp, token, 3)?);
        behind = "AND (step > ?7 OR step = ?7 AND (time_ms > ?8 OR time_ms = ?8 AND id > ?9))";
    }
    let mut rows = sql.query(
        &format!(
            "SELECT step, time_ms, id, body FROM media WHERE run = ?1 AND kind = ?2 AND name = ?3 AND step >= ?4 AND step <= ?5 {behind}
             ORDER BY step, time_ms, id LIMIT ?6"
        ),
        &args,
    )?;
    let more = rows.len() > wanted.limit.max(1);
    rows.truncate(wanted.limit.max(1));
    let mut items = Vec::with_capacity(rows.len());
    let mut last = Vec::new();
    for mut row in rows {
        last = vec![row.cell()?, row.cell()?, row.cell()?];
        items.push(row.json()?);
    }
    Ok(Page {
        items,
        next: if more {
            Some(page::token(&stamp, &last)?)
        } else {
            None
        },
    })
}

pub(super) fn steps(sql: &mut dyn Sql, run: &RunId) -> Result<Vec<StepRecord>, Error> {
    let run = runs::find(sql, run)?.id;
    sql.query(
        "SELECT body FROM steps WHERE run = ?1 ORDER BY id",
        args![run],
    )?
    .iter_mut()
    .map(Row::json)
    .collect()
}

pub(super) fn datasets(
    sql: &mut dyn Sql,
    experiments: &[ExperimentId],
) -> Result<Vec<DatasetSummary>, Error> {
    let mut found = BTreeSet::new();
    for experiments in experiments.chunks(500) {
        let args: Vec<_> = experiments.iter().map(|id| id.0.into()).collect();
        let statement = format!(
            "SELECT DISTINCT d.experiment, d.name, d.digest, i.context FROM datasets d JOIN inputs i ON i.dataset = d.id WHERE d.experiment IN ({})",
            placeholders(1, args.len())
        );
        for mut row in sql.query(&statement, &args)? {
            found.insert(DatasetSummary {
                experiment: ExperimentId(row.int()?),
                name: row.text()?,
                digest: row.text()?,
                context: row.maybe_text()?,
            });
        }
    }
    Ok(found.into_iter().collect())
}
