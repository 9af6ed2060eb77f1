//! Configurations: defaults, a YAML file, `--set key=value`, and nothing silently ignored.

mod error;
mod layer;
mod load;

pub use error::ConfigError;
pub use load::{load, overlay};
