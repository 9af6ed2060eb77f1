//! Rules for names and texts, the same for every way into the store.

use super::Batch;
use crate::error::Error;

/// The greatest length of a metric's, parameter's or tag's key, in characters.
const KEY_CHARS: usize = 250;
/// The greatest length of an experiment's or project's name, in characters.
const NAME_CHARS: usize = 500;
/// The greatest length of a parameter's, tag's or series' text, in bytes.
const TEXT_BYTES: usize = 1 << 20;

/// Checks a key: 1 to 250 characters, none of them a control character.
///
/// # Errors
/// [`Error::Invalid`] with the rule broken.
pub(crate) fn check_key(kind: &str, key: &str) -> Result<(), Error> {
    check_name(kind, key, KEY_CHARS)
}

/// Checks an experiment's or project's name: not blank, at most 500 characters, none of them a
/// control character.
///
/// # Errors
/// [`Error::Invalid`] with the rule broken.
pub(crate) fn check_experiment_name(kind: &str, name: &str) -> Result<(), Error> {
    check_name(kind, name, NAME_CHARS)
}

fn check_name(kind: &str, name: &str, limit: usize) -> Result<(), Error> {
    let what = || {
        format!(
            "{kind} `{}`",
            name.chars().take(40).collect::<String>().escape_debug()
        )
    };
    if name.trim().is_empty() {
        return Err(Error::invalid(what(), "the name is blank"));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::invalid(what(), "names hold no control characters"));
    }
    let chars = name.chars().count();
    if chars > limit {
        return Err(Error::invalid(
            what(),
            format!("the name has {chars} characters, at most {limit} are allowed"),
        ));
    }
    Ok(())
}

/// Checks a text: at most 1 MiB, no NUL (PostgreSQL cannot hold one).
///
/// # Errors
/// [`Error::Invalid`] with the rule broken.
pub(crate) fn check_text(kind: &str, key: &str, text: &str) -> Result<(), Error> {
    if text.len() > TEXT_BYTES {
        let why = format!(
            "its value has {} bytes, at most {TEXT_BYTES} are allowed: log it as an artifact",
            text.len()
        );
        return Err(Error::invalid(format!("{kind} `{key}`"), why));
    }
    if text.contains('\0') {
        return Err(Error::invalid(
            format!("{kind} `{key}`"),
            "its value holds a NUL character",
        ));
    }
    Ok(())
}

/// Checks every name and text of a batch.
///
/// # Errors
/// [`Error::Invalid`] for the first that breaks a rule.
pub(crate) fn check_batch(batch: &Batch) -> Result<(), Error> {
    for (key, value) in &batch.params {
        check_key("parameter", key)?;
        check_text("parameter", key, value)?;
    }
    for (key, value) in &batch.tags {
        check_key("tag", key)?;
        check_text("tag", key, value)?;
    }
    for key in batch.metrics.keys() {
        check_key("metric", key)?;
    }
    for record in &batch.texts {
        check_key("text series", &record.key)?;
        check_text("text series", &record.key, &record.text)?;
    }
    for record in &batch.images {
        check_key("image series", &record.key)?;
        check_text("image's sample of", &record.key, &record.sample)?;
        check_text("image's caption of", &record.key, &record.caption)?;
    }
    for input in &batch.inputs {
        check_experiment_name("data set", &input.dataset.name)?;
        check_text("data set", &input.dataset.name, &input.dataset.digest)?;
    }
    for link in &batch.artifacts {
        crate::artifact::ArtifactPath::new(&link.path)?;
    }
    Ok(())
}

/// A name for a run that has none, such as `brisk-heron-417`.
pub(crate) fn random_run_name() -> String {
    const HOW: [&str; 16] = [
        "able", "brisk", "calm", "deft", "eager", "fair", "glad", "keen", "lucid", "mild", "neat",
        "prompt", "quiet", "spry", "tidy", "vivid",
    ];
    const WHAT: [&str; 16] = [
        "auk", "bison", "crane", "dunlin", "egret", "finch", "gannet", "heron", "ibis", "jay",
        "kite", "linnet", "martin", "osprey", "plover", "wren",
    ];
    let bits = uuid::Uuid::now_v7().as_u128();
    let pick = |shift: u32| (bits >> shift) as usize & 15;
    format!("{}-{}-{}", HOW[pick(0)], WHAT[pick(4)], (bits >> 8) % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_with_the_rule() {
        assert!(check_key("metric", "valid/ap: größer").is_ok());
        let message = |name: &str| check_key("metric", name).unwrap_err().to_string();
        assert_eq!(message(" "), "metric ` ` is refused: the name is blank");
        assert_eq!(
            message("a\u{1b}b"),
            "metric `a\\u{1b}b` is refused: names hold no control characters"
        );
        assert!(
            message(&"é".repeat(251))
                .ends_with("the name has 251 characters, at most 250 are allowed")
        );
        assert!(check_text("tag", "k", "a\0b").is_err());
        assert_eq!(random_run_name().split('-').count(), 3);
    }
}
