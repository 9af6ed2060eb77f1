//! Runs with what they logged, many at once.

use std::collections::HashMap;
use std::sync::Arc;

use super::cell::{Cell, Row, args};
use super::engine::Sql;
use super::runs::{COLUMNS, Known, find, known};
use super::{keys, placeholders, points};
use crate::error::{Error, Kind};
use crate::model::{
    Dataset, DatasetInput, ExperimentId, LatestRun, ModelOutput, Point, Run, RunId, RunInfo,
};
use crate::store::Columns;

/// So many runs are looked up by number at once.
const RUNS_AT_ONCE: usize = 500;

pub(super) fn get(sql: &mut dyn Sql, id: &RunId) -> Result<Run, Error> {
    let found = find(sql, id)?;
    whole(sql, &[found.id], None)?
        .pop()
        .ok_or_else(|| Error::not_found(Kind::Run, id))
}

/// The runs of these numbers, in this order: whole, or with no more than the keys shown.
pub(super) fn whole(
    sql: &mut dyn Sql,
    ids: &[i64],
    shown: Option<&Columns>,
) -> Result<Vec<Run>, Error> {
    let (loaded, names) = load(sql, ids, shown, points::SUMMARY, points::summary)?;
    let mut artifact_bytes = artifact_bytes(sql, ids)?;
    let texts = |texts: Vec<(i64, String)>| {
        let named = texts.into_iter();
        named
            .map(|(key, text)| (names.of(key).to_string(), text))
            .collect()
    };
    let run = |loaded: Loaded<_>| {
        let metrics = loaded.metrics.into_iter();
        Run {
            artifact_bytes: artifact_bytes.remove(&loaded.info.id).unwrap_or_default(),
            info: loaded.info,
            params: texts(loaded.params),
            tags: texts(loaded.tags),
            metrics: metrics
                .map(|(key, series)| (names.of(key).to_string(), series))
                .collect(),
            inputs: loaded.inputs,
            model_inputs: loaded.model_inputs,
            model_outputs: loaded.model_outputs,
        }
    };
    Ok(loaded.into_iter().map(run).collect())
}

/// The bytes of the files and pictures of each run that has any.
fn artifact_bytes(sql: &mut dyn Sql, ids: &[i64]) -> Result<HashMap<RunId, u64>, Error> {
    let mut bytes = HashMap::new();
    for ids in ids.chunks(RUNS_AT_ONCE) {
        let within = placeholders(1, ids.len());
        let args: Vec<Cell> = ids.iter().map(|id| (*id).into()).collect();
        // A content is counted once a run, whatever its names: UNION leaves out repeats.
        let statement = format!(
            "SELECT runs.uid, CAST(sum(contents.bytes) AS BIGINT) FROM (
                SELECT r.id AS run, b.digest AS digest, b.bytes AS bytes FROM runs r
                    JOIN artifacts a ON a.owner = 'run/' || r.uid JOIN blobs b ON b.digest = a.digest
                    WHERE r.id IN ({within})
                UNION
                SELECT m.run, b.digest, b.bytes FROM media_blobs m JOIN blobs b ON b.digest = m.digest
                    WHERE m.run IN ({within})
             ) AS contents JOIN runs ON runs.id = contents.run GROUP BY runs.uid"
        );
        sql.each(&statement, &args, &mut |mut row| {
            bytes.insert(row.text()?.parse()?, row.count()?);
            Ok(())
        })?;
    }
    Ok(bytes)
}

/// The runs of these numbers, in this order, with the latest points of their metrics.
pub(super) fn latest(sql: &mut dyn Sql, ids: &[i64]) -> Result<Vec<LatestRun>, Error> {
    let columns = "s.last_step, s.last_ms, s.last_value";
    let (loaded, names) = load(sql, ids, None, columns, Row::point)?;
    let texts = |texts: Vec<(i64, String)>| {
        let named = texts.into_iter();
        named.map(|(key, text)| (names.of(key), text)).collect()
    };
    let run = |loaded: Loaded<Point>| {
        let metrics = loaded.metrics.into_iter();
        LatestRun {
            info: loaded.info,
            params: texts(loaded.params),
            tags: texts(loaded.tags),
            metrics: metrics.map(|(key, point)| (names.of(key), point)).collect(),
            inputs: loaded.inputs,
            model_inputs: loaded.model_inputs,
            model_outputs: loaded.model_outputs,
        }
    };
    Ok(loaded.into_iter().map(run).collect())
}

