//! Data, code, parameters and environment: texts by name.

use std::collections::BTreeMap;

use super::{Difference, Side};

/// What tags about the code begin with.
const CODE: [&str; 3] = [
    "mlflow.source.git.",
    "mlflow.source.name",
    "mlflow.source.type",
];
/// What tags about the machine begin with: ours, and the user.
pub(crate) const ENVIRONMENT: &str = "footpath.env.";
/// Where the changes since the commit, and chosen sources, are kept.
const SOURCES: &str = "source/";
/// So much of a digest is shown.
const SHOWN: usize = 16;

type Texts = BTreeMap<String, String>;

pub(super) fn data(left: &Side, right: &Side) -> Vec<Difference> {
    let of = |side: &Side| -> Texts {
        side.run
            .inputs
            .iter()
            .map(|input| {
                let name = match input.context() {
                    Some(context) => format!("{} ({context})", input.dataset.name),
                    None => input.dataset.name.clone(),
                };
                (name, input.dataset.digest.clone())
            })
            .collect()
    };
    differences(&of(left), &of(right))
}

pub(super) fn code(left: &Side, right: &Side) -> Vec<Difference> {
    let of = |side: &Side| -> Texts {
        let mut texts = tagged(side, |key| CODE.iter().any(|start| key.starts_with(start)));
        for file in &side.files {
            if file.path.starts_with(SOURCES) {
                let digest = file.blob.digest.to_string();
                texts.insert(file.path.clone(), digest[..SHOWN].to_owned());
            }
        }
        texts
    };
    differences(&of(left), &of(right))
}

pub(super) fn parameters(left: &Side, right: &Side) -> Vec<Difference> {
    differences(&left.run.params, &right.run.params)
}

pub(super) fn environment(left: &Side, right: &Side) -> Vec<Difference> {
    let of = |side: &Side| tagged(side, |key| key.starts_with(ENVIRONMENT));
    let mut found = differences(&of(left), &of(right));
    for difference in &mut found {
        if let Some(name) = difference.name.strip_prefix(ENVIRONMENT) {
            difference.name = name.to_owned();
        }
    }
    found
}

/// Whether a parameter only chooses the random numbers.
pub(super) fn is_seed(name: &str) -> bool {
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    let last = last.to_ascii_lowercase();
    last == "seed" || last.ends_with("_seed") || last == "random_state"
}

fn tagged(side: &Side, wanted: impl Fn(&str) -> bool) -> Texts {
    side.run
        .tags
        .iter()
        .filter(|(key, _)| wanted(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn differences(left: &Texts, right: &Texts) -> Vec<Difference> {
    let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| left.get(*name) != right.get(*name))
        .map(|name| Difference {
            name: name.clone(),
            left: left.get(name).cloned(),
            right: right.get(name).cloned(),
            note: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_known_by_their_names() {
        for seed in ["seed", "training.seed", "data/split_seed", "Random_State"] {
            assert!(is_seed(seed), "{seed}");
        }
        for other in ["seeds_per_tile", "lr", "seed.kind"] {
            assert!(!is_seed(other), "{other}");
        }
    }

    #[test]
    fn what_one_side_lacks_differs() {
        let texts = |pairs: &[(&str, &str)]| -> Texts {
            pairs
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect()
        };
        let found = differences(
            &texts(&[("a", "1"), ("b", "2")]),
            &texts(&[("a", "1"), ("b", "3"), ("c", "4")]),
        );
        let told: Vec<_> = found
            .iter()
            .map(|found| {
                (
                    found.name.as_str(),
                    found.left.as_deref(),
                    found.right.as_deref(),
                )
            })
            .collect();
        assert_eq!(told, [("b", Some("2"), Some("3")), ("c", None, Some("4"))]);
    }
}
