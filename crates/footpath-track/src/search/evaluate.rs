//! What a filter and an order mean, said plainly: small tables are searched by this, and the
//! SQL of the large ones is tested against it.

use std::cmp::Ordering;

use super::{Field, Filter, OrderBy, Pattern, Test};

/// What a thing has in a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// A number, perhaps NaN.
    Number(f64),
    /// A text.
    Text(String),
}

/// A thing with fields. A field may have several values (of a run's data sets) or none.
pub(crate) trait Fields {
    /// The values of a field.
    fn values(&self, field: &Field) -> Vec<Value>;
}

/// Whether a thing passes a filter.
pub(crate) fn matches(filter: &Filter, thing: &dyn Fields) -> bool {
    match filter {
        Filter::All(parts) => parts.iter().all(|part| matches(part, thing)),
        Filter::Any(parts) => parts.iter().any(|part| matches(part, thing)),
        Filter::Not(part) => !matches(part, thing),
        Filter::Is(field, Test::Absent) => thing.values(field).is_empty(),
        Filter::Is(field, test) => thing.values(field).iter().any(|value| passes(test, value)),
    }
}

fn passes(test: &Test, value: &Value) -> bool {
    match (test, value) {
        (Test::Present, _) => true,
        (Test::Number(comparison, right), Value::Number(left)) => comparison.holds(*left, *right),
        (Test::Number(comparison, right), Value::Text(left)) => {
            spelled_number(left).is_some_and(|left| comparison.holds(left, *right))
        }
        (Test::Equals(right), Value::Text(left)) => left == right,
        (Test::Differs(right), Value::Text(left)) => left != right,
        (Test::Like(pattern), Value::Text(left)) => pattern.matches(left),
        (Test::In(texts), Value::Text(left)) => texts.contains(left),
        (Test::NotIn(texts), Value::Text(left)) => !texts.contains(left),
        _ => false,
    }
}

/// The finite number that a parameter's text spells, if it spells one.
pub(crate) fn spelled_number(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// How two things stand in an order, as far as it says.
pub(crate) fn compare(order: &[OrderBy], left: &dyn Fields, right: &dyn Fields) -> Ordering {
    order
        .iter()
        .map(|by| {
            let (left, right) = (left.values(&by.field), right.values(&by.field));
            let (left, right) = (left.first(), right.first());
            rank(left).cmp(&rank(right)).then_with(|| {
                let ordering = match (left, right) {
                    (Some(Value::Number(left)), Some(Value::Number(right))) => {
                        left.partial_cmp(right).unwrap_or(Ordering::Equal)
                    }
                    (Some(Value::Text(left)), Some(Value::Text(right))) => left.cmp(right),
                    _ => Ordering::Equal,
                };
                if by.descending {
                    ordering.reverse()
                } else {
                    ordering
                }
            })
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Real values, then NaN, then what is absent, in both directions.
fn rank(value: Option<&Value>) -> u8 {
    match value {
        Some(Value::Number(number)) if number.is_nan() => 1,
        Some(_) => 0,
        None => 2,
    }
}

impl Pattern {
    /// Whether a text is like the pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if self.case_sensitive {
            return like(
                &self.text.chars().collect::<Vec<_>>(),
                &text.chars().collect::<Vec<_>>(),
            );
        }
        let lower = |text: &str| {
            text.chars()
                .flat_map(char::to_lowercase)
                .collect::<Vec<_>>()
        };
        like(&lower(&self.text), &lower(text))
    }
}

/// Matches in time proportional to pattern × text: on a mismatch only the last `%` takes more.
fn like(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut in_text) = (0, 0);
    let mut retry = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some('%') => {
                retry = Some((at + 1, in_text));
                at += 1;
            }
            Some(char) if *char == '_' || *char == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((behind, from)) = retry else {
                    return false;
                };
                retry = Some((behind, from + 1));
                (at, in_text) = (behind, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|char| *char == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        let like = |pattern: &str, text: &str, case_sensitive| {
            Pattern {
                text: pattern.into(),
                case_sensitive,
            }
            .matches(text)
        };
        assert!(
            like("a%", "abc", true)
                && like("%c", "abc", true)
                && like("%b%", "abc", true)
                && like("", "", true)
        );
        assert!(like("a_c", "abc", true) && like("%", "", true) && like("%a%b%", "xaxbx", true));
        assert!(
            !like("a_c", "ac", true)
                && !like("a", "abc", true)
                && !like("A%", "abc", true)
                && !like("_", "", true)
        );
        assert!(like("GRÖ%", "größe", false));
        assert!(!like(&"%a".repeat(50), &"a".repeat(49), true));
    }

    #[test]
    fn parameters_spell_numbers() {
        assert_eq!(spelled_number(" 1e-3 "), Some(0.001));
        assert_eq!(spelled_number("nan"), None);
        assert_eq!(spelled_number("1 px"), None);
    }
}
