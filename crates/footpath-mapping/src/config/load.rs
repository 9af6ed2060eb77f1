//! From files and overrides to a typed configuration.

use super::ConfigError;
use super::layer::{has_empty_part, merge, nest, parse_override, refuse_unknown_keys};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;
use std::path::Path;

/// Reads a configuration: the defaults of `T`, then `file` (YAML), then each `key=value` of
/// `overrides` in order.
///
/// # Errors
/// An unreadable or malformed file, a key that `T` does not have (with the nearest valid one),
/// or a value of the wrong type (with its key).
pub fn load<T>(file: Option<&Path>, overrides: &[String]) -> Result<T, ConfigError>
where
    T: Default + Serialize + DeserializeOwned,
{
    let text = match file {
        None => None,
        Some(path) => Some((
            std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.to_owned(),
                source,
            })?,
            path.display().to_string(),
        )),
    };
    let text = text.as_ref().map(|(text, origin)| (&**text, &**origin));
    load_text(text, overrides)
}

/// `base` with the keys of `changes` in the place of its own; `loss.dice` means `dice` in `loss`.
///
/// # Errors
/// As [`load`]; `origin` is what a message calls `changes`.
pub fn overlay<T>(base: &T, changes: &Map<String, Value>, origin: &str) -> Result<T, ConfigError>
where
    T: Serialize + DeserializeOwned,
{
    let refused = |key: &str, message: String| ConfigError::Value {
        key: key.to_owned(),
        message,
        origin: origin.to_owned(),
    };
    let known = serde_json::to_value(base).map_err(|error| refused("", error.to_string()))?;
    let mut merged = known.clone();
    for (key, value) in changes {
        if has_empty_part(key) {
            return Err(refused(key, "a part of the key is empty".to_owned()));
        }
        let layer = nest(key, value.clone());
        refuse_unknown_keys(&known, &layer, origin)?;
        merge(&mut merged, layer);
    }
    serde_path_to_error::deserialize(merged)
        .map_err(|error| refused(&error.path().to_string(), in_yaml_words(error.inner())))
}

/// [`load`] from the text of a file and the name to call it by.
pub(super) fn load_text<T>(
    text: Option<(&str, &str)>,
    overrides: &[String],
) -> Result<T, ConfigError>
where
    T: Default + Serialize + DeserializeOwned,
{
    let known = serde_json::to_value(T::default()).map_err(|source| ConfigError::Value {
        key: String::new(),
        message: source.to_string(),
        origin: "the defaults".to_owned(),
    })?;
    let mut merged = known.clone();
    let mut layers = Vec::new();
    if let Some((text, origin)) = text
        && !text.trim().is_empty()
    {
        let layer: Value = serde_saphyr::from_str(text).map_err(|error| ConfigError::Syntax {
            origin: origin.to_owned(),
            message: error.to_string(),
        })?;
        match layer {
            Value::Null => {}
            Value::Object(_) => {
                refuse_unknown_keys(&known, &layer, origin)?;
                merge(&mut merged, layer.clone());
                layers.push((layer, origin.to_owned()));
            }
            _ => {
                return Err(ConfigError::Syntax {
                    origin: origin.to_owned(),
                    message: "expected `key: value` lines".to_owned(),
                });
            }
        }
    }
    for text in overrides {
        let origin = format!("--set {text}");
        let layer = parse_override(text)?;
        refuse_unknown_keys(&known, &layer, &origin)?;
        merge(&mut merged, layer.clone());
        layers.push((layer, origin));
    }
    serde_path_to_error::deserialize(merged).map_err(|error| {
        let set_in = layers
            .iter()
            .rev()
            .find(|(layer, _)| sets(layer, error.path()));
        ConfigError::Value {
            key: error.path().to_string(),
            message: in_yaml_words(error.inner()),
            origin: set_in
                .map_or("the defaults", |(_, origin)| origin)
                .to_owned(),
        }
    })
}

/// What is wrong, without the words of serde that writers of YAML cannot know.
fn in_yaml_words(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let Some((before, expected)) = message.rsplit_once("expected ") else {
        return message;
    };
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "text",
        "a sequence" => "a list",
        other if other.starts_with("internally tagged enum ") => {
            "a mapping with the key `kind`, as `footpath config show` prints it"
        }
        other => other,
    };
    format!("{before}expected {expected}")
}

/// Whether a layer gives the value at `path`, or something in its place.
fn sets(layer: &Value, path: &serde_path_to_error::Path) -> bool {
    let mut here = layer;
    for segment in path {
        match (segment, here) {
            (Segment::Map { key }, Value::Object(keys)) => match keys.get(key) {
                Some(below) => here = below,
                None => return false,
            },
            _ => return true,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Toy {
        seed: u64,
        training: Training,
    }
    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(default, deny_unknown_fields)]
    struct Training {
        epochs: usize,
        split: Split,
    }
    #[derive(Debug, Default, Serialize, Deserialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Split {
        #[default]
        None,
    }
    impl Default for Training {
        fn default() -> Self {
            Self {
                epochs: 100,
                split: Split::None,
            }
        }
    }
    impl Default for Toy {
        fn default() -> Self {
            Self {
                seed: 1,
                training: Training::default(),
            }
        }
    }

    #[test]
    fn later_layers_win() {
        let text = "seed: 5\ntraining:\n  epochs: 7\n";
        let toy: Toy =
            load_text(Some((text, "toy.yaml")), &["training.epochs=9".to_owned()]).unwrap();
        assert_eq!((toy.seed, toy.training.epochs), (5, 9));
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let toy: Toy = load_text(Some(("# nothing yet\n", "toy.yaml")), &[]).unwrap();
        assert_eq!(toy, Toy::default());
    }

    #[test]
    fn a_wrong_type_names_its_key() {
        let error =
            load_text::<Toy>(Some(("training: {epochs: many}", "toy.yaml")), &[]).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("training.epochs"), "{message}");
        assert!(message.contains("many"), "{message}");
        assert!(
            message.contains("expected a whole number from 0 on"),
            "{message}"
        );
    }

    #[test]
    fn a_value_without_kind_tells_how_to_write_it() {
        for wrong in ["null", "none"] {
            let overrides = [format!("training.split={wrong}")];
            let message = load_text::<Toy>(None, &overrides).unwrap_err().to_string();
            assert!(message.contains("the key `kind`"), "{message}");
            assert!(!message.contains("enum"), "{message}");
        }
    }

    #[test]
    fn a_wrong_value_is_looked_for_where_it_was_set() {
        let wrong = "training.epochs=many".to_owned();
        let overrides = [wrong, "seed=2".to_owned()];
        let error = load_text::<Toy>(Some(("seed: 1", "toy.yaml")), &overrides).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("--set training.epochs=many"), "{message}");
        let text = "training: {epochs: many}";
        let overrides = ["seed=2".to_owned()];
        let error = load_text::<Toy>(Some((text, "toy.yaml")), &overrides).unwrap_err();
        assert!(error.to_string().contains("toy.yaml"), "{error}");
    }

    #[test]
    fn broken_yaml_names_the_file() {
        let error = load_text::<Toy>(Some(("training: [", "toy.yaml")), &[]).unwrap_err();
        assert!(error.to_string().contains("toy.yaml"), "{error}");
    }
}
