//! What the accelerators say of themselves while a run goes: the built-in collector, and the summary of the samples of any.

mod dcgm;
pub mod prometheus;
mod summary;

pub use dcgm::DcgmCollector;
pub use summary::GpuSummary;
