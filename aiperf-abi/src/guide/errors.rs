//! What an error of a plugin does to a run, and what a panic does.
//!
//! Every method that can fail returns [`Result`](crate::Result), with an [`Error`](crate::Error) that has a kind for the host and
//! words for a person. `?` turns any error into one; [`context`](crate::Error::context) says what was being done:
//!
//! ```
//! use aiperf_abi::{Error, ErrorKind, Result};
//!
//! fn port(text: &str) -> Result<u16> {
//!     text.parse().map_err(|error| Error::from(error).context(format!("reading the port of `{text}`")))
//! }
//!
//! let error = port("80a").unwrap_err();
//! assert_eq!(error.to_string(), "reading the port of `80a`: invalid digit found in string");
//! assert_eq!(Error::invalid_config("`port` is missing").kind(), ErrorKind::InvalidConfig);
//! ```
//!
//! # What follows
//!
//! | who fails | what follows |
//! |---|---|
//! | a constructor, with [`ErrorKind::InvalidConfig`](crate::ErrorKind) | the run does not start; exit code 2, the settings are to blame |
//! | a constructor, with [`ErrorKind::Disabled`](crate::ErrorKind) | the value is left out of this run; that is no failure |
//! | a constructor, else | what was asked for by name: the run does not start, exit code 3; what takes part in every run: it is left out and told, or with `--require-plugin` an error |
//! | [`Endpoint`](crate::Endpoint), [`Transport`](crate::Transport) | that request has failed, and is a record like any other |
//! | [`TimingStrategy`](crate::TimingStrategy), [`ArrivalPattern`](crate::ArrivalPattern), [`Ramp`](crate::Ramp) | the phase ends with what was sent so far |
//! | loaders, composers, [`DatasetBackingStore::add`](crate::DatasetBackingStore::add) | the run does not start |
//! | exporters, processors, consoles, plots, displays | it is not called again and told; the run and its results go on |
//! | [`Communication`](crate::Communication), [`Service::hear`](crate::Service::hear) | it carries or hears nothing more, and the user is warned; the run and its results go on |
//! | [`ResultHandler`](crate::ResultHandler) | it is told, by [`on_error`](crate::ResultHandler::on_error) to itself as well; the next handler is called |
//! | [`GpuTelemetryCollector`](crate::GpuTelemetryCollector) | it is counted, and asked again |
//!
//! The words reach the user with the package, the category, the entry and the method before them, so an error need not name
//! the plugin.
//!
//! # Panics
//!
//! A panic is caught at the boundary and is an error of kind [`ErrorKind::Panic`](crate::ErrorKind) of that method: what follows
//! is what the table says. An entry that has panicked three times is not called any more. A panic never ends the process, which
//! is why a library built with `panic = "abort"` is refused. Answers that cannot be (an interval below 0) are errors as well.
//!
//! A method that never returns cannot be stopped, only left behind, after `aiperf profile --plugin-timeout` (30 s): then it has failed.
//! Where nothing can go on without it (an endpoint, a schedule, what gives conversations), the run ends with what there is. A loader that
//! hands over conversations is not stuck, however long it takes; a transport's requests have their own time limit.
