//! Searches: what they ask for, the grammar they are written in, and what it means.

mod error;
mod evaluate;
mod filter;
mod goal;
mod lexer;
mod parse;
mod scope;

pub use error::FilterError;
pub(crate) use evaluate::{Fields, Value, compare, matches, spelled_number};
pub use filter::{
    Attribute, Comparison, DatasetField, Field, Filter, OrderBy, Page, Pattern, Query, RunQuery,
    Statistic, Test,
};
pub use goal::{GOAL_TAG_PREFIX, Goal};
pub use scope::Scope;
