//! From an entry to a live value: for a built-in class its constructor, for any other the library it is in. The only place
//! that names implementations.

use aiperf_abi::author::context::Setup;
use aiperf_abi::host::Category;
use aiperf_abi::{
    ArrivalPattern, Communication, ConsoleExporter, Context, CustomDatasetLoader, DataExporter, DatasetBackingStore,
    DatasetComposer, DatasetSampler, Endpoint, Error, ErrorKind, GpuTelemetryCollector, Host, Plot, Plugin,
    PublicDatasetLoader, Ramp, RecordProcessor, ResultHandler, ResultsProcessor, Service, ServiceManager,
    TimingStrategy, Transport, Ui, UrlSelectionStrategy,
};

use crate::communication::{ChannelCommunication, SocketCommunication};
use crate::dataset::file::{
    AzureTraceLoader, BailianTraceLoader, BurstGptTraceLoader, InputsJsonLoader, MooncakeTraceLoader, MultiTurnLoader,
    RandomPoolLoader, RawPayloadLoader, ShareGptLoader, SingleTurnLoader,
};
use crate::dataset::{
    FileStore, MemoryStore, RandomSampler, RankingsComposer, SequentialSampler, ShareGptDataset, ShuffleSampler,
    SyntheticComposer,
};
use crate::endpoint::{
    AudioTranscriptionEndpoint, ChatEmbeddingsEndpoint, ChatEndpoint, CohereRankingsEndpoint, CompletionsEndpoint,
    EmbeddingsEndpoint, HfTeiRankingsEndpoint, HuggingFaceGenerateEndpoint, ImageGenerationEndpoint, MessagesEndpoint,
    NimEmbeddingsEndpoint, NimRankingsEndpoint, RawEndpoint, ResponsesEndpoint, TemplateEndpoint,
};
use crate::export::{
    CsvExporter, ErrorsConsole, JsonExporter, MetricsConsole, NoticesConsole, PercentilesPlot, RecordsExporter,
    SteadyStateConsole, SummaryConsole, TimeslicesCsvExporter, TimeslicesJsonExporter,
};
use crate::handler::{FileHandler, WebhookHandler};
use crate::plugin::library::{Library, LibraryError};
use crate::plugin::registry::{Constructor, Entry, Source};
use crate::service::{CommandService, InProcessServices};
use crate::telemetry::DcgmCollector;
use crate::timing::arrival::{ConcurrencyBurstArrival, ConstantArrival, GammaArrival, PoissonArrival};
use crate::timing::ramp::{ExponentialRamp, LinearRamp, PoissonRamp};
use crate::timing::strategy::{ConcurrencyStrategy, FixedScheduleStrategy, RequestRateStrategy, UserCentricStrategy};
use crate::transport::HttpTransport;
use crate::transport::in_engine::InEngineTransport;
use crate::transport::selection::RoundRobinUrls;
use crate::ui::{NoUi, SimpleUi};

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

/// A category with built-in classes.
pub trait BuiltIn: Category {
    /// The classes and their constructors.
    const CLASSES: &'static [(&'static str, New<Self>)];
}

type New<T> = fn(&Context<'_>) -> Result<Box<T>, Error>;

macro_rules! built_in {
    ($($trait:ident { $($class:ident),* $(,)? })*) => {
        $(impl BuiltIn for dyn $trait {
            const CLASSES: &'static [(&'static str, New<Self>)] =
                &[$((stringify!($class), |cx| Ok(Box::new($class::new(cx)?)))),*];
        })*

        /// The built-in classes of a category.
        pub fn classes(category: &str) -> impl Iterator<Item = &'static str> {
            let names: Vec<&'static str> = match category {
                $(<dyn $trait as Category>::NAME => <dyn $trait>::CLASSES.iter().map(|(class, _)| *class).collect(),)*
                _ => Vec::new(),
            };
            names.into_iter()
        }
    };
}

built_in! {
    Endpoint {
        ChatEndpoint,
        CompletionsEndpoint,
        ResponsesEndpoint,
        MessagesEndpoint,
        HuggingFaceGenerateEndpoint,
        EmbeddingsEndpoint,
        ChatEmbeddingsEndpoint,
        NimEmbeddingsEndpoint,
        NimRankingsEndpoint,
        CohereRankingsEndpoint,
        HfTeiRankingsEndpoint,
        ImageGenerationEndpoint,
        AudioTranscriptionEndpoint,
        TemplateEndpoint,
        RawEndpoint,
    }
    Transport { HttpTransport, InEngineTransport }
    DataExporter { JsonExporter, CsvExporter, RecordsExporter, TimeslicesJsonExporter, TimeslicesCsvExporter }
    ConsoleExporter { ErrorsConsole, SteadyStateConsole, MetricsConsole, NoticesConsole, SummaryConsole }
    RecordProcessor {}
    ResultsProcessor {}
    ResultHandler { WebhookHandler, FileHandler }
    Plot { PercentilesPlot }
    GpuTelemetryCollector { DcgmCollector }
    Service { CommandService }
    ServiceManager { InProcessServices }
    Communication { ChannelCommunication, SocketCommunication }
    Ui { SimpleUi, NoUi }
    TimingStrategy { ConcurrencyStrategy, RequestRateStrategy, UserCentricStrategy, FixedScheduleStrategy }
    ArrivalPattern { ConstantArrival, PoissonArrival, GammaArrival, ConcurrencyBurstArrival }
    Ramp { LinearRamp, ExponentialRamp, PoissonRamp }
    CustomDatasetLoader {
        SingleTurnLoader,
        MultiTurnLoader,
        RandomPoolLoader,
        RawPayloadLoader,
        InputsJsonLoader,
        MooncakeTraceLoader,
        BailianTraceLoader,
        BurstGptTraceLoader,
        AzureTraceLoader,
        ShareGptLoader,
    }
    PublicDatasetLoader { ShareGptDataset }
    DatasetComposer { SyntheticComposer, RankingsComposer }
    DatasetBackingStore { MemoryStore, FileStore }
    DatasetSampler { SequentialSampler, ShuffleSampler, RandomSampler }
    UrlSelectionStrategy { RoundRobinUrls }
}

/// Makes the value of an entry.
///
/// # Errors
/// When its library cannot be used or its constructor fails.
pub fn make<C: BuiltIn + ?Sized>(entry: &Entry, setup: Setup<'_>, host: &dyn Host) -> Result<Box<C>, MakeError> {
    let cx = Context::new(&entry.name, setup, host);
    let (category, name) = (entry.category.name.as_str(), entry.name.clone());
    match &entry.package.source {
        Source::Builtin => {
            let (_, new) = C::CLASSES
                .iter()
                .find(|(class, _)| *class == entry.class.type_name)
                .expect("every class of the built-in manifest has its row: a test compares the two");
            new(&cx).map_err(|error| MakeError::Builtin { category, name, error })
        }
        Source::Program => {
            let new = entry.constructor.as_ref().and_then(Constructor::making::<C>);
            let new = new.expect("an entry is registered with a constructor of its category");
            new(&cx).map_err(|error| MakeError::Builtin { category, name, error })
        }
        Source::Library { path, .. } => Library::open_locked(path, entry.package.locked())
            .and_then(|library| library.make::<C>(&entry.class.type_name, &cx))
            .map_err(|source| MakeError::Library {
                category,
                name,
                package: entry.package.name().to_owned(),
                source: Box::new(source),
            }),
    }
}
