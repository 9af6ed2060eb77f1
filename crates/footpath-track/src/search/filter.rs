//! What a search asks for, as data.

use serde::{Deserialize, Serialize};

/// Which things a search gives.
///
/// A comparison holds only of things that have the field: a run without `metrics.loss`
/// matches neither `metrics.loss < 1` nor `metrics.loss != 1`, as in MLflow. `NOT` is the
/// exact complement, so `NOT metrics.loss < 1` does give it. A NaN matches `!=` alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Those for which all of these hold; all things if the list is empty.
    All(Vec<Filter>),
    /// Those for which one of these holds; nothing if the list is empty.
    Any(Vec<Filter>),
    /// Those for which this does not hold.
    Not(Box<Filter>),
    /// Those whose field passes a test.
    Is(Field, Test),
}

impl Default for Filter {
    /// The filter that everything passes.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A statistic of a metric series.
    Metric(Statistic, String),
    /// A parameter. Compared with a number, it counts as the number its text spells, and as
    /// absent if it spells none.
    Param(String),
    /// The finite number that a parameter's text spells; absent if it spells none. Orders that
    /// name it put 4 before 16, which the texts themselves do not.
    ParamNumber(String),
    /// A tag.
    Tag(String),
    /// A property that all have.
    Attribute(Attribute),
    /// A property of any data set the run read.
    Dataset(DatasetField),
}

/// A statistic of a metric series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The point with the greatest (step, time, value): MLflow's "latest".
    #[default]
    Last,
    /// The point with the least (step, time, value).
    First,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// [`Min`](Self::Min) or [`Max`](Self::Max), as [`Goal::of`](super::Goal::of) the metric says.
    Best,
}

/// A property that all things of a kind have. Which kinds have which: see
/// [`Scope`](super::Scope).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The run's id.
    RunId,
    /// The name.
    Name,
    /// Who ran or made it.
    User,
    /// The stored status, by MLflow's names.
    Status,
    /// Where its artifacts are.
    ArtifactUri,
    /// When it began, Unix milliseconds.
    StartTime,
    /// When it ended, Unix milliseconds.
    EndTime,
    /// How long a run went, or has gone, milliseconds.
    DurationMs,
    /// Bytes of a run's files and pictures.
    ArtifactBytes,
    /// The experiment's number.
    ExperimentId,
    /// When it was made, Unix milliseconds.
    CreationTime,
    /// When it last changed, Unix milliseconds.
    UpdateTime,
    /// The logged model's id.
    ModelId,
    /// What wrote the logged model.
    ModelType,
    /// The run a model came from.
    SourceRun,
    /// Where a model version's files are.
    SourcePath,
    /// A model version's number.
    Version,
}

impl Attribute {
    /// Whether it is compared as a number.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::StartTime
                | Self::EndTime
                | Self::DurationMs
                | Self::ArtifactBytes
                | Self::CreationTime
                | Self::UpdateTime
                | Self::Version
        )
    }
}

/// A property of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatasetField {
    /// Its name.
    Name,
    /// Its fingerprint.
    Digest,
    /// What it was read for.
    Context,
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A number compared with this one.
    Number(Comparison, f64),
    /// A text equal to this one.
    Equals(String),
    /// A text other than this one.
    Differs(String),
    /// A text like this pattern: `%` stands for any characters, `_` for one.
    Like(Pattern),
    /// One of these texts.
    In(Vec<String>),
    /// A text other than all of these.
    NotIn(Vec<String>),
    /// Absent.
    Absent,
    /// Present.
    Present,
}

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

impl Comparison {
    /// The operator as written, in filters and in SQL.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        }
    }

    /// Whether it holds of two numbers; of a NaN only [`NotEqual`](Self::NotEqual) does.
    #[must_use]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
        }
    }
}

/// A pattern of `LIKE` (case matters) or `ILIKE` (case does not).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The pattern.
    pub text: String,
    /// Whether case matters.
    pub case_sensitive: bool,
}

/// One part of an order: earlier parts weigh more. Absent fields come last in both
/// directions, a NaN just before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy {
    /// The field.
    pub field: Field,
    /// Greatest first.
    pub descending: bool,
}

/// A search of runs. What the order leaves open is settled by start, latest first, then by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunQuery {
    /// The experiments; none gives nothing.
    pub experiments: Vec<crate::ExperimentId>,
    /// Which runs.
    pub filter: Filter,
    /// In use, deleted, or both.
    pub view: crate::View,
    /// In which order.
    pub order: Vec<OrderBy>,
    /// At most how many at once; at least 1.
    pub limit: usize,
    /// Where the last page ended: its [`next`](Page::next).
    pub page_token: Option<String>,
    /// The keys to read of each run, without inputs and models, as a table of few columns needs
    /// them; `None` reads everything.
    pub shown: Option<crate::Columns>,
}

/// A search of experiments or models, with the same words as [`RunQuery`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// Which.
    pub filter: Filter,
    /// In use, deleted, or both.
    pub view: crate::View,
    /// In which order; what is left open is settled by the kind's own order.
    pub order: Vec<OrderBy>,
    /// At most how many at once; at least 1.
    pub limit: usize,
    /// Where the last page ended: its [`next`](Page::next).
    pub page_token: Option<String>,
}

/// One page of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// The token of the next page; `None` on the last.
    pub next: Option<String>,
}
