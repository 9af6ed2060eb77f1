//! Logical paths of artifacts that cannot point anywhere else.

use std::fmt;

use crate::error::Error;

/// The path of an artifact below its owner: names joined by `/`, such as `images/a+b~1.png`.
///
/// A path never is a place on a disk: contents are kept by digest. The rules keep it harmless
/// wherever it is shown, sent or unpacked: no empty, `.` or `..` name, no leading `/` or
/// drive letter, no backslash, no control character, at most 1,024 bytes, at most 255 a name,
/// and nothing that would break a rule once percent-decoded, however often.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactPath(String);

impl ArtifactPath {
    /// Checks a path as the user named it: `%` is a character like any other, as long as no
    /// decoding makes the path unsafe.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the rule it breaks.
    pub fn new(path: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            let shown: String = path.chars().take(120).collect();
            Error::invalid(format!("artifact path `{}`", shown.escape_debug()), why)
        };
        check(path).map_err(refuse)?;
        let mut decoded = percent_decode(path);
        while let Some(text) = decoded {
            check(&text).map_err(|why| refuse(&format!("percent-decoded, {why}")))?;
            decoded = percent_decode(&text);
        }
        Ok(Self(path.to_owned()))
    }

    /// The path of a URL: percent-decoded once, then checked. `+` is a plus.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the rule it breaks.
    pub fn from_url(path: &str) -> Result<Self, Error> {
        match percent_decode(path) {
            Some(decoded) => Self::new(&decoded),
            None => Self::new(path),
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(path: &str) -> Result<(), &'static str> {
    if path.len() > 1024 {
        return Err("it is longer than 1,024 bytes");
    }
    if path.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    if path.contains('\u{fffd}') {
        return Err("it is not UTF-8");
    }
    if path.contains('\\') {
        return Err("it holds a backslash");
    }
    if path.starts_with('/') {
        return Err("it is absolute");
    }
    let bytes = path.as_bytes();
    if bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        return Err("it begins with a drive letter");
    }
    for name in path.split('/') {
        if name.is_empty() || name == "." || name == ".." {
            return Err("a name in it is empty, `.` or `..`");
        }
        if name.len() > 255 {
            return Err("a name in it is longer than 255 bytes");
        }
    }
    Ok(())
}

/// The text with each `%XX` made the byte it stands for; `None` if there is none. Bytes that
/// are no UTF-8 become the replacement character.
fn percent_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let hex = |at: usize| {
        bytes
            .get(at)
            .and_then(|byte| char::from(*byte).to_digit(16))
    };
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%'
            && let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2))
        {
            decoded.push((high * 16 + low) as u8);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    (decoded.len() < bytes.len()).then(|| String::from_utf8_lossy(&decoded).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn harmless_paths_stay_as_they_are() {
        for path in [
            "model.pt",
            "images/a~b+step+1+timestamp+2.png",
            "größe/100%.txt",
            "a b/c:d",
            "..a",
            "x/...",
            "a%20b",
        ] {
            assert_eq!(ArtifactPath::new(path).unwrap().as_str(), path);
        }
        assert_eq!(ArtifactPath::from_url("a%20b+c").unwrap().as_str(), "a b+c");
    }

    #[test]
    fn harmful_paths_are_refused_with_the_rule() {
        let why = |path: &str| ArtifactPath::new(path).unwrap_err().to_string();
        assert_eq!(
            why("a/../b"),
            "artifact path `a/../b` is refused: a name in it is empty, `.` or `..`"
        );
        assert!(why("%2e%2e/b").contains("percent-decoded, a name in it"));
        assert!(why("%252e%252e%252fb").contains("percent-decoded"));
        for bad in [
            "", ".", "/etc", "%2fetc", "a//b", "a/", "C:/x", "c:x", "a\\b", "a%5cb", "a\nb",
            "a%00b", "a%ff", "\u{7f}", "..", "a/%2e",
        ] {
            assert!(ArtifactPath::new(bad).is_err(), "{bad:?}");
        }
        assert!(ArtifactPath::new(&"a/".repeat(600)).is_err());
        assert!(ArtifactPath::new(&"a".repeat(256)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_accepted_stays_below_its_root(path in "([a.%/\\\\:2eEfF5cC0 +~é]|\\.\\.|%2e|%2f|%25){0,12}") {
            if let Ok(path) = ArtifactPath::from_url(&path) {
                let joined = std::path::Path::new("root").join(path.as_str());
                prop_assert!(joined.starts_with("root"));
                prop_assert!(joined.components().skip(1).all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }
    }
}
