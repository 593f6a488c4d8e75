//! What a plugin author writes against: safe traits, one per category, and what their methods are given.

pub mod communication;
pub mod console;
pub mod context;
pub mod dataset;
pub mod endpoint;
pub mod error;
pub mod exporter;
pub mod extract;
pub mod handler;
pub mod plot;
pub mod processor;
pub mod request;
pub mod response;
pub mod selection;
pub mod service;
pub mod telemetry;
pub mod timing;
pub mod transport;
pub mod ui;
