//! The gate every request passes: who is it?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use footpath_track::Store;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::accounts::{AccountError, Accounts, User};
use super::role::Caller;
use super::secret::TOKEN_PREFIX;

/// How long a proven credential is believed without asking the store again; a token that is
/// taken back elsewhere ends at the latest then.
const BELIEVED: Duration = Duration::from_mins(1);
/// How many credentials are remembered.
const REMEMBERED: usize = 10_000;

/// Why a request does not pass.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No credential, or one of a kind not known.
    Missing,
    /// A wrong credential.
    Wrong,
    /// The credential could not be looked up.
    Failed(AccountError),
}

/// Tells callers by their credentials. Proving one costs tens of milliseconds and 19 MiB by
/// design, so proofs are remembered for a while, and few run at once.
pub(crate) struct Gate {
    store: Arc<dyn Store>,
    open: bool,
    believed: Mutex<HashMap<blake3::Hash, (Instant, Arc<Caller>)>>,
    proofs: Semaphore,
}

enum Credential {
    Token(String),
    Password(String, String),
}

impl Gate {
    /// A gate before a store; an open one asks no one.
    pub(crate) fn new(store: Arc<dyn Store>, open: bool) -> Self {
        Self {
            store,
            open,
            believed: Mutex::new(HashMap::new()),
            proofs: Semaphore::new(2),
        }
    }

    /// Whether callers need no credential.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Forgets all proofs: users or tokens changed.
    pub(crate) fn forget(&self) {
        self.believed.lock().clear();
    }

    /// The caller of a request with these headers.
    pub(crate) async fn caller(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Refusal> {
        if self.open {
            return Ok(Arc::new(Caller::local()));
        }
        let written = headers.get(header::AUTHORIZATION).ok_or(Refusal::Missing)?;
        let digest = blake3::hash(written.as_bytes());
        if let Some((proven, caller)) = self.believed.lock().get(&digest)
            && proven.elapsed() < BELIEVED
        {
            return Ok(Arc::clone(caller));
        }
        let credential = written
            .to_str()
            .ok()
            .and_then(read)
            .ok_or(Refusal::Missing)?;
        let _turn = self
            .proofs
            .acquire()
            .await
            .map_err(|_closed| Refusal::Missing)?;
        let store = Arc::clone(&self.store);
        let proof = tokio::task::spawn_blocking(move || prove(&*store, &credential)).await;
        let user = match proof {
            Ok(Ok(Some(user))) => user,
            Ok(Err(error)) => return Err(Refusal::Failed(error)),
            Ok(Ok(None)) | Err(_) => return Err(Refusal::Wrong),
        };
        let caller = Arc::new(Caller {
            user: user.name,
            everything: user.admin,
            roles: user.roles,
        });
        let mut believed = self.believed.lock();
        if believed.len() >= REMEMBERED {
            believed.retain(|_, (proven, _)| proven.elapsed() < BELIEVED);
            if believed.len() >= REMEMBERED {
                believed.clear();
            }
        }
        believed.insert(digest, (Instant::now(), Arc::clone(&caller)));
        Ok(caller)
    }
}

/// `Bearer <token>` or `Basic <base64 of user:password-or-token>`.
fn read(header: &str) -> Option<Credential> {
    let (scheme, rest) = header.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credential::Token(rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credential::Password(user.to_owned(), password.to_owned()))
}

fn prove(store: &dyn Store, credential: &Credential) -> Result<Option<User>, AccountError> {
    let accounts = Accounts(store);
    match credential {
        Credential::Token(token) => accounts.by_token(token),
        Credential::Password(name, token) if token.starts_with(TOKEN_PREFIX) => {
            Ok(accounts.by_token(token)?.filter(|user| user.name == *name))
        }
        Credential::Password(name, password) => accounts.by_password(name, password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_from_both_schemes() {
        assert!(
            matches!(read("Bearer fpt_a_b"), Some(Credential::Token(token)) if token == "fpt_a_b")
        );
        let basic = format!("basic {}", STANDARD.encode("ann:pa:ss"));
        assert!(
            matches!(read(&basic), Some(Credential::Password(user, password)) if user == "ann" && password == "pa:ss")
        );
        for bad in ["", "Basic", "Basic %%%", "Digest x", "Basic YW5u"] {
            assert!(read(bad).is_none(), "{bad}");
        }
    }
}
