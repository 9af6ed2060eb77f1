//! Passwords and tokens: how they are made, and how they are kept so that the store's reader
//! cannot use them.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;

/// What every token begins with, so that people and scanners know one when they see it.
pub(crate) const TOKEN_PREFIX: &str = "fpt_";

/// An API token: a public id by which it is found, and a secret of 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The public id.
    pub(crate) id: String,
    /// The secret.
    pub(crate) secret: String,
}

impl Token {
    /// A new token.
    pub(crate) fn random() -> Self {
        Self {
            id: random_text(9).replace(['-', '_'], "x"),
            secret: random_text(32),
        }
    }

    /// The token as its owner writes it.
    pub(crate) fn text(&self) -> String {
        format!("{TOKEN_PREFIX}{}_{}", self.id, self.secret)
    }

    /// Reads a token; `None` if the text is not shaped like one.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(TOKEN_PREFIX)?.split_once('_')?;
        let plain =
            !id.is_empty() && id.len() <= 32 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain && !secret.is_empty() && secret.len() <= 128).then(|| Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
        })
    }
}

fn random_text(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    rand::rng().fill_bytes(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}

/// Argon2id with 19 MiB and two passes: the first choice of the OWASP password storage cheat
/// sheet.
fn argon2() -> Argon2<'static> {
    Argon2::new(
        Algorithm::Argon2id,
        Version::V0x13,
        Params::new(19 * 1024, 2, 1, None).unwrap_or(Params::DEFAULT),
    )
}

/// The hash of a secret in PHC format; `None` if the secret is absurdly long.
pub(crate) fn hash(secret: &str) -> Option<String> {
    let mut salt = [0; 16];
    rand::rng().fill_bytes(&mut salt);
    let salt = SaltString::encode_b64(&salt).ok()?;
    argon2()
        .hash_password(secret.as_bytes(), &salt)
        .ok()
        .map(|hash| hash.to_string())
}

/// Whether a secret is the hashed one.
pub(crate) fn verify(secret: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| argon2().verify_password(secret.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_written_and_only_its_hash_is_kept() {
        let token = Token::random();
        assert!(Token::read(&token.text()).is_some_and(|read| read == token));
        let kept = hash(&token.secret).unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !kept.contains(&token.secret)
        );
        assert!(verify(&token.secret, &kept));
        assert!(!verify("other", &kept) && !verify(&token.secret, "no hash"));
        for bad in [
            "",
            "fpt_",
            "fpt_a",
            "fpt__x",
            "fpt_a_",
            "ghp_a_b",
            "fpt_a/b_c",
        ] {
            assert!(Token::read(bad).is_none(), "{bad}");
        }
    }
}
