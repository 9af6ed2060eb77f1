//! Searches of runs as SQL: each comparison is a set of runs, found in one stretch of one
//! table, so that any mix of `AND`, `OR` and `NOT` costs little more than its parts.

use super::best_page::best_page;
use super::cell::Cell;
use super::engine::{Dialect, Sql};
use super::{experiments, keys, load, page};
use crate::error::Error;
use crate::model::{ExperimentId, LatestRun, Run, Tags, View};
use crate::search::{
    Attribute, Comparison, DatasetField, Field, Filter, FilterError, Goal, OrderBy, Page, Pattern,
    RunQuery, Statistic, Test,
};

pub(super) fn search(sql: &mut dyn Sql, query: &RunQuery) -> Result<Page<Run>, Error> {
    let Page { items, next } = numbers(sql, query)?;
    Ok(Page {
        items: load::whole(sql, &items, query.shown.as_ref())?,
        next,
    })
}

pub(super) fn search_latest(sql: &mut dyn Sql, query: &RunQuery) -> Result<Page<LatestRun>, Error> {
    let Page { items, next } = numbers(sql, query)?;
    Ok(Page {
        items: load::latest(sql, &items)?,
        next,
    })
}

/// The numbers of the runs that match.
fn numbers(sql: &mut dyn Sql, query: &RunQuery) -> Result<Page<i64>, Error> {
    if query.experiments.is_empty() {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    }
    if let Some(page) = best_page(sql, query)? {
        return Ok(page);
    }
    let stamp = page::stamp(&(&query.experiments, &query.filter, query.view, &query.order));
    let mut build = Builder::new(sql, &query.experiments)?;
    let within = build.experiments.clone();
    let condition = build.filter(&query.filter)?;
    let shown = lifecycle(query.view);
    let Order { joins, terms } = build.order(&query.order)?;
    let behind = match &query.page_token {
        Some(token) => {
            let cells = page::cells(&stamp, token, terms.len())?;
            format!("AND ({})", build.behind(&terms, cells))
        }
        None => String::new(),
    };
    let limit = query.limit.max(1);
    let most = build.arg(limit.saturating_add(1));
    let columns: Vec<&str> = terms.iter().map(|term| term.sql.as_str()).collect();
    let order: Vec<String> = terms
        .iter()
        .map(|term| format!("{}{}", term.sql, if term.descending { " DESC" } else { "" }))
        .collect();
    let statement = format!(
        "SELECT r.id, {} FROM runs r {joins} WHERE r.experiment {within} {shown} AND {condition} {behind} ORDER BY {} LIMIT {most}",
        columns.join(", "),
        order.join(", ")
    );
    let args = build.args;
    let mut rows = sql.query(&statement, &args)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let mut ids = Vec::with_capacity(rows.len());
    let mut last = Vec::new();
    for row in &mut rows {
        ids.push(row.int()?);
        last = terms.iter().map(|_| row.cell()).collect::<Result<_, _>>()?;
    }
    Ok(Page {
        items: ids,
        next: if more {
            Some(page::token(&stamp, &last)?)
        } else {
            None
        },
    })
}

/// How many runs match.
pub(super) fn count(sql: &mut dyn Sql, query: &RunQuery) -> Result<u64, Error> {
    if query.experiments.is_empty() {
        return Ok(0);
    }
    let mut build = Builder::new(sql, &query.experiments)?;
    let within = build.experiments.clone();
    let condition = build.filter(&query.filter)?;
    let shown = lifecycle(query.view);
    let args = build.args;
    let statement =
        format!("SELECT count(*) FROM runs r WHERE r.experiment {within} {shown} AND {condition}");
    let row = sql.first(&statement, &args)?;
    row.map_or(Ok(0), |mut row| row.count())
}

/// The condition that a run is in use, deleted, or either.
fn lifecycle(view: View) -> &'static str {
    match view {
        View::Active => "AND r.deleted = 0",
        View::Deleted => "AND r.deleted > 0",
        View::All => "",
    }
}

/// What rows are sorted by. A null is never compared: a term before it says that it is one.
struct Term {
    sql: String,
    descending: bool,
}

struct Order {
    joins: String,
    terms: Vec<Term>,
}

