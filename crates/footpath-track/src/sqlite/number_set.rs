//! Sets of row numbers: bits, since rows are numbered from one without large gaps.

/// A set of numbers that are not negative.
#[derive(Default)]
pub(super) struct NumberSet(Vec<u64>);

impl NumberSet {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, number: i64) {
        if let Ok(number) = usize::try_from(number) {
            let word = number / 64;
            if word >= self.0.len() {
                self.0.resize(word + 1, 0);
            }
            self.0[word] |= 1 << (number % 64);
        }
    }

    pub(super) fn contains(&self, number: i64) -> bool {
        usize::try_from(number).is_ok_and(|number| {
            let word = self.0.get(number / 64);
            word.is_some_and(|word| word >> (number % 64) & 1 == 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn holds_what_was_put_in(numbers in prop::collection::btree_set(0_i64..300, 0..40)) {
            let mut set = NumberSet::default();
            for &number in &numbers {
                set.insert(number);
            }
            let held: BTreeSet<i64> = (-70..400).filter(|&number| set.contains(number)).collect();
            prop_assert_eq!(held, numbers);
        }
    }
}
