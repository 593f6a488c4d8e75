//! What a constructor is given: the entry it is made for, its configuration, and the host's services.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::error::{Error, Result};
use crate::data::settings::ModelEndpoint;

/// A value made by the host from an entry of a manifest.
pub trait Plugin: Sized + 'static {
    /// Makes the value.
    ///
    /// # Errors
    /// When the configuration is wrong or something it needs is missing.
    fn new(cx: &Context<'_>) -> Result<Self>;
}

/// What a constructor is given.
pub struct Context<'a> {
    entry: &'a str,
    setup: Setup<'a>,
    host: &'a dyn Host,
}

/// The JSON a [`Context`] reads from. The host writes it; keys may be added in a minor version.
#[derive(Debug, Clone, Copy, Default, Deserialize, serde::Serialize)]
#[serde(default)]
pub struct Setup<'a> {
    /// Settings of this entry: `--plugin-option`, and for an endpoint the extra inputs.
    #[serde(borrow)]
    pub config: Option<&'a RawValue>,
    /// What the manifest says under `metadata`.
    #[serde(borrow)]
    pub metadata: Option<&'a RawValue>,
    /// How the run talks to its endpoint.
    #[serde(borrow)]
    pub model_endpoint: Option<&'a RawValue>,
    /// Folder for artifacts of this run.
    #[serde(borrow)]
    pub artifact_dir: Option<&'a RawValue>,
}

impl<'a> Context<'a> {
    /// A context for `entry`.
    pub fn new(entry: &'a str, setup: Setup<'a>, host: &'a dyn Host) -> Self {
        Self { entry, setup, host }
    }

    /// The name the entry has in its manifest.
    pub fn entry(&self) -> &'a str {
        self.entry
    }

    /// The settings of this entry, `{}` where there are none. Use `#[serde(default, deny_unknown_fields)]` on `T` so
    /// that a misspelt key is an error.
    ///
    /// # Errors
    /// When they do not fit `T`; the message names the key.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T> {
        read(self.setup.config.map_or("{}", RawValue::get))
            .map_err(|e| Error::invalid_config(format!("configuration of `{}`: {e}", self.entry)))
    }

    /// The manifest's metadata of this entry.
    ///
    /// # Errors
    /// When it does not fit `T`.
    pub fn metadata<T: DeserializeOwned>(&self) -> Result<T> {
        read(self.setup.metadata.map_or("{}", RawValue::get))
            .map_err(|e| Error::invalid_config(format!("metadata of `{}`: {e}", self.entry)))
    }

    /// How the run talks to its endpoint.
    ///
    /// # Errors
    /// When the host's answer cannot be read.
    pub fn model_endpoint(&self) -> Result<ModelEndpoint> {
        read(self.setup.model_endpoint.map_or("{}", RawValue::get)).map_err(Error::from)
    }

    /// Folder for artifacts of this run, if the run writes any.
    pub fn artifact_dir(&self) -> Option<String> {
        read(self.setup.artifact_dir?.get()).ok()
    }

    /// The host's services. The handle may be kept and used from any thread.
    pub fn host(&self) -> Box<dyn Host> {
        self.host.share()
    }

    pub(crate) fn setup(&self) -> Setup<'a> {
        self.setup
    }
}

fn read<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(json)
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("entry", &self.entry).finish_non_exhaustive()
    }
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Level {
    /// The run may be wrong.
    Error = 1,
    /// Somebody should know.
    Warn = 2,
    /// Worth a line.
    Info = 3,
    /// For whoever looks for a fault.
    Debug = 4,
    /// Every step.
    Trace = 5,
}

/// What the host does for a plugin.
pub trait Host: Send + Sync {
    /// Whether a line of this level would be kept: ask before building an expensive one.
    fn log_enabled(&self, level: Level) -> bool;
    /// Writes a line to the host's log under the package's name.
    fn log(&self, level: Level, message: &str);
    /// Nanoseconds of the clock all measurements use.
    fn now_ns(&self) -> u64;
    /// A seed for random numbers: the same for the same run seed and purpose, whatever else the run does.
    fn derive_seed(&self, purpose: &str) -> u64;
    /// Another handle to the same services.
    fn share(&self) -> Box<dyn Host>;
}
