//! Typed, cached pipelines over a content-addressed store.
