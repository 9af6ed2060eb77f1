//! The contents of artifacts on their way in and out.

mod answer;
mod range;
mod transfer;

pub(crate) use answer::{Disposition, answer_file};
pub(crate) use transfer::Content;
