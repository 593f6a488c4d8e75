//! The end of a command that has nothing to show: what is wrong, where, what to do, and the exit code.

use std::error::Error;
use std::fmt;

use super::output;
use crate::exit::Exit;
use crate::plan::PlanError;
use crate::plugin::discovery::DiscoveryError;
use crate::plugin::registry::RegistryError;
use crate::run::RunError;
use crate::run::parts::PartsError;

/// Why a command ended early.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
    details: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// An error and everything that caused it, as one sentence.
    pub fn new(exit: Exit, error: &dyn Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            // A transparent error says its cause's words already.
            let words = inner.to_string();
            if !message.contains(&words) {
                message = format!("{message}: {words}");
            }
            cause = inner.source();
        }
        Self::saying(exit, message)
    }

    /// A failure in these words.
    pub fn saying(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), hint: None }
    }

    /// Lines below the message.
    pub fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// What to do.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Tells the user. Gives back how the process ends.
    pub fn print(&self) -> Exit {
        output::stderr(&format!("{}\n", output::fitted_to_stderr(&self.to_string())));
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        for detail in &self.details {
            write!(f, "\n  {detail}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<DiscoveryError> for Failure {
    fn from(error: DiscoveryError) -> Self {
        Self::new(Exit::Usage, &error)
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let exit = match &error {
            RegistryError::Required { .. } => Exit::Plugin,
            _ => Exit::Usage,
        };
        Self::new(exit, &error)
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Self::new(Exit::Usage, &error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = match &error {
            RunError::Parts(PartsError::Make(error)) if !error.is_invalid_config() => Exit::Plugin,
            RunError::Parts(
                PartsError::Make(_)
                | PartsError::Registry(_)
                | PartsError::Tokenizer(_)
                | PartsError::Dataset(_)
                | PartsError::Format { .. },
            ) => Exit::Usage,
            RunError::Interrupted { .. } => Exit::Interrupted,
            _ => Exit::Failed,
        };
        Self::new(exit, &error)
    }
}
