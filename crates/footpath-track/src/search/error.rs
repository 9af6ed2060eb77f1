//! Why a filter or an order could not be read, and where.

/// A filter or an order that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at character {} of `{text}`", .position + 1)]
pub struct FilterError {
    /// What is wrong, and what would be right.
    pub problem: String,
    /// Where, in characters from 0; the text's length if it ends too early.
    pub position: usize,
    /// The filter or order.
    pub text: String,
}
