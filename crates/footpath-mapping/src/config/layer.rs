//! Layers of a configuration: defaults, a YAML file, `--set` overrides.
//!
//! Layers are merged as plain JSON trees, then read into the typed configuration once.
//! A key that the defaults do not have is refused with the nearest valid name, because a
//! misspelt key that is silently ignored costs a night of training.

use super::ConfigError;
use serde_json::{Map, Value};

/// The key that says which variant of a choice an object is.
const CHOICE: &str = "kind";

/// Refuses the first key of `layer` that `known` does not have, naming the nearest valid one.
///
/// Only objects present in both trees are compared. Below an optional section (`null` by
/// default) and in a choice (an object with a `kind`, whose keys depend on it) the typed reader
/// checks the names.
pub(super) fn refuse_unknown_keys(
    known: &Value,
    layer: &Value,
    origin: &str,
) -> Result<(), ConfigError> {
    let mut path = Vec::new();
    visit(known, known, layer, &mut path, origin)
}

fn visit(
    root: &Value,
    known: &Value,
    layer: &Value,
    path: &mut Vec<String>,
    origin: &str,
) -> Result<(), ConfigError> {
    let (Value::Object(known), Value::Object(layer)) = (known, layer) else {
        return Ok(());
    };
    if known.contains_key(CHOICE) {
        return Ok(());
    }
    for (key, value) in layer {
        path.push(key.clone());
        match known.get(key) {
            Some(below) => visit(root, below, value, path, origin)?,
            None => {
                return Err(ConfigError::UnknownKey {
                    key: path.join("."),
                    origin: origin.to_owned(),
                    nearest: nearest_key(root, known, path),
                    siblings: known.keys().cloned().collect(),
                });
            }
        }
        path.pop();
    }
    Ok(())
}

/// The valid key that the user most likely meant: a sibling with a similar name first, then
/// the same last word anywhere else in the tree.
fn nearest_key(root: &Value, siblings: &Map<String, Value>, path: &[String]) -> Option<String> {
    let (wanted, parents) = path.split_last()?;
    let similar = siblings
        .keys()
        .map(|key| (strsim::normalized_damerau_levenshtein(key, wanted), key))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, key)) = similar {
        let mut full = parents.to_vec();
        full.push(key.clone());
        return Some(full.join("."));
    }
    let mut all = Vec::new();
    all_keys(root, "", &mut all);
    all.into_iter()
        .map(|key| {
            let last = key.rsplit('.').next().unwrap_or(&key);
            (strsim::normalized_damerau_levenshtein(last, wanted), key)
        })
        .filter(|(likeness, _)| *likeness >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key)
}

fn all_keys(tree: &Value, prefix: &str, found: &mut Vec<String>) {
    let Value::Object(map) = tree else { return };
    for (key, value) in map {
        let full = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        all_keys(value, &full, found);
        found.push(full);
    }
}

/// Lays `above` over `below`: objects merge key by key, anything else replaces; so does an
/// object that chooses another `kind`, since the keys of the old one mean nothing to it.
pub(super) fn merge(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) if !above.contains_key(CHOICE) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(slot) => merge(slot, value),
                    None => {
                        below.insert(key, value);
                    }
                }
            }
        }
        (slot, value) => *slot = value,
    }
}

/// Reads one `--set a.b=value` into a tree `{a: {b: value}}`; the value is YAML.
pub(super) fn parse_override(text: &str) -> Result<Value, ConfigError> {
    let refused = |reason: &str| ConfigError::Override {
        text: text.to_owned(),
        reason: reason.to_owned(),
    };
    let (path, value) = text
        .split_once('=')
        .ok_or_else(|| refused("there is no `=`"))?;
    if has_empty_part(path) {
        return Err(refused("a part of the key is empty"));
    }
    let value: Value = if value.is_empty() {
        Value::Null
    } else {
        serde_saphyr::from_str(value).map_err(|error| refused(&error.to_string()))?
    };
    Ok(nest(path, value))
}

/// `{a: {b: value}}` of the key `a.b`.
pub(super) fn nest(key: &str, value: Value) -> Value {
    key.rsplit('.').fold(value, |tree, part| {
        Value::Object(Map::from_iter([(part.trim().to_owned(), tree)]))
    })
}

pub(super) fn has_empty_part(key: &str) -> bool {
    key.split('.').any(|part| part.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn overrides_nest_and_read_yaml_values() {
        assert_eq!(
            parse_override("training.epochs=3").unwrap(),
            json!({"training": {"epochs": 3}})
        );
        assert_eq!(
            parse_override("data=[a, b]").unwrap(),
            json!({"data": ["a", "b"]})
        );
        assert_eq!(
            parse_override("unet.pretrained=").unwrap(),
            json!({"unet": {"pretrained": null}})
        );
    }

    #[test]
    fn an_override_without_a_value_says_so() {
        let message = parse_override("training.epochs").unwrap_err().to_string();
        assert!(message.contains("training.epochs"), "{message}");
        assert!(message.contains("no `=`"), "{message}");
    }

    #[test]
    fn a_misspelt_key_names_its_nearest_sibling() {
        let known = json!({"training": {"epochs": 1, "patience": 3}, "loader": {"batch_size": 4}});
        let error =
            refuse_unknown_keys(&known, &json!({"training": {"epoch": 2}}), "a.yaml").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown key `training.epoch` in a.yaml; did you mean `training.epochs`?"
        );
    }

    #[test]
    fn a_key_in_the_wrong_section_names_the_right_one() {
        let known = json!({"training": {"epochs": 1}, "loader": {"batch_size": 4}});
        let error = refuse_unknown_keys(
            &known,
            &json!({"training": {"batch_size": 2}}),
            "--set training.batch_size=2",
        )
        .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("did you mean `loader.batch_size`?")
        );
    }

    #[test]
    fn a_key_like_no_other_is_told_what_there_is() {
        let known = json!({"training": {"epochs": 1, "patience": 3}, "data": []});
        let told = |layer| {
            let error = refuse_unknown_keys(&known, &layer, "a.yaml").unwrap_err();
            error.to_string()
        };
        assert_eq!(
            told(json!({"training": {"foo": 2}})),
            "unknown key `training.foo` in a.yaml; the keys of `training` are epochs, patience"
        );
        assert_eq!(
            told(json!({"xyz": 2})),
            "unknown key `xyz` in a.yaml; the keys are data, training"
        );
    }

    #[test]
    fn a_choice_is_replaced_whole() {
        let known = json!({"schedule": {"kind": "constant"}});
        let layer = json!({"schedule": {"kind": "exponential", "gamma": 0.9}});
        refuse_unknown_keys(&known, &layer, "a.yaml").unwrap();
        let mut below = json!({"schedule": {"kind": "plateau", "patience": 3}});
        merge(&mut below, layer.clone());
        assert_eq!(below, layer);
    }

    #[test]
    fn lists_replace_and_objects_merge() {
        let mut below = json!({"data": ["a"], "training": {"epochs": 1, "patience": 3}});
        merge(
            &mut below,
            json!({"data": ["b", "c"], "training": {"epochs": 2}}),
        );
        assert_eq!(
            below,
            json!({"data": ["b", "c"], "training": {"epochs": 2, "patience": 3}})
        );
    }
}
