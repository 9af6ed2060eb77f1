//! The footpath command.
