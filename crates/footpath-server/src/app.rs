//! What every request shares.

use std::sync::Arc;

use footpath_track::Store;

use crate::auth::Gate;
use crate::content::Content;
use crate::events::Events;
use crate::http::Rates;
use crate::limits::Limits;

/// The server's parts.
pub(crate) struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) content: Content,
    pub(crate) gate: Gate,
    pub(crate) events: Events,
    pub(crate) limits: Limits,
    /// What stands before every address, such as `/tracker`; empty for nothing.
    pub(crate) prefix: String,
    /// Requests by address; `None` for any number.
    pub(crate) rates: Option<Rates>,
    /// Wrong credentials by address.
    pub(crate) wrong_credentials: Rates,
}
