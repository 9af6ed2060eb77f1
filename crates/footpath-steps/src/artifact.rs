//! How a value becomes bytes in the store and a value again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::BoxError;

/// A value the store can keep.
///
/// Two routes lead here:
/// - plain data: derive `Serialize` and `Deserialize` and implement [`Record`];
/// - anything big or with a format of its own (weights, pictures): implement
///   `Artifact` and hand over the bytes, which are stored as they are.
///
/// ```
/// use std::borrow::Cow;
/// use footpath_steps::{Artifact, BoxError};
///
/// struct Weights(Vec<u8>);
///
/// impl Artifact for Weights {
///     fn type_tag() -> Cow<'static, str> { "safetensors@1".into() }
///     fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> { Ok(Cow::Borrowed(&self.0)) }
///     fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> { Ok(Weights(bytes)) }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a store",
    label = "this value has no form as bytes",
    note = "for plain data derive `Serialize` and `Deserialize` and implement `Record`; for values with a byte format implement `Artifact`"
)]
pub trait Artifact: Sized + Send + Sync + 'static {
    /// The name and version of the byte format, such as `mask-png@1`.
    ///
    /// A stored value with another tag is not decoded but computed again:
    /// raise the version when the format changes.
    fn type_tag() -> Cow<'static, str>;

    /// The value as bytes; borrowed where it already is bytes.
    ///
    /// # Errors
    /// When the value has no form as bytes.
    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError>;

    /// The value of these bytes, whose digest has been verified.
    ///
    /// # Errors
    /// When the bytes are not what `encode` gives.
    fn decode(bytes: Vec<u8>) -> Result<Self, BoxError>;
}

/// Plain serialisable data: an [`Artifact`] (as CBOR) and a
/// [`Fingerprint`](crate::Fingerprint) by one short impl.
///
/// ```
/// use footpath_steps::Record;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Flower { petal_length_cm: f64, species: String }
///
/// impl Record for Flower {
///     const TYPE: &'static str = "flower";
///     const VERSION: u32 = 1;
/// }
/// ```
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of the type; explicit, so that renaming or moving the Rust type changes nothing.
    const TYPE: &'static str;
    /// The version of its fields: raise it when old data would be read wrongly.
    const VERSION: u32;
}

impl<T: Record> Artifact for T {
    fn type_tag() -> Cow<'static, str> {
        format!("{}@{}", T::TYPE, T::VERSION).into()
    }

    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
        cbor(self)
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> {
        from_cbor(&bytes)
    }
}

/// Bytes stored as they are: a file's content, an encoded picture, weights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bytes(pub Vec<u8>);

impl Artifact for Bytes {
    fn type_tag() -> Cow<'static, str> {
        "bytes@1".into()
    }

    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
        Ok(Cow::Borrowed(&self.0))
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> {
        Ok(Self(bytes))
    }
}

impl crate::Fingerprint for Bytes {
    fn fingerprint(&self, digester: &mut crate::Digester) -> Result<(), BoxError> {
        digester.digest(&crate::Digest::of_bytes(&self.0));
        Ok(())
    }
}

fn cbor<T: Serialize + ?Sized>(value: &T) -> Result<Cow<'_, [u8]>, BoxError> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes)?;
    Ok(Cow::Owned(bytes))
}

fn from_cbor<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BoxError> {
    Ok(ciborium::from_reader(bytes)?)
}

macro_rules! artifact_by_serde {
    ($(<$($name:ident),*> $type:ty => $tag:expr),* $(,)?) => {$(
        impl<$($name: Artifact + Serialize + DeserializeOwned),*> Artifact for $type {
            fn type_tag() -> Cow<'static, str> {
                $tag.into()
            }

            fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
                cbor(self)
            }

            fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> {
                from_cbor(&bytes)
            }
        }
    )*};
}

artifact_by_serde! {
    <> () => "unit", <> bool => "bool", <> String => "string",
    <> f32 => "f32", <> f64 => "f64",
    <> i8 => "i8", <> i16 => "i16", <> i32 => "i32", <> i64 => "i64",
    <> u8 => "u8", <> u16 => "u16", <> u32 => "u32", <> u64 => "u64",
    <T> Vec<T> => format!("[{}]", T::type_tag()),
    <T> Option<T> => format!("{}?", T::type_tag()),
    <A, B> (A, B) => format!("({}, {})", A::type_tag(), B::type_tag()),
    <A, B, C> (A, B, C) => format!("({}, {}, {})", A::type_tag(), B::type_tag(), C::type_tag()),
}

impl<K, V> Artifact for BTreeMap<K, V>
where
    K: Artifact + Serialize + DeserializeOwned + Ord,
    V: Artifact + Serialize + DeserializeOwned,
{
    fn type_tag() -> Cow<'static, str> {
        format!("{{{}: {}}}", K::type_tag(), V::type_tag()).into()
    }

    fn encode(&self) -> Result<Cow<'_, [u8]>, BoxError> {
        cbor(self)
    }

    fn decode(bytes: Vec<u8>) -> Result<Self, BoxError> {
        from_cbor(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: Artifact>(value: &T) -> T {
        T::decode(value.encode().unwrap().into_owned()).unwrap()
    }

    #[test]
    fn floats_survive_exactly() {
        let values = vec![0.1_f64, -0.0, f64::INFINITY, f64::MIN_POSITIVE];
        let again = round_trip(&values);
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values), bits(&again));
        assert!(round_trip(&f64::NAN).is_nan());
    }

    #[test]
    fn type_tags_tell_containers_apart() {
        assert_eq!(<Vec<(f64, String)>>::type_tag(), "[(f64, string)]");
        assert_eq!(<BTreeMap<String, Option<u8>>>::type_tag(), "{string: u8?}");
    }

    #[test]
    fn raw_bytes_are_not_copied_through_an_encoding() {
        let bytes = Bytes(vec![1, 2, 3]);
        assert!(matches!(bytes.encode().unwrap(), Cow::Borrowed([1, 2, 3])));
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        assert!(<Vec<String>>::decode(vec![0xff, 0x00]).is_err());
    }
}
