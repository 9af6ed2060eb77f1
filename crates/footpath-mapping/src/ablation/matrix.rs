//! Which configurations are tried.

/// A key and the values it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The key, with dots.
    pub key: String,
    /// Its values, as YAML.
    pub values: Vec<String>,
}

/// One configuration: the base with some keys changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// `key=value` for each changed key.
    pub overrides: Vec<String>,
}

impl Variant {
    /// The changes in one line.
    #[must_use]
    pub fn label(&self) -> String {
        self.overrides.join(" ")
    }
}

/// An axis that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot read `--over {text}`: {reason}; write it as `--over section.key=value,value`, for example \
     `--over postprocess.threshold=0.3,0.4`"
)]
pub struct MatrixError {
    text: String,
    reason: &'static str,
}

impl std::str::FromStr for Axis {
    type Err = MatrixError;

    /// `key=v1,v2,…`; commas within brackets, braces and quotes do not part values.
    fn from_str(text: &str) -> Result<Self, MatrixError> {
        let refused = |reason| MatrixError {
            text: text.to_owned(),
            reason,
        };
        let (key, values) = text.split_once('=').ok_or(refused("there is no `=`"))?;
        if key.trim().is_empty() {
            return Err(refused("there is no key"));
        }
        let values = split_values(values).ok_or(refused("a bracket or quote is not closed"))?;
        if values.iter().any(String::is_empty) {
            return Err(refused("a value is empty (write `null` for none)"));
        }
        let mut distinct = values.clone();
        distinct.sort();
        distinct.dedup();
        if distinct.len() < values.len() {
            return Err(refused("a value is there twice"));
        }
        Ok(Self {
            key: key.trim().to_owned(),
            values,
        })
    }
}

/// The values between the outermost commas; none if a bracket or quote stays open.
fn split_values(text: &str) -> Option<Vec<String>> {
    let mut values = vec![String::new()];
    let (mut depth, mut quote) = (0_u32, None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.checked_sub(1)?,
            (None, ',') if depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        values.last_mut()?.push(c);
    }
    let closed = depth == 0 && quote.is_none();
    closed.then(|| values.iter().map(|v| v.trim().to_owned()).collect())
}

/// Every combination of the axes' values, the last axis changing fastest; or, `one_at_a_time`, each
/// value of each axis alone.
#[must_use]
pub fn variants(axes: &[Axis], one_at_a_time: bool) -> Vec<Variant> {
    let settings = |axis: &Axis| {
        let key = axis.key.clone();
        let set = move |value: &String| format!("{key}={value}");
        axis.values.iter().map(set).collect::<Vec<String>>()
    };
    if one_at_a_time {
        let all = axes.iter().flat_map(settings);
        return all
            .map(|one| Variant {
                overrides: vec![one],
            })
            .collect();
    }
    let mut product = vec![Vec::new()];
    for axis in axes {
        let longer = |head: Vec<String>| {
            settings(axis).into_iter().map(move |setting| {
                let mut overrides = head.clone();
                overrides.push(setting);
                overrides
            })
        };
        product = product.into_iter().flat_map(longer).collect();
    }
    product.retain(|overrides: &Vec<String>| !overrides.is_empty());
    product
        .into_iter()
        .map(|overrides| Variant { overrides })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(text: &str) -> Axis {
        text.parse().unwrap()
    }

    #[test]
    fn values_part_at_outer_commas() {
        let found = axis("postprocess.split={kind: core, threshold: 0.5},{kind: none}");
        assert_eq!(found.key, "postprocess.split");
        assert_eq!(
            found.values,
            ["{kind: core, threshold: 0.5}", "{kind: none}"]
        );
        assert_eq!(axis("a='x,y',[1, 2],3").values, ["'x,y'", "[1, 2]", "3"]);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (text, reason) in [
            ("threshold", "no `=`"),
            ("=1", "no key"),
            ("a=1,", "empty"),
            ("a=[1,2", "not closed"),
            ("a=1]", "not closed"),
            ("a=1,2,1", "twice"),
        ] {
            let error = text.parse::<Axis>().unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn axes_multiply_or_stand_alone() {
        let axes = [axis("a=1,2"), axis("b=x,y")];
        let labels = |alone| {
            let found = variants(&axes, alone);
            found.iter().map(Variant::label).collect::<Vec<_>>()
        };
        assert_eq!(labels(false), ["a=1 b=x", "a=1 b=y", "a=2 b=x", "a=2 b=y"]);
        assert_eq!(labels(true), ["a=1", "a=2", "b=x", "b=y"]);
        assert_eq!(variants(&[], false), []);
    }
}