/// A run with what it has by the numbers of keys, sorted by their names.
struct Loaded<M> {
    info: RunInfo,
    params: Vec<(i64, String)>,
    tags: Vec<(i64, String)>,
    metrics: Vec<(i64, M)>,
    inputs: Vec<DatasetInput>,
    model_inputs: Vec<String>,
    model_outputs: Vec<ModelOutput>,
}

/// What adds a row to its run.
type Add<'a, M> = &'a mut dyn FnMut(&mut Loaded<M>, Row) -> Result<(), Error>;

/// The names of keys, and how they sort.
#[derive(Default)]
struct Names(HashMap<i64, (usize, Arc<str>)>);

impl Names {
    fn of(&self, key: i64) -> Arc<str> {
        self.0
            .get(&key)
            .map_or_else(|| Arc::from(""), |(_, name)| Arc::clone(name))
    }

    fn rank(&self, key: i64) -> usize {
        self.0.get(&key).map_or(usize::MAX, |(rank, _)| *rank)
    }

    /// Reads the names of keys.
    fn read(sql: &mut dyn Sql, keys: &[i64]) -> Result<Self, Error> {
        let mut names = Vec::with_capacity(keys.len());
        for keys in keys.chunks(RUNS_AT_ONCE) {
            let within = placeholders(1, keys.len());
            let args: Vec<Cell> = keys.iter().map(|key| (*key).into()).collect();
            let statement = format!("SELECT name, id FROM keys WHERE id IN ({within})");
            sql.each(&statement, &args, &mut |mut row| {
                names.push((row.text()?, row.int()?));
                Ok(())
            })?;
        }
        names.sort_unstable();
        let ranked = names.into_iter().enumerate();
        Ok(Self(
            ranked
                .map(|(rank, (name, key))| (key, (rank, Arc::from(name))))
                .collect(),
        ))
    }
}

