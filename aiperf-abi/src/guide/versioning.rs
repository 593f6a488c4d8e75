//! Which libraries an aiperf loads, and what may change between two versions of this crate.
//!
//! # The rule
//!
//! The version of this crate is the version of the ABI. An aiperf loads a library that was built with the same major version
//! and not a newer minor: one built with 1.0 loads in every later 1.x, without being built again, whatever compiler, features
//! and optimisation either side was built with.
//!
//! - A **patch** changes no layout.
//! - A **minor** adds: methods with a default, fields, keys, constants, categories. It never removes and never reorders.
//! - A **major** may change anything; libraries have to be built again.
//!
//! The version a library was built with stands in its file: `aiperf plugins inspect LIBRARY` shows it without loading anything.
//! When a library is loaded, the layouts of its tables are compared as well, seen from the older side.
//!
//! # What that asks of an author
//!
//! Build against the oldest minor that has what you need: it runs with the most hosts. The types that may grow are
//! `#[non_exhaustive]`: match with a last arm `_`, and make values with their constructors, or with `..Default::default()` where
//! they have that.
//!
//! ```
//! use aiperf_abi::{TimingEvent, Actions};
//!
//! fn on_event(now_ns: u64, event: TimingEvent, actions: &mut Actions<'_>) {
//!     match event {
//!         TimingEvent::PhaseStart => actions.start_session(now_ns),
//!         TimingEvent::CreditReturned(_) => actions.start_session(now_ns + 1_000_000),
//!         _ => {} // What a later version tells is nothing to this strategy.
//!     }
//! }
//! # let mut host = aiperf_abi::testing::MockTiming::default();
//! # on_event(0, TimingEvent::PhaseStart, &mut Actions::new(&mut host));
//! ```
//!
//! The version of the package itself is in its `Cargo.toml` and its manifest, and both must say the same. It follows from what
//! users of the package see: names of entries, settings and metadata are a promise to them.
