//! Which fields the things of a kind have, and by which names.

use super::Attribute;

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Runs: all fields.
    Runs,
    /// Experiments: attributes and tags.
    Experiments,
    /// Logged models: attributes, tags, parameters and metrics.
    LoggedModels,
    /// Registered models: attributes and tags.
    RegisteredModels,
    /// Versions of registered models: attributes and tags.
    ModelVersions,
}

impl Scope {
    /// The names of the scope's attributes. The first name of each is the one to show.
    #[must_use]
    pub fn attributes(self) -> &'static [(&'static str, Attribute)] {
        use Attribute::{
            ArtifactBytes, ArtifactUri, CreationTime, DurationMs, EndTime, ExperimentId, ModelId,
            ModelType, Name, RunId, SourcePath, SourceRun, StartTime, Status, UpdateTime, User,
            Version,
        };
        match self {
            Self::Runs => &[
                ("run_id", RunId),
                ("run_name", Name),
                ("run name", Name),
                ("name", Name),
                ("user_id", User),
                ("status", Status),
                ("artifact_uri", ArtifactUri),
                ("start_time", StartTime),
                ("created", StartTime),
                ("end_time", EndTime),
                ("duration_ms", DurationMs),
                ("artifact_bytes", ArtifactBytes),
            ],
            Self::Experiments => &[
                ("name", Name),
                ("experiment_id", ExperimentId),
                ("creation_time", CreationTime),
                ("last_update_time", UpdateTime),
            ],
            Self::LoggedModels => &[
                ("name", Name),
                ("model_id", ModelId),
                ("model_type", ModelType),
                ("status", Status),
                ("source_run_id", SourceRun),
                ("creation_time", CreationTime),
                ("creation_timestamp", CreationTime),
                ("last_updated_time", UpdateTime),
                ("last_updated_timestamp", UpdateTime),
            ],
            Self::RegisteredModels => &[
                ("name", Name),
                ("creation_timestamp", CreationTime),
                ("last_updated_timestamp", UpdateTime),
                ("timestamp", UpdateTime),
            ],
            Self::ModelVersions => &[
                ("name", Name),
                ("version_number", Version),
                ("run_id", SourceRun),
                ("source_path", SourcePath),
                ("source", SourcePath),
                ("creation_timestamp", CreationTime),
                ("last_updated_timestamp", UpdateTime),
            ],
        }
    }

    /// The attribute of a name, whatever its case.
    #[must_use]
    pub fn attribute(self, name: &str) -> Option<Attribute> {
        self.attributes()
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, attribute)| *attribute)
    }

    /// Whether its things have metrics and parameters.
    #[must_use]
    pub fn has_metrics(self) -> bool {
        matches!(self, Self::Runs | Self::LoggedModels)
    }

    /// Whether its things read data sets.
    #[must_use]
    pub fn has_datasets(self) -> bool {
        self == Self::Runs
    }
}
