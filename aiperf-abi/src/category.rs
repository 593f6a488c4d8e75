//! What makes a trait a category: its name, what of it crosses, and the way there and back. A category is declared once,
//! beside its trait; exporting, loading and making values of it follow from that.
//!
//! A category crosses by one of four kinds of table: `endpoint` and `transport` have their own; what is called for every
//! request crosses as numbers (`numbers!`), everything else as a method name and JSON (`service!`).

use abi_stable::StableAbi;

use crate::author::context::Plugin;
use crate::author::error::Result;
use crate::ffi::root::{Decl, FfiNew, Lists, PluginRootRef};
use crate::host::Loaded;

/// An extension point. Implemented for the trait object that authors implement and the host calls.
pub trait Category: 'static {
    /// Its name in manifests.
    const NAME: &'static str;
    /// What crosses.
    type Ffi: Kind;

    /// A loaded value as the trait object.
    fn loaded(value: Loaded<Self::Ffi>) -> Box<Self>;
}

/// A type that can be exported as an entry of a category.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be exported as `{C}`",
    note = "it has to implement `Plugin` and that trait; for a transport, turn on the feature `transport` of aiperf-abi"
)]
pub trait Class<C: Category + ?Sized>: Plugin {
    /// Makes a value and readies it for the crossing.
    ///
    /// # Errors
    /// The constructor's.
    fn made(new: FfiNew<'_>) -> Result<C::Ffi>;
}

/// A kind of table, and the list of a library where the classes are that cross by it.
pub trait Kind: StableAbi + Sized + 'static {
    /// In a library; none where it was built before there was such a list.
    fn offered(root: PluginRootRef) -> &'static [Decl<Self>];
    /// While a library is being put together.
    fn list(lists: &mut Lists) -> &mut Vec<Decl<Self>>;
}

/// A value of a library on its way out, seen as of one category: a type may be a class of several.
pub(crate) struct As<C: ?Sized, T> {
    pub(crate) value: T,
    category: std::marker::PhantomData<fn() -> Box<C>>,
}

impl<C: ?Sized, T> As<C, T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value, category: std::marker::PhantomData }
    }
}

/// Every category by its name in manifests, for [`export_plugin!`](crate::export_plugin).
#[expect(non_camel_case_types, reason = "the macro turns the name in a manifest into the type")]
pub mod names {
    pub type endpoint = dyn crate::Endpoint;
    pub type transport = dyn crate::Transport;
    pub type data_exporter = dyn crate::DataExporter;
    pub type console_exporter = dyn crate::ConsoleExporter;
    pub type record_processor = dyn crate::RecordProcessor;
    pub type results_processor = dyn crate::ResultsProcessor;
    pub type result_handler = dyn crate::ResultHandler;
    pub type plot = dyn crate::Plot;
    pub type gpu_telemetry_collector = dyn crate::GpuTelemetryCollector;
    pub type service = dyn crate::Service;
    pub type service_manager = dyn crate::ServiceManager;
    pub type communication = dyn crate::Communication;
    pub type ui = dyn crate::Ui;
    pub type timing_strategy = dyn crate::TimingStrategy;
    pub type arrival_pattern = dyn crate::ArrivalPattern;
    pub type ramp = dyn crate::Ramp;
    pub type custom_dataset_loader = dyn crate::CustomDatasetLoader;
    pub type public_dataset_loader = dyn crate::PublicDatasetLoader;
    pub type dataset_composer = dyn crate::DatasetComposer;
    pub type dataset_backing_store = dyn crate::DatasetBackingStore;
    pub type dataset_sampler = dyn crate::DatasetSampler;
    pub type url_selection_strategy = dyn crate::UrlSelectionStrategy;
}
