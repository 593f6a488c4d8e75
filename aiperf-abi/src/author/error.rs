//! The error a plugin returns: a kind the host can act on, a message a person can read, and what caused it.
//! It knows nothing of how an error crosses the library boundary (`ffi/values.rs` does).

use std::fmt;

/// What every fallible method of a plugin returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure an [`Error`] is. The host counts and words failures by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// None of the others.
    Other,
    /// The plugin panicked. Made by the glue, never by hand.
    Panic,
    /// The configuration given to the constructor is wrong.
    InvalidConfig,
    /// The request or response given to a method is not one it can handle.
    InvalidInput,
    /// The plugin does not do this.
    Unsupported,
    /// A file, socket or server failed.
    Io,
    /// The work was cancelled.
    Cancelled,
    /// The work took longer than allowed.
    Timeout,
    /// The plugin has nothing to do in this run and wants to be left out. Not a failure.
    Disabled,
}

/// An error with a kind, a message and its causes, outermost first.
///
/// `?` turns every `std::error::Error` into one and keeps its chain of sources as text:
///
/// ```
/// use aiperf_abi::{Error, Result};
///
/// fn limit(text: &str) -> Result<u32> {
///     Ok(text.parse::<u32>()?)
/// }
/// let error = limit("many").unwrap_err().context("reading `limit`");
/// assert_eq!(error.to_string(), "reading `limit`: invalid digit found in string");
/// # let _ = Error::msg("x");
/// ```
pub struct Error {
    kind: ErrorKind,
    message: String,
    causes: Vec<String>,
}

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new() }
    }

    /// An error of kind [`ErrorKind::Other`].
    pub fn msg(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    /// The configuration is wrong; say which key and what was expected.
    pub fn invalid_config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidConfig, message)
    }

    /// The request or response cannot be handled.
    pub fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// The plugin asks to be left out of this run.
    pub fn disabled(reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Disabled, reason)
    }

    /// The same failure, told from one level further out.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }

    /// The same failure with its causes replaced. The glue uses it to rebuild an error that crossed the boundary.
    #[must_use]
    pub fn with_causes(mut self, causes: Vec<String>) -> Self {
        self.causes = causes;
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The outermost message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What caused it, outermost first.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Self { kind: ErrorKind::Other, message: error.to_string(), causes }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.kind)
    }
}