/// The runs of these numbers, in this order, their series read by `read` from `columns`.
fn load<M>(
    sql: &mut dyn Sql,
    ids: &[i64],
    shown: Option<&Columns>,
    columns: &str,
    read: impl Fn(&mut Row) -> Result<M, Error>,
) -> Result<(Vec<Loaded<M>>, Names), Error> {
    let mut runs: HashMap<i64, Loaded<M>> = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(RUNS_AT_ONCE) {
        infos(sql, ids, &mut runs)?;
    }
    let (params, tags, metrics) = match shown {
        Some(shown) => (
            only(sql, &shown.params)?,
            only(sql, &shown.tags)?,
            only(sql, &shown.metrics)?,
        ),
        None => (String::new(), String::new(), String::new()),
    };
    // Their keyed rows lie among those of their experiment by key, or are found one by one.
    let stretches = match mostly_of(sql, &runs, ids.len())? {
        Some(experiment) => vec![(format!("t.experiment = {experiment}"), Vec::new())],
        None => ids.chunks(RUNS_AT_ONCE).map(numbered).collect(),
    };
    for (within, args) in &stretches {
        let mut each = |statement: String, add: Add<M>| {
            sql.each(
                &statement,
                args,
                &mut |mut row| match runs.get_mut(&row.int()?) {
                    Some(run) => add(run, row),
                    None => Ok(()),
                },
            )
        };
        each(
            format!("SELECT t.run, t.key, t.value FROM params t WHERE {within} {params}"),
            &mut |run, mut row| {
                run.params.push((row.int()?, row.text()?));
                Ok(())
            },
        )?;
        each(
            format!("SELECT t.run, t.key, t.value FROM tags t WHERE {within} {tags}"),
            &mut |run, mut row| {
                run.tags.push((row.int()?, row.text()?));
                Ok(())
            },
        )?;
        let columns = columns.replace("s.", "t.");
        each(
            format!("SELECT t.run, t.key, {columns} FROM series t WHERE {within} {metrics}"),
            &mut |run, mut row| {
                run.metrics.push((row.int()?, read(&mut row)?));
                Ok(())
            },
        )?;
    }
    if shown.is_none() {
        for ids in ids.chunks(RUNS_AT_ONCE) {
            links(sql, ids, &mut runs)?;
        }
    }
    let mut keys: Vec<i64> = runs
        .values()
        .flat_map(|run| {
            let texts = run.params.iter().chain(&run.tags).map(|(key, _)| *key);
            texts.chain(run.metrics.iter().map(|(key, _)| *key))
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let names = Names::read(sql, &keys)?;
    let mut loaded: Vec<_> = ids.iter().filter_map(|id| runs.remove(id)).collect();
    for run in &mut loaded {
        run.params.sort_unstable_by_key(|(key, _)| names.rank(*key));
        run.tags.sort_unstable_by_key(|(key, _)| names.rank(*key));
        run.metrics
            .sort_unstable_by_key(|(key, _)| names.rank(*key));
    }
    Ok((loaded, names))
}

/// The condition that a row is of one of these runs, and its arguments.
fn numbered(ids: &[i64]) -> (String, Vec<Cell>) {
    let within = placeholders(1, ids.len());
    let args = ids.iter().map(|id| (*id).into()).collect();
    (format!("t.run IN ({within})"), args)
}

fn infos<M>(
    sql: &mut dyn Sql,
    ids: &[i64],
    runs: &mut HashMap<i64, Loaded<M>>,
) -> Result<(), Error> {
    let (within, args) = numbered(ids);
    let within = within.replace("t.run", "id");
    let statement = format!("SELECT {COLUMNS} FROM runs WHERE {within}");
    for row in sql.query(&statement, &args)? {
        let Known { id, info } = known(row)?;
        let run = Loaded {
            info,
            params: Vec::new(),
            tags: Vec::new(),
            metrics: Vec::new(),
            inputs: Vec::new(),
            model_inputs: Vec::new(),
            model_outputs: Vec::new(),
        };
        runs.insert(id, run);
    }
    Ok(())
}

/// What runs read and wrote.
fn links<M>(
    sql: &mut dyn Sql,
    ids: &[i64],
    runs: &mut HashMap<i64, Loaded<M>>,
) -> Result<(), Error> {
    let (within, args) = numbered(ids);
    let statement = format!(
        "SELECT t.run, d.body, t.tags FROM inputs t JOIN datasets d ON d.id = t.dataset WHERE {within} ORDER BY t.id"
    );
    for mut row in sql.query(&statement, &args)? {
        if let Some(run) = runs.get_mut(&row.int()?) {
            run.inputs.push(DatasetInput {
                dataset: row.json::<Dataset>()?,
                tags: row.json()?,
            });
        }
    }
    let statement = format!(
        "SELECT t.run, t.output, t.model, t.step FROM model_links t WHERE {within} ORDER BY t.run, t.output, t.step, t.model"
    );
    for mut row in sql.query(&statement, &args)? {
        let Some(run) = runs.get_mut(&row.int()?) else {
            continue;
        };
        let (output, model_id, step) = (row.int()?, row.text()?, row.int()?);
        if output == 0 {
            run.model_inputs.push(model_id);
        } else {
            run.model_outputs.push(ModelOutput { model_id, step });
        }
    }
    Ok(())
}

/// The condition that a row is of one of these keys.
fn only(sql: &mut dyn Sql, shown: &[String]) -> Result<String, Error> {
    let mut found = Vec::new();
    for key in shown {
        found.extend(keys::find(sql, key)?.map(|key| key.to_string()));
    }
    // A key that no run ever had has no number; no key is -1.
    let within = if found.is_empty() {
        "-1".into()
    } else {
        found.join(", ")
    };
    Ok(format!("AND t.key IN ({within})"))
}

/// The experiment that runs belong to, if they are many and most of it: then reading all of the
/// experiment's rows in order costs less than looking up each key of each run.
fn mostly_of<M>(
    sql: &mut dyn Sql,
    runs: &HashMap<i64, Loaded<M>>,
    wanted: usize,
) -> Result<Option<ExperimentId>, Error> {
    const MANY: usize = 100;
    const PART: u64 = 4;
    let mut experiments = runs.values().map(|run| run.info.experiment);
    let Some(experiment) = experiments.next().filter(|_| wanted >= MANY) else {
        return Ok(None);
    };
    if experiments.any(|other| other != experiment) {
        return Ok(None);
    }
    let row = sql.first(
        "SELECT count(*) FROM runs WHERE experiment = ?1",
        args![experiment.0],
    )?;
    let all = row.map_or(Ok(0), |mut row| row.count())?;
    Ok((wanted as u64 * PART >= all).then_some(experiment))
}
