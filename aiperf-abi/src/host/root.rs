//! A library's root module in the hands of the host: admitted only after header, version and layout were compared.

use abi_stable::StableAbi;
use abi_stable::library::{AbiHeaderRef, LibraryError, ROOT_MODULE_LOADER_NAME};
use abi_stable::sabi_types::VersionNumber;

use super::{layout, make};
use crate::author::context::{Context, Host};
use crate::author::error::Result;
use crate::category::{Category, Kind};
use crate::ffi::endpoint::FfiEndpoint;
use crate::ffi::numbers::FfiNumbers;
use crate::ffi::root::{PluginRootRef, Settings};
use crate::ffi::service::FfiService;
use crate::ffi::services::FfiHost;
use crate::ffi::transport::FfiTransport;

/// The symbol of a library that is an [`AbiHeaderRef`].
pub const HEADER_SYMBOL: &str = ROOT_MODULE_LOADER_NAME;

/// Why a library's root module is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its header is not one this host can read.
    Header(String),
    /// Built with another major version of the ABI, or a newer minor one.
    Version {
        /// The library's.
        library: String,
        /// The host's.
        host: String,
    },
    /// A version that fits, but another layout.
    Layout {
        /// The library's ABI version.
        library: String,
        /// What differs, a few lines.
        differences: Vec<String>,
    },
    /// Making the root module failed.
    Constructor(String),
}

/// What a library offers, after all checks.
#[derive(Clone, Copy)]
pub struct Root {
    module: PluginRootRef,
}

impl Root {
    /// Checks a library's header and takes its root module.
    ///
    /// # Errors
    /// When it is not compatible with this host.
    ///
    /// # Safety
    /// `header` was read from [`HEADER_SYMBOL`] of a library that is never unloaded.
    pub unsafe fn admit(header: AbiHeaderRef) -> std::result::Result<Self, Refusal> {
        let library = header.upgrade().map_err(|error| Refusal::Header(first_line(&error)))?;
        let ours = VersionNumber::new(abi_stable::package_version_strings!())
            .map_err(|error| Refusal::Header(error.to_string()))?;
        let theirs =
            VersionNumber::new(library.version_strings()).map_err(|error| Refusal::Header(error.to_string()))?;
        if !speaks((theirs.major, theirs.minor), (ours.major, ours.minor)) {
            return Err(Refusal::Version { library: theirs.to_string(), host: ours.to_string() });
        }
        let layout = library.layout().ok_or_else(|| Refusal::Header("it does not describe its layout".to_owned()))?;
        layout::check(layout, <PluginRootRef as StableAbi>::LAYOUT)
            .map_err(|differences| Refusal::Layout { library: theirs.to_string(), differences })?;
        // SAFETY: version and layout were compared above, and accessors of later fields see that they are absent.
        let module = unsafe { library.init_root_module_with_unchecked_layout::<PluginRootRef>() };
        module.map(Self::of).map_err(|error| Refusal::Constructor(first_line(&error)))
    }

    pub(crate) fn of(module: PluginRootRef) -> Self {
        Self { module }
    }

    /// Package name.
    pub fn package(self) -> &'static str {
        self.module.package().as_str()
    }

    /// Package version.
    pub fn version(self) -> &'static str {
        self.module.version().as_str()
    }

    /// Every class it offers, each `category:Type`.
    pub fn exports(self) -> Vec<String> {
        fn names<T: Kind>(module: PluginRootRef) -> impl Iterator<Item = String> {
            T::offered(module).iter().map(|decl| format!("{}:{}", decl.category, decl.class))
        }
        let (endpoints, transports) = (names::<FfiEndpoint>(self.module), names::<FfiTransport>(self.module));
        let (numbers, services) = (names::<FfiNumbers>(self.module), names::<FfiService>(self.module));
        endpoints.chain(transports).chain(numbers).chain(services).collect()
    }

    /// Prepares the library; to be called once, before anything is made.
    ///
    /// # Errors
    /// When the library cannot be used.
    pub fn init(self, host: Box<dyn Host>, settings: Settings) -> Result<()> {
        let settings = serde_json::to_vec(&settings)?;
        // SAFETY: the arguments are owned, or borrowed for the call.
        unsafe { (self.module.init())(FfiHost::of(host), settings.as_slice().into()) }.into_result()?;
        Ok(())
    }

    /// Makes a value of a category; `None` where the library has no such class.
    ///
    /// # Errors
    /// The constructor's.
    pub fn make<C: Category + ?Sized>(self, class: &str, cx: &Context<'_>) -> Option<Result<Box<C>>> {
        let decls = C::Ffi::offered(self.module);
        let decl = decls.iter().find(|decl| decl.category == C::NAME && decl.class == class)?;
        Some(make::make::<C>(decl.new, self.names(), cx))
    }

    fn names(self) -> make::Package<'static> {
        make::Package { name: self.package(), version: self.version() }
    }
}

/// Whether a host of version `ours` can use a library of version `theirs`, each (major, minor).
fn speaks(theirs: (u32, u32), ours: (u32, u32)) -> bool {
    theirs.0 == ours.0 && theirs.1 <= ours.1
}

/// The library's words run over many lines; the first says it.
fn first_line(error: &LibraryError) -> String {
    error.to_string().lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}
