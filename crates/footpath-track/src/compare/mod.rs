//! What differs between two runs, by likely cause.

mod causes;
mod results;
mod side;
mod steps;

use serde::Serialize;

use crate::model::RunId;

pub(crate) use causes::ENVIRONMENT;
pub use results::ResultDifference;
pub use side::Side;

/// What differs between two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The run that is compared with.
    pub left: RunId,
    /// The run that is compared.
    pub right: RunId,
    /// The causes that differ, those that weigh most first; empty if nothing differs but chance.
    pub causes: Vec<Cause>,
    /// Whether all that differs is a seed: then results differ by chance alone.
    pub only_seeds: bool,
    /// The steps of the pipelines that differ first: those after them differ because of them.
    pub first_steps: Vec<String>,
    /// How the metrics that both or one of them have came out, by name.
    pub results: Vec<ResultDifference>,
}

/// One cause and what differs in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Which cause.
    pub kind: CauseKind,
    /// What differs, by name.
    pub differences: Vec<Difference>,
}

/// Why two runs may come out differently; by falling weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CauseKind {
    /// The fingerprints of what was read.
    Data,
    /// The commit, what was changed since, the program.
    Code,
    /// The parameters.
    Parameters,
    /// The keys of the pipeline's steps.
    Steps,
    /// The machine and its software.
    Environment,
}

impl CauseKind {
    /// The cause's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Code => "code",
            Self::Parameters => "parameters",
            Self::Steps => "steps",
            Self::Environment => "environment",
        }
    }
}

/// Something that two runs have differently; `None` where one has it not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What.
    pub name: String,
    /// As the left run has it.
    pub left: Option<String>,
    /// As the right run has it.
    pub right: Option<String>,
    /// What else is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Compares two runs.
#[must_use]
pub fn compare(left: &Side, right: &Side) -> Comparison {
    let steps = steps::compare(&left.steps, &right.steps);
    let causes: Vec<Cause> = [
        (CauseKind::Data, causes::data(left, right)),
        (CauseKind::Code, causes::code(left, right)),
        (CauseKind::Parameters, causes::parameters(left, right)),
        (CauseKind::Steps, steps.differences),
        (CauseKind::Environment, causes::environment(left, right)),
    ]
    .into_iter()
    .filter(|(_, differences)| !differences.is_empty())
    .map(|(kind, differences)| Cause { kind, differences })
    .collect();
    let only_seeds = match &causes[..] {
        [cause]
        | [
            cause,
            Cause {
                kind: CauseKind::Steps,
                ..
            },
        ] => {
            cause.kind == CauseKind::Parameters
                && cause
                    .differences
                    .iter()
                    .all(|difference| causes::is_seed(&difference.name))
        }
        _ => false,
    };
    Comparison {
        left: left.run.info.id.clone(),
        right: right.run.info.id.clone(),
        causes,
        only_seeds,
        first_steps: steps.first,
        results: results::compare(left, right),
    }
}
