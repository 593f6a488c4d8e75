//! Plain data both sides of a library agree on. It crosses as JSON or through views, never as it lies in memory.

pub mod calibration;
pub mod conversation;
pub mod dataset;
pub mod descriptor;
pub mod piece;
pub mod record;
pub mod report;
pub mod request;
pub mod response;
pub mod settings;
pub mod usage;
