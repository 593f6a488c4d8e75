//! When requests are sent: strategies, arrival patterns, ramps, and the issuer that holds them to limits and stop rules.
//! No clock, no thread, no socket: everything here is told the time. Knows nothing of what is sent.

pub mod arrival;
pub mod issuer;
pub mod pace;
pub mod ramp;
pub mod series;
pub mod strategy;

pub use issuer::{Cancelling, Done, Feed, IssueCounts, Issuer, NextTurn, StopRule};
pub use pace::Pace;
pub use series::RateSeries;
