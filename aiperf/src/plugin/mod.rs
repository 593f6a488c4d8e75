//! (to be written)

pub mod library;
mod preflight;
pub mod services;
