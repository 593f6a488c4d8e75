//! aiperf: a benchmark for AI inference servers. The binary is `main.rs`; this library holds everything it does.
//!
//! `ARCHITECTURE.md` is the map. Arrows point down: `cli` → `run` → `builtin`, `config`, `plan` → the engines →
//! `plugin`, `endpoint`, `transport`, `tokenizer` → the nouns → `clock`, `exit`.

pub mod aside;
pub mod builtin;
pub mod cli;
pub mod clock;
pub mod communication;
pub mod config;
pub mod conformance;
pub mod credit;
pub mod dataset;
pub mod endpoint;
pub mod exchange;
pub mod exit;
pub mod export;
pub mod facts;
pub mod handler;
pub mod metric;
pub mod plan;
pub mod plugin;
pub mod priority;
pub mod random;
pub mod record;
pub mod reply;
pub mod run;
pub mod secret;
pub mod service;
pub mod telemetry;
pub mod timing;
pub mod tokenizer;
pub mod transport;
pub mod ui;
pub mod worker;
