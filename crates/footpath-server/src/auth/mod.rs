//! Who calls: users, tokens, roles.

mod accounts;
mod gate;
mod role;
mod secret;

pub use accounts::{AccountError, Accounts, TokenInfo, User};
pub(crate) use gate::{Gate, Refusal};
pub(crate) use role::Caller;
pub use role::Role;
