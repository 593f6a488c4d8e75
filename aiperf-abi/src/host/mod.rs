//! The host's half: checks the header of a loaded library, and gives its classes back as the same safe traits that authors
//! implement. Opening files is the host's own business.

mod calls;
mod endpoint;
mod layout;
mod loaded;
pub(crate) mod make;
pub(crate) mod origin;
mod root;
mod transport;

pub use abi_stable::library::AbiHeaderRef;
pub use calls::{Call, under_way};
pub use loaded::Loaded;
pub use root::{HEADER_SYMBOL, Refusal, Root};

pub use crate::category::Category;
pub use crate::ffi::root::Settings;
