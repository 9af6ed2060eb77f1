//! Settings out of their range.

use std::fmt::Display;

/// A setting whose value makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {found}; expected {expected}")]
pub struct SettingError {
    /// The setting, as in the config.
    pub name: &'static str,
    /// Its value.
    pub found: String,
    /// What it may be.
    pub expected: &'static str,
}

/// Refuses a setting unless it is `valid`; write conditions so that NaN fails them.
pub(crate) fn require(
    name: &'static str,
    found: impl Display,
    valid: bool,
    expected: &'static str,
) -> Result<(), SettingError> {
    if valid {
        return Ok(());
    }
    let found = found.to_string();
    Err(SettingError {
        name,
        found,
        expected,
    })
}
