//! What a step does, as far as its key is concerned.

use crate::config::{Config, ConfigError};
use crate::graph::Kind;
use crate::transformer::Version;

/// What goes into a step's key besides its inputs.
pub(super) struct Code {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) version: u32,
    pub(super) config: Result<Config, ConfigError>,
}

impl Code {
    pub(super) fn closure(kind: Kind, version: Version) -> Self {
        Self {
            kind,
            name: "closure",
            version: version.0,
            config: Ok(Config::none()),
        }
    }
}

/// Refuses a closure with state.
pub(super) const fn assert_captures_nothing<F>() {
    assert!(
        size_of::<F>() == 0,
        "this closure captures values, which would be missing from the step's key: \
         pass them as inputs or constants, or write a `Transformer` with them as fields"
    );
}
