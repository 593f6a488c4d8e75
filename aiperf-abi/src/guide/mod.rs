//! The guide for authors of plugins: what there is to know beside the traits. Holds no code.
//!
//! 1. [`concepts`]: package, manifest, category, entry, class; who has a name; the life of a value, its threads and its clock.
//! 2. [`categories`]: which trait for what, and an example of each manner.
//! 3. [`errors`]: what an error does to a run, and a panic.
//! 4. [`versioning`]: which libraries an aiperf loads, and what may change.
//! 5. [`testing`]: with the fixtures of this crate, and with the suite of the program.
//! 6. [`publishing`]: what to hand out, and how others come to trust it.
//!
//! Where to begin is the front page of [this crate](crate); a package to change into yours is what `aiperf plugins new
//! my-plugins` makes, and its `README.md` is the way from there to a benchmark in five steps.

pub mod categories;
pub mod concepts;
pub mod errors;
pub mod publishing;
pub mod testing;
pub mod versioning;
