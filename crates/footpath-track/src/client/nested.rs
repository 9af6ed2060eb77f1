//! Parameters of any type, nested ones by dotted keys.

use serde::Serialize;
use serde_json::Value;

/// The parameters that a value holds, as keys and texts: fields of structures and maps by
/// dotted keys below `prefix`, lists as JSON, numbers and truth values as they are written,
/// what is absent as `null`.
pub(super) fn flatten(
    prefix: &str,
    value: &impl Serialize,
) -> Result<Vec<(String, String)>, serde_json::Error> {
    let mut params = Vec::new();
    // By way of a text, for a value would tell a 32-bit 0.4 as 0.4000000059604645.
    let value = serde_json::from_str(&serde_json::to_string(value)?)?;
    add(prefix.to_owned(), value, &mut params);
    Ok(params)
}

fn add(key: String, value: Value, params: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                let key = if key.is_empty() {
                    name
                } else {
                    format!("{key}.{name}")
                };
                add(key, value, params);
            }
        }
        Value::String(text) => params.push((key, text)),
        other => params.push((key, other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_get_dotted_keys() {
        let config = serde_json::json!({"lr": 0.01, "net": {"depth": 34, "pretrained": true, "name": "unet"}, "sizes": [1, 2], "none": null, "empty": {}});
        let mut params = flatten("", &config).unwrap();
        params.sort();
        let params: Vec<String> = params
            .into_iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            params,
            [
                "empty={}",
                "lr=0.01",
                "net.depth=34",
                "net.name=unet",
                "net.pretrained=true",
                "none=null",
                "sizes=[1,2]"
            ]
        );
        assert_eq!(
            flatten("lr", &0.5).unwrap(),
            [("lr".to_owned(), "0.5".to_owned())]
        );
        assert_eq!(
            flatten("threshold", &0.4_f32).unwrap(),
            [("threshold".to_owned(), "0.4".to_owned())]
        );
        assert_eq!(
            flatten("a", &serde_json::json!({"b": "c"})).unwrap(),
            [("a.b".to_owned(), "c".to_owned())]
        );
    }
}
