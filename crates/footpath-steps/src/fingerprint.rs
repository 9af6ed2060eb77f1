//! The content digest of values that enter a pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::artifact::Record;
use crate::config;
use crate::digest::{Digest, Digester};
use crate::error::BoxError;

/// A value whose content can be digested, so that a changed input is noticed.
///
/// Equal digests must mean equal content: feed everything a step could see.
/// [`Record`] types (plain serialisable data) have it for free; files have
/// [`DataFile`](crate::DataFile).
///
/// ```
/// use footpath_steps::{BoxError, Digester, Fingerprint};
///
/// struct Band { name: String, wavelength_nm: f64 }
///
/// impl Fingerprint for Band {
///     fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
///         digester.str(&self.name).float(self.wavelength_nm);
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no content digest, so the pipeline could not tell when it changes",
    label = "a value that enters a pipeline needs `Fingerprint`",
    note = "for plain data derive `Serialize` and `Deserialize` and implement `Record`; otherwise implement `Fingerprint`"
)]
pub trait Fingerprint {
    /// Feeds the whole content to `digester`.
    ///
    /// # Errors
    /// When the content cannot be read (a missing file) or has no stable form (NaN in a record).
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError>;

    /// What people call this value within a collection, such as a file's name.
    ///
    /// Not part of the digest; [`Plan`](crate::Plan) uses it to tell what changed.
    fn label(&self) -> Option<String> {
        None
    }

    /// The labelled parts of a collection, each with its digest.
    fn listing(&self) -> Listing {
        Listing::new()
    }
}

/// The labelled parts of an input, by label.
pub type Listing = BTreeMap<String, Digest>;

/// The listing of values in order; empty unless all have labels.
pub(crate) fn listing<'a, T: Fingerprint + 'a>(values: impl Iterator<Item = &'a T>) -> Listing {
    let part = |value: &T| {
        let label = value.label()?;
        let mut digester = Digester::new("item");
        value.fingerprint(&mut digester).ok()?;
        Some((label, digester.finish()))
    };
    values
        .map(part)
        .collect::<Option<Listing>>()
        .unwrap_or_default()
}

impl<T: Record> Fingerprint for T {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.str(T::TYPE).digest(&config::digest_of(self)?);
        Ok(())
    }
}

macro_rules! fingerprint_scalar {
    ($($type:ty => $method:ident),* $(,)?) => {$(
        impl Fingerprint for $type {
            fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
                digester.$method(*self);
                Ok(())
            }
        }
    )*};
}

// No `usize` or `isize`: their width depends on the machine.
fingerprint_scalar! {
    bool => bool, f32 => float, f64 => float,
    i8 => integer, i16 => integer, i32 => integer, i64 => integer,
    u8 => integer, u16 => integer, u32 => integer, u64 => integer,
}

impl Fingerprint for () {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.none();
        Ok(())
    }
}

impl Fingerprint for str {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.str(self);
        Ok(())
    }
}

impl Fingerprint for String {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        self.as_str().fingerprint(digester)
    }
}

impl<T: Fingerprint + ?Sized> Fingerprint for Arc<T> {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        self.as_ref().fingerprint(digester)
    }

    fn label(&self) -> Option<String> {
        self.as_ref().label()
    }

    fn listing(&self) -> Listing {
        self.as_ref().listing()
    }
}

impl<T: Fingerprint> Fingerprint for Option<T> {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.list(u64::from(self.is_some()));
        self.as_ref()
            .map_or(Ok(()), |value| value.fingerprint(digester))
    }
}

impl<T: Fingerprint> Fingerprint for [T] {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.list(self.len() as u64);
        self.iter()
            .try_for_each(|value| value.fingerprint(digester))
    }
}

impl<T: Fingerprint> Fingerprint for Vec<T> {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        self.as_slice().fingerprint(digester)
    }

    fn listing(&self) -> Listing {
        listing(self.iter())
    }
}

impl<T: Fingerprint, const N: usize> Fingerprint for [T; N] {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        self.as_slice().fingerprint(digester)
    }
}

impl<T: Fingerprint> Fingerprint for BTreeSet<T> {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.list(self.len() as u64);
        self.iter()
            .try_for_each(|value| value.fingerprint(digester))
    }
}

impl<K: Fingerprint, V: Fingerprint> Fingerprint for BTreeMap<K, V> {
    fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
        digester.map(self.len() as u64);
        self.iter().try_for_each(|(key, value)| {
            key.fingerprint(digester)?;
            value.fingerprint(digester)
        })
    }
}

macro_rules! fingerprint_tuple {
    ($($name:ident),*) => {
        impl<$($name: Fingerprint),*> Fingerprint for ($($name,)*) {
            #[expect(non_snake_case, reason = "the type parameters name the fields")]
            fn fingerprint(&self, digester: &mut Digester) -> Result<(), BoxError> {
                let ($($name,)*) = self;
                $($name.fingerprint(digester)?;)*
                Ok(())
            }
        }
    };
}

fingerprint_tuple!(A, B);
fingerprint_tuple!(A, B, C);
fingerprint_tuple!(A, B, C, D);

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(value: &impl Fingerprint) -> Digest {
        let mut digester = Digester::new("test");
        value.fingerprint(&mut digester).unwrap();
        digester.finish()
    }

    #[test]
    fn nesting_is_part_of_the_content() {
        assert_ne!(
            digest(&vec![vec![1_u8, 2], vec![3]]),
            digest(&vec![vec![1_u8], vec![2, 3]])
        );
        assert_ne!(digest(&Some(1_u8)), digest(&None::<u8>));
        assert_ne!(digest(&"ab".to_owned()), digest(&vec![b'a', b'b']));
    }

    #[test]
    fn widths_of_integers_do_not_matter() {
        assert_eq!(digest(&7_u8), digest(&7_i64));
    }
}
