//! What crosses the library boundary, and the thunks of the plugin's side. Nothing here is for authors; nothing but this
//! may cross: `repr(C)` values, tables of functions behind prefix types, borrowed views.
//!
//! Rules: the side that allocated frees. Plain structs are frozen for the major version; tables grow at the end, after
//! their `last_prefix_field`, which never moves. Enums are integers, and unknown ones are tolerated. Every function body
//! is one call of a guard.

#[macro_use]
mod object;

pub mod back;
mod dataset;
pub mod endpoint;
pub(crate) mod guard;
#[macro_use]
pub mod numbers;
pub mod root;
#[macro_use]
pub mod service;
pub mod services;
pub mod sink;
pub mod timing;
pub mod transport;
pub mod values;
pub mod view;
