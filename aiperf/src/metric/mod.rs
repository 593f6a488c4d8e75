//! Metrics: what each one is (`catalog`), when it applies, and how records become numbers. Pure arithmetic: knows
//! neither files nor terminals, and reads no clock.

pub mod aggregate;
pub mod applicability;
mod batch_means;
mod buckets;
pub mod catalog;
pub mod confidence;
mod curve;
pub mod definition;
pub mod errors;
pub mod formula;
mod mser;
pub mod notices;
pub mod record_line;
pub mod slo;
pub mod spread;
mod steady;
mod sweep;
mod tallies;
mod timeline;

pub use aggregate::{Aggregate, Measures, Slice, Window};
pub use applicability::Applicability;
pub use notices::notices;
pub use record_line::RecordEncoder;
pub use slo::{SloError, Slos};
