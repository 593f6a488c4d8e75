//! What to hand out, and how others come to trust it.
//!
//! # A package
//!
//! A folder with the manifest and the library, named as the package:
//!
//! ```text
//! my-plugins/
//!   plugins.yaml
//!   libmy_plugins.so
//! ```
//!
//! `aiperf plugins add my-plugins/` installs it for a user. For all users of a machine it is put into
//! `/usr/local/lib/aiperf/plugins/`, beside the program into `../lib/aiperf/plugins/`, or anywhere into a folder that
//! `AIPERF_PLUGIN_PATH` names. Packages are looked for in this order: `--plugin-path`, `AIPERF_PLUGIN_PATH`, the user's folder,
//! beside the program, the system's folders; of two packages of one name the first is used and the other shown.
//!
//! # The library
//!
//! - One per system and processor. Of Linux, build where the C library is old: `aiperf plugins inspect` shows the version of
//!   glibc that a library needs, and one that is newer than a user's is refused with that reason.
//! - `panic = "unwind"` in every profile; [`export_plugin!`](crate::export_plugin) refuses to compile with anything else.
//! - `strip = true` is fine: what aiperf reads from the file is no symbol for debugging.
//! - Name, version, description, authors, licence and home page come from `Cargo.toml` into the library: `inspect` shows them.
//! - `aiperf-abi` is not on crates.io. Depend on it by path or by git; its version decides which hosts can load the library (see
//!   [`versioning`](super::versioning)).
//!
//! # Before it goes out
//!
//! ```console
//! aiperf plugins validate my-plugins/
//! aiperf plugins test my-plugins/
//! ```
//!
//! # Trust
//!
//! A plugin is native code with the rights of its user. So:
//!
//! - a package that others than its user can write is not used; install it with rights that only the owner has;
//! - `aiperf plugins doctor` loads each library in a process of its own and says how it is;
//! - `aiperf plugins lock` writes the packages of a team down by version and SHA-256, and `aiperf profile --plugin-lock FILE`
//!   refuses to run with others. Say the SHA-256 of what you hand out: `inspect` shows it;
//! - the JSON report of every run names package, version, digest, and which implementation had a name by which rule.
