//! Who the caller is; users and tokens.

use std::collections::BTreeMap;

use axum::extract::Request;
use serde::Deserialize;
use serde_json::json;

use super::request::At;
use crate::answer::{Call, Json, nothing};
use crate::auth::{AccountError, Accounts, Role, User};
use crate::failure::Failure;
use crate::session::Session;

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Store(error) => error.into(),
            AccountError::Damaged(..) => Self::internal(error.to_string()),
            AccountError::NoUser(_) | AccountError::NoToken(_) => Self::absent(error.to_string()),
            AccountError::Name(_) | AccountError::Password => Self::invalid(error.to_string()),
        }
    }
}

pub(crate) async fn me(call: Call) -> Result<Json, Failure> {
    let told = json!({
        "user": call.caller.user,
        "admin": call.caller.everything,
        "roles": call.caller.roles,
        "asks_for_credentials": !call.app.gate.is_open(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    crate::answer::json(&told)
}

pub(crate) async fn users(call: Call) -> Result<Json, Failure> {
    call.answer(|session| {
        session.permit_everything()?;
        Ok(json!({ "users": Accounts(session.store()).users()? }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutUser {
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    roles: BTreeMap<String, Role>,
    password: Option<String>,
}

pub(crate) async fn put_user(
    call: Call,
    At(name): At<String>,
    request: Request,
) -> Result<Json, Failure> {
    let PutUser {
        admin,
        roles,
        password,
    } = call.read(request).await?;
    call.run(move |session| {
        session.permit_everything()?;
        let user = User { name, admin, roles };
        Accounts(session.store()).put_user(&user, password.as_deref())?;
        session.app.gate.forget();
        nothing()
    })
    .await
}

pub(crate) async fn remove_user(call: Call, At(name): At<String>) -> Result<Json, Failure> {
    call.run(move |session| {
        session.permit_everything()?;
        Accounts(session.store()).remove_user(&name)?;
        session.app.gate.forget();
        nothing()
    })
    .await
}

/// The roles in a project by user, for its administrators.
pub(crate) async fn roles(call: Call, At(project): At<String>) -> Result<Json, Failure> {
    call.answer(move |session| {
        session.permit(Role::Admin, &project)?;
        let roles: BTreeMap<String, Role> = Accounts(session.store())
            .users()?
            .into_iter()
            .filter_map(|user| Some((user.name, *user.roles.get(&project)?)))
            .collect();
        Ok(json!({ "roles": roles }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutRole {
    role: Role,
}

pub(crate) async fn put_role(
    call: Call,
    At((project, name)): At<(String, String)>,
    request: Request,
) -> Result<Json, Failure> {
    let PutRole { role } = call.read(request).await?;
    call.run(move |session| set_role(session, &project, &name, Some(role)))
        .await
}

pub(crate) async fn remove_role(
    call: Call,
    At((project, name)): At<(String, String)>,
) -> Result<Json, Failure> {
    call.run(move |session| set_role(session, &project, &name, None))
        .await
}

fn set_role(
    session: &Session,
    project: &str,
    name: &str,
    role: Option<Role>,
) -> Result<Json, Failure> {
    session.permit(Role::Admin, project)?;
    Accounts(session.store()).set_role(name, project, role)?;
    session.app.gate.forget();
    nothing()
}

/// That the caller is this user, or may do everything.
fn permit_tokens_of(session: &Session, user: &str) -> Result<(), Failure> {
    if session.caller.user == user {
        Ok(())
    } else {
        session.permit_everything()
    }
}

pub(crate) async fn tokens(call: Call) -> Result<Json, Failure> {
    call.answer(|session| {
        let mut tokens = Accounts(session.store()).tokens()?;
        tokens.retain(|token| permit_tokens_of(session, &token.user).is_ok());
        Ok(json!({ "tokens": tokens }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// The caller's own if absent.
    user: Option<String>,
    #[serde(default)]
    note: String,
    expires_ms: Option<i64>,
}

pub(crate) async fn new_token(call: Call, request: Request) -> Result<Json, Failure> {
    let asked: NewToken = call.read(request).await?;
    call.answer(move |session| {
        let user = asked.user.unwrap_or_else(|| session.caller.user.clone());
        permit_tokens_of(session, &user)?;
        let token = Accounts(session.store()).new_token(&user, &asked.note, asked.expires_ms)?;
        Ok(json!({ "token": token }))
    })
    .await
}

pub(crate) async fn remove_token(call: Call, At(id): At<String>) -> Result<Json, Failure> {
    call.run(move |session| {
        let accounts = Accounts(session.store());
        let known = accounts.tokens()?.into_iter().find(|token| token.id == id);
        permit_tokens_of(session, known.as_ref().map_or("", |token| &token.user))?;
        accounts.remove_token(&id)?;
        session.app.gate.forget();
        nothing()
    })
    .await
}
