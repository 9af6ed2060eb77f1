//! Models that come from elsewhere, kept as they are.

use axum::extract::Request;
use footpath_track::client::{Kept, keep_model};
use footpath_track::{DEFAULT_PROJECT, ForeignModel, ForeignRegistration};

use crate::answer::{Call, Json};
use crate::auth::Role;
use crate::failure::Failure;

/// Keeps a logged model with its files, unless it is there.
pub(crate) async fn keep(call: Call, request: Request) -> Result<Json, Failure> {
    let from: ForeignModel = call.read(request).await?;
    call.answer(move |session| {
        session.permit(Role::Editor, &from.project)?;
        // One that is there may belong to others.
        if let Ok(there) = session.store().logged_model(&from.model.id) {
            session.experiment(there.experiment, Role::Editor)?;
        }
        let fresh = keep_model(session.store(), &from)?;
        Ok(Kept { fresh })
    })
    .await
}

/// Keeps a registered model with its versions, but for what is there. The registry's rights are
/// those in the default project.
pub(crate) async fn keep_registration(call: Call, request: Request) -> Result<Json, Failure> {
    let from: ForeignRegistration = call.read(request).await?;
    call.answer(move |session| {
        session.permit(Role::Editor, DEFAULT_PROJECT)?;
        let fresh = session.store().keep_registration(&from)?;
        Ok(Kept { fresh })
    })
    .await
}
