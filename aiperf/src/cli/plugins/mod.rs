//! `aiperf plugins`: what is installed, what it offers, and putting packages in and out.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::builtin;
use crate::plugin::discovery::DiscoveryOptions;
use crate::plugin::registry::Registry;

/// Where packages are looked for.
#[derive(Debug, Clone, Args)]
pub struct DiscoveryArgs {
    /// Folder with plugin packages, or one package; searched before all others. Repeatable
    #[arg(long, value_name = "PATH", global = true, help_heading = "Plugins")]
    plugin_path: Vec<PathBuf>,

    /// Use nothing but what is built in
    #[arg(long, global = true, help_heading = "Plugins", conflicts_with = "plugin_path")]
    no_plugins: bool,
}

impl DiscoveryArgs {
    /// Where to look.
    ///
    /// # Errors
    /// When a path that was given is not there.
    pub fn options(&self) -> Result<DiscoveryOptions, Failure> {
        match self.no_plugins {
            true => Ok(DiscoveryOptions::nowhere()),
            false => Ok(DiscoveryOptions::of_process(&self.plugin_path)?),
        }
    }

    /// Everything that is found.
    ///
    /// # Errors
    /// As [`DiscoveryArgs::options`].
    pub fn registry(&self) -> Result<Registry, Failure> {
        Ok(builtin::registry(&self.options()?))
    }
}
