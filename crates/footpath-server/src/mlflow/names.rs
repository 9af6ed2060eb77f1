//! Names as MLflow has them: its rules for metrics and parameters, and how experiments of
//! projects are named to clients that know no projects.

use std::borrow::Cow;

use footpath_track::{DEFAULT_PROJECT, Error, Experiment, Store};

use crate::failure::Failure;

/// MLflow's name of an experiment: its own in the default project, `project/name` elsewhere.
pub(crate) fn mlflow_name(experiment: &Experiment) -> Cow<'_, str> {
    if experiment.project == DEFAULT_PROJECT {
        Cow::Borrowed(&experiment.name)
    } else {
        Cow::Owned(format!("{}/{}", experiment.project, experiment.name))
    }
}

/// The project and name that MLflow's name means: what stands before the first `/` is a
/// project if one is called so.
pub(crate) fn place<'a>(store: &dyn Store, name: &'a str) -> Result<(&'a str, &'a str), Error> {
    if let Some((project, rest)) = name.split_once('/')
        && !rest.is_empty()
        && project != DEFAULT_PROJECT
        && store.projects()?.iter().any(|known| known.name == project)
    {
        return Ok((project, rest));
    }
    Ok((DEFAULT_PROJECT, name))
}

/// Checks the name of a metric, parameter or tag by MLflow's rules; `path` says where in the
/// request it stands.
pub(crate) fn check_name(path: &str, name: &str) -> Result<(), Failure> {
    let refuse = |why: &str| {
        let shown: String = name.chars().take(60).collect();
        Err(Failure::invalid(format!(
            "Invalid value {shown:?} for parameter '{path}' supplied: {why}"
        )))
    };
    if !name
        .chars()
        .all(|c| c.is_alphanumeric() || "_/.-: ".contains(c))
    {
        return refuse(
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), \
             colon(:) and slashes (/).",
        );
    }
    if name != normalised(name) || name == "." || name.starts_with("..") || name.starts_with('/') {
        return refuse(
            "Names may be treated as files in certain cases, and must not resolve to other names when treated as such.",
        );
    }
    let chars = name.chars().count();
    if chars > 250 {
        return refuse(&format!(
            "the name has {chars} characters, at most 250 are allowed"
        ));
    }
    Ok(())
}

/// The path that a POSIX system makes of a name.
fn normalised(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if name.starts_with('/') {
        format!("/{joined}")
    } else if joined.is_empty() {
        ".".into()
    } else {
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_other_files_are_refused() {
        for good in [
            "loss",
            "valid/ap: größe",
            "a.b-c_d e",
            "a/..b",
            "system/gpu_0",
            "x..",
            "5",
        ] {
            assert!(check_name("key", good).is_ok(), "{good}");
        }
        for bad in [
            "a//b", "../up", "/abs", ".", "a/../b", "a/", "a\tb", "a\u{0}b", "a<b>", "..x", "",
            "./a",
        ] {
            assert_eq!(check_name("key", bad).unwrap_err().status, 400, "{bad}");
        }
        assert!(check_name("metrics[3].key", "a\tb").unwrap_err().message.starts_with(
            "Invalid value \"a\\tb\" for parameter 'metrics[3].key' supplied: Names may only contain"
        ));
        assert!(check_name("key", &"x".repeat(251)).is_err());
    }
}