pub(super) struct Builder<'a> {
    sql: &'a mut dyn Sql,
    dialect: &'static Dialect,
    pub(super) args: Vec<Cell>,
    /// The condition on the experiment's number: `= …` reads faster than `IN (…)`.
    pub(super) experiments: String,
    /// The column of the runs' numbers.
    run: &'static str,
    tags: Vec<(ExperimentId, Tags)>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(sql: &'a mut dyn Sql, wanted: &[ExperimentId]) -> Result<Self, Error> {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let experiments = match &wanted[..] {
            [one] => format!("= {one}"),
            several => {
                let several: Vec<String> = several.iter().map(ToString::to_string).collect();
                format!("IN ({})", several.join(", "))
            }
        };
        let mut tags = Vec::new();
        for id in wanted {
            match experiments::get(sql, id) {
                Ok(experiment) => tags.push((id, experiment.tags)),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            dialect: sql.dialect(),
            sql,
            args: Vec::new(),
            experiments,
            run: "r.id",
            tags,
        })
    }

    /// Looks at the runs whose numbers this column has; attributes need `r`, the table of runs.
    pub(super) fn of_runs(self, run: &'static str) -> Self {
        Self { run, ..self }
    }

    pub(super) fn arg(&mut self, value: impl Into<Cell>) -> String {
        self.args.push(value.into());
        format!("?{}", self.args.len())
    }

    pub(super) fn filter(&mut self, filter: &Filter) -> Result<String, Error> {
        let mut join = |parts: &[Filter], word: &str, none: &str| {
            let parts = parts
                .iter()
                .map(|part| self.filter(part))
                .collect::<Result<Vec<_>, _>>()?;
            Ok(if parts.is_empty() {
                none.to_owned()
            } else {
                format!("({})", parts.join(word))
            })
        };
        match filter {
            Filter::All(parts) => join(parts, " AND ", "1 = 1"),
            Filter::Any(parts) => join(parts, " OR ", "1 = 0"),
            Filter::Not(part) => Ok(format!("NOT ({})", self.filter(part)?)),
            Filter::Is(field, test) => self.clause(field, test),
        }
    }

    fn clause(&mut self, field: &Field, test: &Test) -> Result<String, Error> {
        match field {
            Field::Attribute(attribute) => {
                let column = attribute_column(*attribute)?;
                Ok(match test {
                    Test::Absent => format!("{column} IS NULL"),
                    // What is null makes no comparison true or false: `NOT` would lose it.
                    _ => format!("({column} IS NOT NULL AND {})", self.test(column, test)?),
                })
            }
            Field::Dataset(field) => {
                let column = match field {
                    DatasetField::Name => "d.name",
                    DatasetField::Digest => "d.digest",
                    DatasetField::Context => "i.context",
                };
                let (not, test) = if *test == Test::Absent {
                    ("NOT ", &Test::Present)
                } else {
                    ("", test)
                };
                let before = self.args.len();
                let condition = self.test(column, test)?;
                let within = &self.experiments;
                let select = format!(
                    "SELECT i.run FROM inputs i JOIN datasets d ON d.id = i.dataset
                     WHERE d.experiment {within} AND {column} IS NOT NULL AND {condition}"
                );
                self.among(not, &select, before)
            }
            Field::Metric(statistic, key) => {
                let column = self.statistic("t", *statistic, key);
                self.keyed("series", key, &column, test)
            }
            Field::Param(key) => {
                let column = if matches!(test, Test::Number(..)) {
                    "t.number"
                } else {
                    "t.value"
                };
                self.keyed("params", key, column, test)
            }
            Field::ParamNumber(key) => self.keyed("params", key, "t.number", test),
            Field::Tag(key) => self.keyed("tags", key, "t.value", test),
        }
    }

    /// A comparison of what runs have by key: a set of runs from one stretch of a table.
    fn keyed(
        &mut self,
        table: &str,
        key: &str,
        column: &str,
        test: &Test,
    ) -> Result<String, Error> {
        let Some(key) = keys::find(self.sql, key)? else {
            return Ok(if *test == Test::Absent {
                "1 = 1"
            } else {
                "1 = 0"
            }
            .into());
        };
        let (not, test) = if *test == Test::Absent {
            ("NOT ", &Test::Present)
        } else {
            ("", test)
        };
        let before = self.args.len();
        let condition = match test {
            // A metric's null is a NaN, which differs from every number.
            Test::Number(Comparison::NotEqual, number) if table == "series" => {
                let number = self.arg(*number);
                format!("({column} <> {number} OR {column} IS NULL)")
            }
            // What spells no number has none.
            Test::Present if column == "t.number" => "t.number IS NOT NULL".into(),
            _ => self.test(column, test)?,
        };
        let within = &self.experiments;
        let select = format!(
            "SELECT t.run FROM {table} t WHERE t.experiment {within} AND t.key = {key} AND {condition}"
        );
        self.among(not, &select, before)
    }

    /// The condition that the run is, or is `NOT `, among those that a query gives, whose arguments are
    /// those from the number `before` on.
    fn among(&mut self, not: &str, select: &str, before: usize) -> Result<String, Error> {
        let args = if self.args.len() == before {
            &[][..]
        } else {
            &self.args
        };
        Ok(match self.sql.among(self.run, select, args)? {
            Some(condition) => {
                self.args.truncate(before);
                format!("{not}({condition})")
            }
            None => format!("{} {not}IN ({select})", self.run),
        })
    }

    fn test(&mut self, column: &str, test: &Test) -> Result<String, Error> {
        Ok(match test {
            Test::Present => "1 = 1".into(),
            Test::Absent => format!("{column} IS NULL"),
            Test::Number(comparison, number) => {
                let symbol = if *comparison == Comparison::NotEqual {
                    "<>"
                } else {
                    comparison.symbol()
                };
                // The cast keeps a fraction when the column holds whole numbers.
                format!(
                    "{column} {symbol} CAST({} AS {})",
                    self.arg(*number),
                    self.dialect.real
                )
            }
            Test::Equals(text) => format!("{column} = {}", self.arg(text)),
            Test::Differs(text) => format!("{column} <> {}", self.arg(text)),
            Test::Like(Pattern {
                text,
                case_sensitive,
            }) => {
                if text.contains('\0') {
                    return Err(Error::invalid("pattern", "it holds a NUL character"));
                }
                let pattern = self.arg(text);
                if *case_sensitive {
                    (self.dialect.like)(column, &pattern)
                } else {
                    (self.dialect.ilike)(column, &pattern)
                }
            }
            Test::In(texts) | Test::NotIn(texts) => {
                let not = if matches!(test, Test::NotIn(_)) {
                    "NOT "
                } else {
                    ""
                };
                let all: Vec<String> = texts.iter().map(|text| self.arg(text)).collect();
                format!("{column} {not}IN ({})", all.join(", "))
            }
        })
    }

    /// The column of a statistic, or a choice of columns where experiments' goals differ.
    pub(super) fn statistic(&self, table: &str, statistic: Statistic, key: &str) -> String {
        let column = |goal| match goal {
            Goal::Minimize => format!("{table}.min_value"),
            Goal::Maximize => format!("{table}.max_value"),
        };
        match statistic {
            Statistic::Last => format!("{table}.last_value"),
            Statistic::First => format!("{table}.first_value"),
            Statistic::Min => column(Goal::Minimize),
            Statistic::Max => column(Goal::Maximize),
            Statistic::Best => {
                let goals: Vec<(ExperimentId, Goal)> = self
                    .tags
                    .iter()
                    .map(|(id, tags)| (*id, Goal::of(key, tags)))
                    .collect();
                let usual = Goal::of(key, &Tags::new());
                let others: Vec<String> = goals
                    .iter()
                    .filter(|(_, goal)| *goal != usual)
                    .map(|(id, goal)| format!("WHEN {id} THEN {}", column(*goal)))
                    .collect();
                if others.is_empty() {
                    return column(usual);
                }
                format!(
                    "CASE {table}.experiment {} ELSE {} END",
                    others.join(" "),
                    column(usual)
                )
            }
        }
    }

    fn order(&mut self, order: &[OrderBy]) -> Result<Order, Error> {
        let mut joins = Vec::new();
        let mut terms = Vec::new();
        let mut join = |table: &str, key: Option<i64>, at: usize| {
            let key = key.unwrap_or(-1);
            joins.push(format!("LEFT JOIN {table} o{at} ON o{at}.experiment = r.experiment AND o{at}.key = {key} AND o{at}.run = r.id "));
        };
        for (at, OrderBy { field, descending }) in order.iter().enumerate() {
            let (rank, value) = match field {
                Field::Attribute(attribute) => {
                    let column = attribute_column(*attribute)?;
                    let rank = format!("CASE WHEN {column} IS NULL THEN 2 ELSE 0 END");
                    // Without a rank an index gives the order.
                    let rank = (!NEVER_NULL.contains(&column)).then_some(rank);
                    (rank, column.to_owned())
                }
                Field::Metric(statistic, key) => {
                    join("series", keys::find(self.sql, key)?, at);
                    let value = self.statistic(&format!("o{at}"), *statistic, key);
                    let rank = format!(
                        "CASE WHEN {value} IS NOT NULL THEN 0 WHEN o{at}.run IS NOT NULL THEN 1 ELSE 2 END"
                    );
                    (Some(rank), value)
                }
                Field::ParamNumber(key) => {
                    join("params", keys::find(self.sql, key)?, at);
                    let value = format!("o{at}.number");
                    let rank = format!("CASE WHEN {value} IS NULL THEN 2 ELSE 0 END");
                    (Some(rank), value)
                }
                Field::Param(key) | Field::Tag(key) => {
                    join(
                        if matches!(field, Field::Param(_)) {
                            "params"
                        } else {
                            "tags"
                        },
                        keys::find(self.sql, key)?,
                        at,
                    );
                    let rank = format!("CASE WHEN o{at}.run IS NULL THEN 2 ELSE 0 END");
                    (Some(rank), format!("o{at}.value"))
                }
                Field::Dataset(_) => {
                    let problem =
                        "runs are not ordered by data sets, for a run may have read several".into();
                    return Err(FilterError {
                        problem,
                        position: 0,
                        text: "dataset".into(),
                    }
                    .into());
                }
            };
            terms.extend(rank.map(|sql| Term {
                sql,
                descending: false,
            }));
            terms.push(Term {
                sql: value,
                descending: *descending,
            });
        }
        for (column, descending) in [("r.start_ms", true), ("r.uid", false)] {
            if terms.iter().all(|term| term.sql != column) {
                terms.push(Term {
                    sql: column.into(),
                    descending,
                });
            }
        }
        Ok(Order {
            joins: joins.concat(),
            terms,
        })
    }

    /// The condition that a row comes behind one with these values.
    fn behind(&mut self, terms: &[Term], cells: Vec<Cell>) -> String {
        let mut equal = String::new();
        let mut ways = Vec::new();
        for (term, cell) in terms.iter().zip(cells) {
            if cell == Cell::Null {
                // All rows of this rank are null here.
                continue;
            }
            let value = self.arg(cell);
            let sign = if term.descending { "<" } else { ">" };
            ways.push(format!("{equal}{} {sign} {value}", term.sql));
            equal = format!("{equal}{} = {value} AND ", term.sql);
        }
        if ways.is_empty() {
            "1 = 0".into()
        } else {
            ways.iter()
                .map(|way| format!("({way})"))
                .collect::<Vec<_>>()
                .join(" OR ")
        }
    }
}

