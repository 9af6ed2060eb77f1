//! HTTP itself: connections, limits, bodies, and who may pass.

mod admit;
mod body;
mod connections;
mod rate;

pub(crate) use admit::admit;
pub(crate) use body::{pieces, read_body};
pub(crate) use connections::run;
pub(crate) use rate::Rates;
