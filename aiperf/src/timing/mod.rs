//! When: decides the moments at which credits are issued. Owns no clock, no socket and no data; it is told the time and
//! answers with moments.

pub mod arrival;
pub mod issuer;
pub mod strategy;

pub use arrival::{Arrival, ArrivalPattern};
pub use issuer::{IssueCounts, Issuer, StopRule};
pub use strategy::{Actions, Concurrency, RequestRate, TimingEvent, TimingStrategy};
