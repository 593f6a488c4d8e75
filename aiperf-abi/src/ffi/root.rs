//! The root module: what a library says of itself and what it offers, and how the values it offers are made.

use abi_stable::StableAbi;
pub use abi_stable::library::LibHeader as Header;
use abi_stable::library::{__call_root_module_loader, CheckTypeLayout, RootModule, RootModuleResult};
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RSlice, RStr};
use serde::{Deserialize, Serialize};

use super::endpoint::FfiEndpoint;
use super::guard::{guard, report_panics_to};
use super::numbers::FfiNumbers;
use super::service::FfiService;
use super::services::FfiHost;
use super::transport::FfiTransport;
use super::values::FfiResult;
use crate::author::context::{Context, Host, Plugin};
use crate::author::error::Result;
use crate::category::{Category, Class};
use crate::export::{Exports, Offer};

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef, prefix_fields = PluginRootPrefix)))]
pub struct PluginRoot {
    pub package: RStr<'static>,
    pub version: RStr<'static>,
    /// Called once, before anything is made. The bytes are the JSON of [`Settings`].
    pub init: unsafe extern "C" fn(FfiHost, RSlice<'_, u8>) -> FfiResult<()>,
    pub endpoints: RSlice<'static, Decl<FfiEndpoint>>,
    pub transports: RSlice<'static, Decl<FfiTransport>>,
    /// All categories that are called for every request, and have only numbers to say.
    pub numbers: RSlice<'static, Decl<FfiNumbers>>,
    /// All categories that are called seldom.
    #[sabi(last_prefix_field)]
    pub services: RSlice<'static, Decl<FfiService>>,
}

impl RootModule for PluginRootRef {
    abi_stable::declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "aiperf_plugin";
    const NAME: &'static str = "aiperf plugin";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

/// What a constructor gets. The setup is the JSON of [`Setup`](crate::author::context::Setup).
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiNew<'a> {
    entry: RStr<'a>,
    setup: RSlice<'a, u8>,
    host: FfiHost,
}

/// A class a library offers.
#[repr(C)]
#[derive(StableAbi)]
pub struct Decl<T> {
    pub category: RStr<'static>,
    pub class: RStr<'static>,
    pub new: unsafe extern "C" fn(FfiNew<'_>) -> FfiResult<T>,
}

/// What the host decides for a library as a whole. Keys may be added; unknown ones are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Threads of the runtime that a library with a transport makes.
    pub runtime_workers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { runtime_workers: 1 }
    }
}

impl<'a> FfiNew<'a> {
    /// For a value to be made of `cx`, whose setup is `setup` in JSON.
    pub(crate) fn of(cx: &Context<'a>, setup: &'a [u8]) -> Self {
        Self { entry: cx.entry().into(), setup: setup.into(), host: FfiHost::of(cx.host()) }
    }

    /// Makes what is asked for.
    pub(crate) fn make<T: Plugin>(self) -> Result<T> {
        let setup = serde_json::from_slice(self.setup.as_slice())?;
        T::new(&Context::new(self.entry.as_str(), setup, &self.host))
    }
}

// The thunks of the plugin's side. They use nothing but their arguments, which are theirs; that they are `unsafe` is
// because the caller has to keep what those borrow for the call.

unsafe extern "C" fn init(host: FfiHost, settings: RSlice<'_, u8>) -> FfiResult<()> {
    guard(|| {
        report_panics_to(host.share());
        let settings: Settings = serde_json::from_slice(settings.as_slice())?;
        #[cfg(feature = "transport")]
        super::transport::set_workers(settings.runtime_workers);
        #[cfg(not(feature = "transport"))]
        let _ = settings;
        Ok(())
    })
}

pub(crate) unsafe extern "C" fn new<C: Category + ?Sized, T: Class<C>>(new: FfiNew<'_>) -> FfiResult<C::Ffi> {
    guard(|| T::made(new))
}

/// What a library offers, while it is being put together.
#[derive(Default)]
pub struct Lists {
    pub(crate) endpoints: Vec<Decl<FfiEndpoint>>,
    pub(crate) transports: Vec<Decl<FfiTransport>>,
    pub(crate) numbers: Vec<Decl<FfiNumbers>>,
    pub(crate) services: Vec<Decl<FfiService>>,
}

/// The root module of a library that exports `E`; its lists live as long as the process.
fn root<E: Exports>() -> PluginRootRef {
    let mut offer = Offer::default();
    E::offer(&mut offer);
    PluginRoot {
        package: E::FACTS.package.into(),
        version: E::FACTS.version.into(),
        init,
        endpoints: RSlice::from_slice(offer.lists.endpoints.leak()),
        transports: RSlice::from_slice(offer.lists.transports.leak()),
        numbers: RSlice::from_slice(offer.lists.numbers.leak()),
        services: RSlice::from_slice(offer.lists.services.leak()),
    }
    .leak_into_prefix()
}

extern "C" fn construct<E: Exports>() -> RootModuleResult {
    __call_root_module_loader(root::<E>)
}

/// The header of a library that exports `E`.
pub const fn header<E: Exports>() -> Header {
    // SAFETY: `construct` answers with a `PluginRootRef`.
    unsafe { Header::from_constructor::<PluginRootRef>(construct::<E>, CheckTypeLayout::Yes) }
}
