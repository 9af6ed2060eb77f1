//! What differs between two configs, and between two listings of an input's parts.

use serde_json::Value as Json;

use crate::digest::Digest;
use crate::fingerprint::Listing;
use crate::reason::Reason;

/// Adds a reason for each parameter that differs, with its path below `path`.
pub(crate) fn changed_parameters(old: &Json, new: &Json, path: &str, reasons: &mut Vec<Reason>) {
    let below = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match (old, new) {
        (Json::Object(old), Json::Object(new)) => {
            for (name, value) in old {
                changed_parameters(
                    value,
                    new.get(name).unwrap_or(&Json::Null),
                    &below(name),
                    reasons,
                );
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                changed_parameters(&Json::Null, value, &below(name), reasons);
            }
        }
        (Json::Array(old), Json::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                changed_parameters(old, new, &below(&index.to_string()), reasons);
            }
        }
        (old, new) if old == new => {}
        (old, new) => reasons.push(Reason::Config {
            path: path.to_owned(),
            old: old.clone(),
            new: new.clone(),
        }),
    }
}

/// Which labelled parts changed, came and went; `None` if none did.
pub(crate) fn changed_parts(before: &Listing, now: &Listing) -> Option<String> {
    let changed =
        |label: &String, digest: &Digest| before.get(label).is_some_and(|old| old != digest);
    let changed: Vec<_> = now
        .iter()
        .filter(|(label, digest)| changed(label, digest))
        .map(|(label, _)| label)
        .collect();
    let added: Vec<_> = now
        .keys()
        .filter(|label| !before.contains_key(*label))
        .collect();
    let removed: Vec<_> = before
        .keys()
        .filter(|label| !now.contains_key(*label))
        .collect();
    let told: Vec<String> = [("changed", changed), ("added", added), ("removed", removed)]
        .into_iter()
        .filter(|(_, labels)| !labels.is_empty())
        .map(|(what, labels)| {
            let first = labels[0];
            match labels.len() {
                1 => format!("`{first}` {what}"),
                count => format!("{count} files {what} (`{first}`, …)"),
            }
        })
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_changed_parameter_is_told_by_its_path() {
        let mut reasons = Vec::new();
        let old = json!({"loader": {"batch_size": 20, "shuffle": true}, "lr": [1, 2]});
        let new = json!({"loader": {"batch_size": 16, "shuffle": true}, "lr": [1, 3]});
        changed_parameters(&old, &new, "", &mut reasons);
        let told: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["`loader.batch_size` 20 → 16", "`lr.1` 2 → 3"]);
    }

    #[test]
    fn listings_are_compared_by_label() {
        let digest = |text: &str| Digest::of_bytes(text.as_bytes());
        let before = Listing::from([
            ("a".into(), digest("1")),
            ("b".into(), digest("2")),
            ("c".into(), digest("3")),
        ]);
        let now = Listing::from([
            ("a".into(), digest("9")),
            ("b".into(), digest("8")),
            ("d".into(), digest("4")),
        ]);
        let told = changed_parts(&before, &now).unwrap();
        assert_eq!(told, "2 files changed (`a`, …), `d` added, `c` removed");
        assert_eq!(changed_parts(&now, &now), None);
    }
}
