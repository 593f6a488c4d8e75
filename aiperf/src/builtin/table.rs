//! From an entry to a live value: for a built-in class its constructor, for any other the library it is in. The only place
//! that names implementations.

use aiperf_abi::author::context::Setup;
use aiperf_abi::{Context, DataExporter, Endpoint, Error, ErrorKind, Host, Plugin, Transport};

use crate::endpoint::{
    AudioTranscriptionEndpoint, ChatEmbeddingsEndpoint, ChatEndpoint, CohereRankingsEndpoint, CompletionsEndpoint,
    EmbeddingsEndpoint, HfTeiRankingsEndpoint, HuggingFaceGenerateEndpoint, ImageGenerationEndpoint, MessagesEndpoint,
    NimEmbeddingsEndpoint, NimRankingsEndpoint, RawEndpoint, ResponsesEndpoint, TemplateEndpoint,
};
use crate::export::{CsvExporter, JsonExporter, RecordsExporter};
use crate::plugin::library::{Library, LibraryError};
use crate::plugin::registry::{Entry, Source};
use crate::transport::HttpTransport;
use crate::transport::in_engine::InEngineTransport;

/// Why an entry could not be made into a value.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The library is broken or refused, or its constructor failed.
    #[error("{category} `{name}` of package {package}: {source}")]
    Library {
        /// Category of the entry.
        category: &'static str,
        /// Name of the entry.
        name: String,
        /// The package it is from.
        package: String,
        /// What is wrong.
        source: Box<LibraryError>,
    },
    /// A built-in constructor failed.
    #[error("{category} `{name}`: {error}")]
    Builtin {
        /// Category of the entry.
        category: &'static str,
        /// Name of the entry.
        name: String,
        /// What it said.
        error: Error,
    },
}

impl MakeError {
    /// Whether the value only asked to be left out of this run.
    pub fn is_disabled(&self) -> bool {
        self.kind() == Some(ErrorKind::Disabled)
    }

    /// Whether the configuration is to blame, not the plugin.
    pub fn is_invalid_config(&self) -> bool {
        self.kind() == Some(ErrorKind::InvalidConfig)
    }

    /// What the constructor said, if it came to that.
    fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Library { source, .. } => match &**source {
                LibraryError::New(error) => Some(error.kind()),
                _ => None,
            },
            Self::Builtin { error, .. } => Some(error.kind()),
        }
    }
}

type New<T> = fn(&Context<'_>) -> Result<Box<T>, Error>;

macro_rules! row {
    ($class:ident as $trait:ident) => {
        (stringify!($class), |cx| Ok(Box::new($class::new(cx)?) as Box<dyn $trait>))
    };
}

const ENDPOINTS: &[(&str, New<dyn Endpoint>)] = &[
    row!(ChatEndpoint as Endpoint),
    row!(CompletionsEndpoint as Endpoint),
    row!(ResponsesEndpoint as Endpoint),
    row!(MessagesEndpoint as Endpoint),
    row!(HuggingFaceGenerateEndpoint as Endpoint),
    row!(EmbeddingsEndpoint as Endpoint),
    row!(ChatEmbeddingsEndpoint as Endpoint),
    row!(NimEmbeddingsEndpoint as Endpoint),
    row!(NimRankingsEndpoint as Endpoint),
    row!(CohereRankingsEndpoint as Endpoint),
    row!(HfTeiRankingsEndpoint as Endpoint),
    row!(ImageGenerationEndpoint as Endpoint),
    row!(AudioTranscriptionEndpoint as Endpoint),
    row!(TemplateEndpoint as Endpoint),
    row!(RawEndpoint as Endpoint),
];

const TRANSPORTS: &[(&str, New<dyn Transport>)] =
    &[row!(HttpTransport as Transport), row!(InEngineTransport as Transport)];

const DATA_EXPORTERS: &[(&str, New<dyn DataExporter>)] =
    &[row!(JsonExporter as DataExporter), row!(CsvExporter as DataExporter), row!(RecordsExporter as DataExporter)];

/// The built-in classes of a category.
pub fn classes(category: &str) -> impl Iterator<Item = &'static str> {
    fn names<T: ?Sized>(rows: &'static [(&'static str, New<T>)]) -> Vec<&'static str> {
        rows.iter().map(|(class, _)| *class).collect()
    }
    let names = match category {
        "endpoint" => names(ENDPOINTS),
        "transport" => names(TRANSPORTS),
        "data_exporter" => names(DATA_EXPORTERS),
        _ => Vec::new(),
    };
    names.into_iter()
}

/// Makes the endpoint of an entry.
///
/// # Errors
/// When its library cannot be used or its constructor fails.
pub fn endpoint(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<dyn Endpoint>, MakeError> {
    make(entry, setup, host, ENDPOINTS, Library::endpoint)
}

/// Makes the transport of an entry.
///
/// # Errors
/// As [`endpoint`].
pub fn transport(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<dyn Transport>, MakeError> {
    make(entry, setup, host, TRANSPORTS, Library::transport)
}

/// Makes the exporter of an entry.
///
/// # Errors
/// As [`endpoint`].
pub fn data_exporter(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<dyn DataExporter>, MakeError> {
    make(entry, setup, host, DATA_EXPORTERS, Library::data_exporter)
}

fn make<T: ?Sized>(
    entry: &Entry,
    setup: Setup<'_>,
    host: &dyn Host,
    builtin: &[(&str, New<T>)],
    load: fn(&Library, &str, &Context<'_>) -> Result<Box<T>, LibraryError>,
) -> Result<Box<T>, MakeError> {
    let cx = Context::new(&entry.name, setup, host);
    let (category, name) = (entry.category.name.as_str(), entry.name.clone());
    match &entry.package.source {
        Source::Builtin => {
            let (_, new) = builtin
                .iter()
                .find(|(class, _)| *class == entry.class.type_name)
                .expect("every class of the built-in manifest has its row: a test compares the two");
            new(&cx).map_err(|error| MakeError::Builtin { category, name, error })
        }
        Source::Library { path, .. } => Library::open(path)
            .and_then(|library| load(library, &entry.class.type_name, &cx))
            .map_err(|source| MakeError::Library {
                category,
                name,
                package: entry.package.name().to_owned(),
                source: Box::new(source),
            }),
    }
}
