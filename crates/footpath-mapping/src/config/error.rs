//! What can be wrong with a configuration.

use std::path::PathBuf;

/// A configuration that cannot be used, with the key and the place that set it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not the YAML that a configuration is made of.
    #[error("{origin} is not a valid YAML configuration: {message}")]
    Syntax {
        /// The file or override.
        origin: String,
        /// The parser's message, with line and column.
        message: String,
    },
    /// A `--set` that is not `key=value`.
    #[error("cannot read `--set {text}`: {reason}; write it as `--set section.key=value`")]
    Override {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that no section has.
    #[error("unknown key `{key}` in {origin}{}", suggestion(nearest.as_deref(), key, siblings))]
    UnknownKey {
        /// The full key, with dots.
        key: String,
        /// The file or override.
        origin: String,
        /// The valid key most like it.
        nearest: Option<String>,
        /// What may stand in its place: the keys of its section.
        siblings: Vec<String>,
    },
    /// A value of the wrong type or out of its range.
    #[error("the value of `{key}` cannot be used: {message} (set in {origin})")]
    Value {
        /// The full key, with dots.
        key: String,
        /// What was expected and found.
        message: String,
        /// The last layer that may have set it.
        origin: String,
    },
    /// Values that are of their types and yet cannot be followed.
    #[error("{message}")]
    Refused {
        /// Which key, what was found, what it may be.
        message: String,
    },
}

fn suggestion(nearest: Option<&str>, key: &str, siblings: &[String]) -> String {
    if let Some(nearest) = nearest {
        return format!("; did you mean `{nearest}`?");
    }
    let siblings = siblings.join(", ");
    match key.rsplit_once('.') {
        Some((section, _)) => format!("; the keys of `{section}` are {siblings}"),
        None => format!("; the keys are {siblings}"),
    }
}