/// Columns of attributes that every run has.
const NEVER_NULL: [&str; 6] = [
    "r.uid",
    "r.name",
    "r.owner",
    "r.status",
    "r.start_ms",
    "CAST(r.experiment AS TEXT)",
];

fn attribute_column(attribute: Attribute) -> Result<&'static str, Error> {
    Ok(match attribute {
        Attribute::RunId => "r.uid",
        Attribute::Name => "r.name",
        Attribute::User => "r.owner",
        Attribute::Status => "r.status",
        Attribute::StartTime => "r.start_ms",
        Attribute::EndTime => "r.end_ms",
        Attribute::DurationMs => "(COALESCE(r.end_ms, r.active_ms) - r.start_ms)",
        Attribute::ArtifactBytes => {
            "(SELECT CAST(COALESCE(sum(c.bytes), 0) AS BIGINT) FROM
              (SELECT b.digest, b.bytes FROM artifacts a JOIN blobs b ON b.digest = a.digest WHERE a.owner = 'run/' || r.uid
               UNION SELECT b.digest, b.bytes FROM media_blobs m JOIN blobs b ON b.digest = m.digest WHERE m.run = r.id) AS c)"
        }
        Attribute::ArtifactUri => {
            "(SELECT COALESCE(e.artifact_location, 'mlflow-artifacts:/' || CAST(e.id AS TEXT)) || '/' || r.uid || '/artifacts'
              FROM experiments e WHERE e.id = r.experiment)"
        }
        Attribute::ExperimentId => "CAST(r.experiment AS TEXT)",
        other => {
            let problem = format!("runs have no {other:?}");
            return Err(FilterError { problem, position: 0, text: format!("{other:?}") }.into());
        }
    })
}
