//! Users and tokens as documents of the store.

use std::collections::BTreeMap;

use footpath_track::Store;
use serde::{Deserialize, Serialize};

use super::role::Role;
use super::secret::{self, Token};
use crate::clock::now_ms;

const USERS: &str = "users";
const TOKENS: &str = "tokens";

/// Someone who may use the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name: 1 to 64 letters, digits, `.`, `_`, `@` or `-`.
    pub name: String,
    /// Whether the user may do everything everywhere, and make users.
    #[serde(default)]
    pub admin: bool,
    /// Roles by project.
    #[serde(default)]
    pub roles: BTreeMap<String, Role>,
}

#[derive(Serialize, Deserialize)]
struct StoredUser {
    #[serde(flatten)]
    user: User,
    password: Option<String>,
    created_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredToken {
    user: String,
    note: String,
    hash: String,
    created_ms: i64,
    expires_ms: Option<i64>,
}

/// A token without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenInfo {
    /// The public id.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// What it is for, in its maker's words.
    pub note: String,
    /// When it was made, Unix milliseconds.
    pub created_ms: i64,
    /// When it ends, Unix milliseconds; `None` for never.
    pub expires_ms: Option<i64>,
}

/// Why an account could not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// A name breaks the rule.
    #[error(
        "user name `{0}` is refused: 1 to 64 letters, digits, `.`, `_`, `@` or `-` are allowed"
    )]
    Name(String),
    /// A password is too short or too long.
    #[error("the password is refused: 12 to 256 characters are allowed")]
    Password,
    /// There is no such user.
    #[error("there is no user `{0}`")]
    NoUser(String),
    /// There is no such token.
    #[error("there is no token `{0}`")]
    NoToken(String),
    /// A stored account cannot be read.
    #[error("the account `{0}` in the store is damaged: {1}")]
    Damaged(String, #[source] serde_json::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] footpath_track::Error),
}

/// The users and tokens of a store.
pub struct Accounts<'a>(pub &'a dyn Store);

