//! From an entry to a live value: for a built-in class its constructor, for any other the library it is in. The only place
//! that names implementations.

use aiperf_abi::author::context::Setup;
use aiperf_abi::{
    ArrivalPattern, Context, DataExporter, DatasetSampler, Endpoint, Error, ErrorKind, Host, Plugin, Ramp,
    TimingStrategy, Transport, UrlSelectionStrategy,
};

use crate::dataset::{RandomSampler, SequentialSampler, ShuffleSampler};
use crate::endpoint::{
    AudioTranscriptionEndpoint, ChatEmbeddingsEndpoint, ChatEndpoint, CohereRankingsEndpoint, CompletionsEndpoint,
    EmbeddingsEndpoint, HfTeiRankingsEndpoint, HuggingFaceGenerateEndpoint, ImageGenerationEndpoint, MessagesEndpoint,
    NimEmbeddingsEndpoint, NimRankingsEndpoint, RawEndpoint, ResponsesEndpoint, TemplateEndpoint,
};
use crate::export::{CsvExporter, JsonExporter, RecordsExporter, TimeslicesCsvExporter, TimeslicesJsonExporter};
use crate::plugin::library::{Library, LibraryError};
use crate::plugin::registry::{Entry, Source};
use crate::timing::arrival::{ConcurrencyBurstArrival, ConstantArrival, GammaArrival, PoissonArrival};
use crate::timing::ramp::{ExponentialRamp, LinearRamp, PoissonRamp};
use crate::timing::strategy::{ConcurrencyStrategy, FixedScheduleStrategy, RequestRateStrategy, UserCentricStrategy};
use crate::transport::HttpTransport;
use crate::transport::in_engine::InEngineTransport;
use crate::transport::selection::RoundRobinUrls;

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

    /// Whether a library is to blame, not what the user wants of it.
    pub fn is_broken_library(&self) -> bool {
        matches!(self, Self::Library { .. }) && !self.is_invalid_config()
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

const DATA_EXPORTERS: &[(&str, New<dyn DataExporter>)] = &[
    row!(JsonExporter as DataExporter),
    row!(CsvExporter as DataExporter),
    row!(RecordsExporter as DataExporter),
    row!(TimeslicesJsonExporter as DataExporter),
    row!(TimeslicesCsvExporter as DataExporter),
];

const TIMING_STRATEGIES: &[(&str, New<dyn TimingStrategy>)] = &[
    row!(ConcurrencyStrategy as TimingStrategy),
    row!(RequestRateStrategy as TimingStrategy),
    row!(UserCentricStrategy as TimingStrategy),
    row!(FixedScheduleStrategy as TimingStrategy),
];

const ARRIVAL_PATTERNS: &[(&str, New<dyn ArrivalPattern>)] = &[
    row!(ConstantArrival as ArrivalPattern),
    row!(PoissonArrival as ArrivalPattern),
    row!(GammaArrival as ArrivalPattern),
    row!(ConcurrencyBurstArrival as ArrivalPattern),
];

const RAMPS: &[(&str, New<dyn Ramp>)] =
    &[row!(LinearRamp as Ramp), row!(ExponentialRamp as Ramp), row!(PoissonRamp as Ramp)];

const DATASET_SAMPLERS: &[(&str, New<dyn DatasetSampler>)] = &[
    row!(SequentialSampler as DatasetSampler),
    row!(ShuffleSampler as DatasetSampler),
    row!(RandomSampler as DatasetSampler),
];

const URL_SELECTION_STRATEGIES: &[(&str, New<dyn UrlSelectionStrategy>)] =
    &[row!(RoundRobinUrls as UrlSelectionStrategy)];

/// The built-in classes of a category.
pub fn classes(category: &str) -> impl Iterator<Item = &'static str> {
    fn names<T: ?Sized>(rows: &'static [(&'static str, New<T>)]) -> Vec<&'static str> {
        rows.iter().map(|(class, _)| *class).collect()
    }
    let names = match category {
        "endpoint" => names(ENDPOINTS),
        "transport" => names(TRANSPORTS),
        "data_exporter" => names(DATA_EXPORTERS),
        "timing_strategy" => names(TIMING_STRATEGIES),
        "arrival_pattern" => names(ARRIVAL_PATTERNS),
        "ramp" => names(RAMPS),
        "dataset_sampler" => names(DATASET_SAMPLERS),
        "url_selection_strategy" => names(URL_SELECTION_STRATEGIES),
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

/// Makes the timing strategy of an entry.
///
/// # Errors
/// As [`endpoint`].
pub fn timing_strategy(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<dyn TimingStrategy>, MakeError> {
    make(entry, setup, host, TIMING_STRATEGIES, built_in_only)
}

/// Makes the arrival pattern of an entry.
///
/// # Errors
/// As [`endpoint`].
pub fn arrival_pattern(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<dyn ArrivalPattern>, MakeError> {
    make(entry, setup, host, ARRIVAL_PATTERNS, built_in_only)
}

/// Makes the ramp of an entry.
///
/// # Errors
/// As [`endpoint`].
pub fn ramp(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<dyn Ramp>, MakeError> {
    make(entry, setup, host, RAMPS, built_in_only)
}

/// Makes the dataset sampler of an entry.
///
/// # Errors
/// As [`endpoint`].
pub fn dataset_sampler(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<dyn DatasetSampler>, MakeError> {
    make(entry, setup, host, DATASET_SAMPLERS, built_in_only)
}

/// Makes the URL selection strategy of an entry.
///
/// # Errors
/// As [`endpoint`].
pub fn url_selection_strategy(
    entry: &Entry,
    setup: Setup<'_>,
    host: &dyn Host,
) -> Result<Box<dyn UrlSelectionStrategy>, MakeError> {
    make(entry, setup, host, URL_SELECTION_STRATEGIES, built_in_only)
}

/// For a category that is internal: the registry lets no library in, so that this is never asked of one.
fn built_in_only<T: ?Sized>(library: &Library, class: &str, _: &Context<'_>) -> Result<Box<T>, LibraryError> {
    Err(library.no_class("entry of an internal category", class))
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
