//! Packages of plugins: what their manifests say, where they are found, who wins a name, and what a library offers.
//! Everything here but the loader works without running a line of plugin code.

pub mod category;
pub mod digest;
pub mod discovery;
pub mod fault;
pub mod health;
pub mod inspect;
pub mod install;
pub mod library;
pub mod lock;
pub mod manifest;
pub mod name;
pub mod preferences;
pub mod registry;
mod resolve;
pub mod services;
mod strict;
pub mod trust;
pub mod validate;
