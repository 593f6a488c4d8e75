//! What the user said: the flags of `profile` and the parsers of their values. Every default of a flag is here and nowhere
//! else. What follows from them all together is the plan's business.

pub mod file;
pub mod flags;
pub mod input;
pub mod load;
pub mod values;

pub use flags::ProfileFlags;