impl Accounts<'_> {
    /// All users, by name.
    ///
    /// # Errors
    /// When the store fails or an account is damaged.
    pub fn users(&self) -> Result<Vec<User>, AccountError> {
        self.0
            .documents(USERS)?
            .iter()
            .map(|(name, text)| Ok(read::<StoredUser>(name, text)?.user))
            .collect()
    }

    /// Makes a user, or changes one. Without a password a new user has only tokens, and an old
    /// one keeps what it had.
    ///
    /// # Errors
    /// [`AccountError::Name`], [`AccountError::Password`], or the store's.
    pub fn put_user(&self, user: &User, password: Option<&str>) -> Result<(), AccountError> {
        let named = (1..=64).contains(&user.name.len())
            && user
                .name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._@-".contains(c));
        if !named {
            return Err(AccountError::Name(user.name.escape_debug().collect()));
        }
        let known = self.user(&user.name)?;
        let password = match password {
            None => known.as_ref().and_then(|known| known.password.clone()),
            Some(text) if (12..=256).contains(&text.chars().count()) => secret::hash(text),
            Some(_) => return Err(AccountError::Password),
        };
        let created_ms = known.map_or_else(now_ms, |known| known.created_ms);
        self.write(
            USERS,
            &user.name,
            &StoredUser {
                user: user.clone(),
                password,
                created_ms,
            },
        )
    }

    /// Gives a user a role in a project in place of what the user had there, or takes it back.
    ///
    /// # Errors
    /// [`AccountError::NoUser`], or the store's.
    pub fn set_role(
        &self,
        name: &str,
        project: &str,
        role: Option<Role>,
    ) -> Result<(), AccountError> {
        let mut known = self
            .user(name)?
            .ok_or_else(|| AccountError::NoUser(name.to_owned()))?;
        match role {
            Some(role) => drop(known.user.roles.insert(project.to_owned(), role)),
            None => drop(known.user.roles.remove(project)),
        }
        self.write(USERS, name, &known)
    }

    /// Removes a user and the user's tokens.
    ///
    /// # Errors
    /// [`AccountError::NoUser`], or the store's.
    pub fn remove_user(&self, name: &str) -> Result<(), AccountError> {
        if !self.0.delete_document(USERS, name)? {
            return Err(AccountError::NoUser(name.to_owned()));
        }
        for token in self.tokens()?.iter().filter(|token| token.user == name) {
            self.0.delete_document(TOKENS, &token.id)?;
        }
        Ok(())
    }

    /// Makes a token and gives its text, which cannot be read again.
    ///
    /// # Errors
    /// [`AccountError::NoUser`], or the store's.
    pub fn new_token(
        &self,
        user: &str,
        note: &str,
        expires_ms: Option<i64>,
    ) -> Result<String, AccountError> {
        if self.user(user)?.is_none() {
            return Err(AccountError::NoUser(user.to_owned()));
        }
        let token = Token::random();
        let hash = secret::hash(&token.secret).ok_or(AccountError::Password)?;
        let stored = StoredToken {
            user: user.to_owned(),
            note: note.to_owned(),
            hash,
            created_ms: now_ms(),
            expires_ms,
        };
        self.write(TOKENS, &token.id, &stored)?;
        Ok(token.text())
    }

    /// All tokens, by id.
    ///
    /// # Errors
    /// When the store fails or an account is damaged.
    pub fn tokens(&self) -> Result<Vec<TokenInfo>, AccountError> {
        let info = |(id, text): (String, String)| {
            let StoredToken {
                user,
                note,
                created_ms,
                expires_ms,
                ..
            } = read(&id, &text)?;
            Ok(TokenInfo {
                id,
                user,
                note,
                created_ms,
                expires_ms,
            })
        };
        self.0.documents(TOKENS)?.into_iter().map(info).collect()
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`AccountError::NoToken`], or the store's.
    pub fn remove_token(&self, id: &str) -> Result<(), AccountError> {
        if self.0.delete_document(TOKENS, id)? {
            Ok(())
        } else {
            Err(AccountError::NoToken(id.to_owned()))
        }
    }

    /// The user whose token this is; `None` if it is no one's.
    pub(crate) fn by_token(&self, text: &str) -> Result<Option<User>, AccountError> {
        let Some(token) = Token::read(text) else {
            return Ok(None);
        };
        let Some(stored) = self.0.document(TOKENS, &token.id)? else {
            return Ok(None);
        };
        let stored: StoredToken = read(&token.id, &stored)?;
        if stored.expires_ms.is_some_and(|end| end <= now_ms())
            || !secret::verify(&token.secret, &stored.hash)
        {
            return Ok(None);
        }
        Ok(self.user(&stored.user)?.map(|stored| stored.user))
    }

    /// The user with this name and password; `None` if there is none.
    pub(crate) fn by_password(
        &self,
        name: &str,
        password: &str,
    ) -> Result<Option<User>, AccountError> {
        let Some(StoredUser {
            user,
            password: Some(hash),
            ..
        }) = self.user(name)?
        else {
            return Ok(None);
        };
        Ok(secret::verify(password, &hash).then_some(user))
    }

    fn user(&self, name: &str) -> Result<Option<StoredUser>, AccountError> {
        self.0
            .document(USERS, name)?
            .map(|text| read(name, &text))
            .transpose()
    }

    fn write(
        &self,
        collection: &str,
        key: &str,
        value: &impl Serialize,
    ) -> Result<(), AccountError> {
        let text = serde_json::to_string(value)
            .map_err(|error| AccountError::Damaged(key.to_owned(), error))?;
        Ok(self.0.put_document(collection, key, &text)?)
    }
}

fn read<T: serde::de::DeserializeOwned>(key: &str, text: &str) -> Result<T, AccountError> {
    serde_json::from_str(text).map_err(|error| AccountError::Damaged(key.to_owned(), error))
}
