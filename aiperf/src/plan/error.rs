//! Why a plan cannot be made. Each names the flags that disagree.

/// A command line that makes no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No model.
    #[error("no model was named: add --model NAME (the `model` field of the request body)")]
    NoModel,
    /// A flag that means nothing without another.
    #[error("{flag} needs {needs}")]
    Needs {
        /// The flag that was given.
        flag: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// A limit inside a smaller one.
    #[error("{flag} is {wanted}, but the concurrency is {limit}: no more than that can be in flight")]
    Exceeds {
        /// The flag.
        flag: &'static str,
        /// Its value.
        wanted: u64,
        /// The smaller limit.
        limit: u64,
    },
    /// The file of a series of rates.
    #[error("{file}: {reason}")]
    RateSeries {
        /// The file, and the place in it where there is one.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The times of the file and a flag that says when to send.
    #[error(
        "the input file has time stamps, which say when each request is sent, and so does {flag}: add --no-fixed-schedule to \
         leave the time stamps out, or leave out {flag}"
    )]
    Stamped {
        /// The flag.
        flag: &'static str,
    },
    /// A range that holds nothing.
    #[error("{from} lies after {to}: nothing would be left")]
    Empty {
        /// The flag of its beginning.
        from: &'static str,
        /// The flag of its end.
        to: &'static str,
    },
    /// The input file cannot be used.
    #[error(transparent)]
    Dataset(#[from] crate::dataset::DatasetError),
    /// Flags that cannot both be given.
    #[error("{flag} and {other} exclude each other: give one")]
    Excludes {
        /// The one flag.
        flag: &'static str,
        /// The other.
        other: &'static str,
    },
    /// No server.
    #[error("no server was named: add --url URL")]
    NoUrl,
    /// Servers that no one transport reaches.
    #[error("--url {url} goes by transport `{other}`, the others by `{first}`: one run uses one transport")]
    Mixed {
        /// Transport of the first.
        first: String,
        /// The URL that differs.
        url: String,
        /// Its transport.
        other: String,
    },
    /// A plugin that looks at a file is broken.
    #[error(transparent)]
    Make(#[from] crate::builtin::table::MakeError),
    /// No such endpoint or transport.
    #[error(transparent)]
    Registry(#[from] crate::plugin::registry::RegistryError),
    /// The URL and the path make no address.
    #[error(transparent)]
    Address(#[from] crate::transport::AddressError),
    /// Objectives that no request of the run could meet.
    #[error("--goodput: {0}")]
    Goodput(#[from] crate::metric::SloError),
    /// A manifest that says something else than the category asks.
    #[error("the manifest's metadata of {category} `{name}` cannot be read: {reason}")]
    Metadata {
        /// Category of the entry.
        category: &'static str,
        /// Name of the entry.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting for an entry that does not exist.
    #[error("--plugin-option {entry}.{key}: there is no entry `{entry}`{hint}")]
    NoSuchEntry {
        /// The entry that was named.
        entry: String,
        /// The key that was set.
        key: String,
        /// The nearest entry, as a question.
        hint: String,
    },
}
