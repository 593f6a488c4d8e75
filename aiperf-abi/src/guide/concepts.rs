//! What a plugin is made of, who has a name, and how a value lives.
//!
//! # The words
//!
//! | word | means |
//! |---|---|
//! | package | what is installed: a folder with a manifest and a shared library |
//! | manifest | its `plugins.yaml`: what the package is called, and what it offers |
//! | category | an extension point, e.g. `endpoint`: a trait of this crate |
//! | entry | one named thing of a category in a manifest, e.g. the endpoint `echo` |
//! | class | the Rust type behind an entry, named `library:Type`, e.g. `my_plugins:EchoEndpoint` |
//! | registry | all entries of all packages, and of what is built in, by category and name |
//!
//! ```yaml
//! schema_version: "1.0"
//! plugin:
//!   name: my-plugins
//!   version: 1.0.0
//!   description: Plugins of my own for aiperf
//! endpoint:                             # the category
//!   echo:                               # the entry
//!     class: my_plugins:EchoEndpoint    # the library, without `lib` and `.so`, and the type
//!     description: Speaks to an echo API.
//!     metadata: {endpoint_path: /echo, metrics_title: null, supports_streaming: true, produces_tokens: true, tokenizes_input: true}
//! ```
//!
//! The manifest is all that is read to list, show and validate; what the library offers is read from its file. A library is
//! loaded when a run needs one of its classes, and stays loaded until the process ends. `aiperf plugins schema` is the JSON
//! Schema of manifests, for editors.
//!
//! # Who has a name
//!
//! Two packages may offer the same name, and every package may offer a name that is built in: that is how a built-in
//! implementation is replaced. The first of these that applies decides:
//!
//! 1. what the user chose for this run: `--use endpoint:chat=my-plugins`
//! 2. what the user chose and had remembered: `aiperf plugins use endpoint chat my-plugins`
//! 3. the higher `priority` of the manifest; what is built in has 0, and so has who says nothing
//! 4. at equal priority, what is not built in
//! 5. else who was found first, with a warning
//!
//! Whoever lost is still there under its class path: `--endpoint-type aiperf:ChatEndpoint`. `aiperf plugins which endpoint chat`
//! says who has the name, whom it shadows, and the rule that decided. Names are the same whatever their case, and whether with
//! `-` or `_`.
//!
//! # The life of a value
//!
//! The host makes a value with [`Plugin::new`](crate::Plugin::new) and gives it a [`Context`](crate::Context): the name of its
//! entry, its settings, the metadata of the manifest, how the run talks to its endpoint, the folder for artifacts, and the
//! [`Host`](crate::Host). All values of a run are made before the first request is sent: what is wrong is told there.
//!
//! Settings are read into a type of yours. Let it refuse unknown keys, so that a slip of the finger is told:
//!
//! ```
//! use aiperf_abi::testing::construct;
//! use aiperf_abi::{Context, Plugin, Result, json};
//!
//! #[derive(Debug, serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Settings {
//!     greeting: String,
//!     #[serde(default)]
//!     times: u32,
//! }
//!
//! #[derive(Debug)]
//! struct Greeter(Settings);
//!
//! impl Plugin for Greeter {
//!     fn new(cx: &Context<'_>) -> Result<Self> {
//!         Ok(Self(cx.config()?))
//!     }
//! }
//!
//! let greeter: Greeter = construct(json!({ "greeting": "hello" })).unwrap();
//! assert_eq!((greeter.0.greeting.as_str(), greeter.0.times), ("hello", 0));
//! let error = construct::<Greeter>(json!({ "greeting": "hello", "tmies": 3 })).unwrap_err();
//! assert!(error.to_string().contains("unknown field `tmies`"), "{error}");
//! ```
//!
//! On the command line such a setting is `--plugin-option ENTRY.KEY=VALUE`; those of an endpoint may be `--extra-inputs KEY:VALUE`
//! too. Of some categories the host says something of the run in the same place, e.g. the rate to an arrival pattern: their
//! reference pages list the keys.
//!
//! # Threads
//!
//! Where a method takes `&self`, it is called from many threads at once: [`Endpoint`](crate::Endpoint),
//! [`Transport`](crate::Transport), and reading from a [`DatasetBackingStore`](crate::DatasetBackingStore). Where it takes
//! `&mut self`, never twice at a time. The sending path must not wait: what parses, counts or writes is called beside it.
//!
//! The futures of a transport are polled by a runtime that the library owns (feature `transport`): `tokio::time`, sockets and
//! `tokio::spawn` work in them as usual. No other category has a runtime; a result handler that wants one makes it.
//!
//! # The clock, the seed, the log
//!
//! Read [`Host::now_ns`](crate::Host::now_ns), never a clock of your own: all measurements of a run are on that one. Draw random
//! numbers from [`Host::derive_seed`](crate::Host::derive_seed), one purpose each, so that the same seed gives the same run.
//! [`Host::log`](crate::Host::log) writes under the name of the package; `-v` and `-vv` show more of it.
//!
//! # What an author never sees
//!
//! No `extern "C"`, no raw pointer, no `unsafe`: [`export_plugin!`](crate::export_plugin) writes what crosses. A plugin may be
//! `#![forbid(unsafe_code)]`. What is called for every request crosses as borrowed views and as numbers, at tens of nanoseconds
//! a call; what is rare crosses as JSON.
