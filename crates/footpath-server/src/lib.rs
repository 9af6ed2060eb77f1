//! The tracker over HTTP.
//!
//! | to … | see |
//! | --- | --- |
//! | serve until told to end | [`serve`], [`Config`] |
//! | serve within a program | [`Server`] |
//! | write a project as files that any file server serves | [`publish`] |
//! | make users and tokens | [`Accounts`], [`User`], [`Role`] |
//! | bound what clients may ask | [`Limits`] |
#![doc = include_str!("../README.md")]

mod answer;
mod api;
mod app;
mod auth;
mod clock;
mod config;
mod content;
mod double;
mod events;
mod failure;
mod http;
mod limits;
mod mlflow;
mod page;
mod publish;
mod server;
mod session;

pub use auth::{AccountError, Accounts, Role, TokenInfo, User};
pub use config::{Auth, Config};
pub use limits::Limits;
pub use publish::{PublishError, Published, publish};
pub use server::{ServeError, Server, open_store, serve};
