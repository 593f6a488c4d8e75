//! `export_plugin!`: makes a crate's classes a library that the host can inspect and load. Everything but the macro itself
//! is for the macro's use.

use crate::author::context::Plugin;
use crate::author::endpoint::Endpoint;
use crate::author::exporter::DataExporter;
use crate::ffi::root::{self, EndpointDecl, Lists, ServiceDecl};
use crate::ffi::service::ExporterService;

/// Exports the classes of a plugin package, by category.
///
/// Call it once, at the root of a crate whose `crate-type` is `["cdylib", "rlib"]`, with the types in scope:
///
/// ```
/// use aiperf_abi::{Context, Endpoint, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result, json};
///
/// struct Shout;
///
/// impl Plugin for Shout {
///     fn new(_: &Context<'_>) -> Result<Self> {
///         Ok(Self)
///     }
/// }
///
/// impl Endpoint for Shout {
///     fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
///         let text = request.last_turn()?.texts().next().unwrap_or_default();
///         Ok(json!({ "text": text.to_uppercase() }).into())
///     }
///
///     fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
///         Ok(response.text().map(ParsedResponse::text))
///     }
/// }
///
/// aiperf_abi::export_plugin! {
///     endpoint: { Shout },
/// }
/// # fn main() {}
/// ```
///
/// Categories: `endpoint`, `transport` (with the feature `transport` of this crate), `data_exporter`. A manifest names a
/// class as `library:Type`, here `…:Shout`.
#[macro_export]
macro_rules! export_plugin {
    ($($category:ident: { $($class:ident),* $(,)? }),* $(,)?) => {
        const _: () = {
            #[cfg(not(panic = "unwind"))]
            ::core::compile_error!(
                "an aiperf plugin must be built with panic = \"unwind\": with \"abort\" its first panic would end the run"
            );

            struct Exports;

            impl $crate::export::Exports for Exports {
                const FACTS: $crate::data::descriptor::Facts = $crate::data::descriptor::Facts {
                    package: ::core::env!("CARGO_PKG_NAME"),
                    version: ::core::env!("CARGO_PKG_VERSION"),
                    description: ::core::env!("CARGO_PKG_DESCRIPTION"),
                    authors: ::core::env!("CARGO_PKG_AUTHORS"),
                    license: ::core::env!("CARGO_PKG_LICENSE"),
                    homepage: ::core::env!("CARGO_PKG_HOMEPAGE"),
                    panic: if ::core::cfg!(panic = "unwind") { "unwind" } else { "abort" },
                    exports: &[$($((::core::stringify!($category), ::core::stringify!($class)),)*)*],
                };

                fn offer(offer: &mut $crate::export::Offer) {
                    $($($crate::__export_class!(offer, $category, $class);)*)*
                }
            }

            #[unsafe(no_mangle)]
            pub static AIPERF_PLUGIN_DESCRIPTOR: [u8; $crate::data::descriptor::SIZE] =
                <Exports as $crate::export::Exports>::FACTS.encode();

            // The name abi_stable looks for.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            pub static AIPERF_PLUGIN_HEADER: $crate::ffi::root::Header = $crate::ffi::root::header::<Exports>();
        };
    };
}

/// One class of [`export_plugin!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __export_class {
    ($offer:ident, endpoint, $class:ident) => {
        $offer.endpoint::<$class>(::core::stringify!($class))
    };
    ($offer:ident, transport, $class:ident) => {
        $crate::__export_transport!($offer, $class)
    };
    ($offer:ident, data_exporter, $class:ident) => {
        $offer.data_exporter::<$class>(::core::stringify!($class))
    };
    ($offer:ident, $category:ident, $class:ident) => {
        ::core::compile_error!(::core::concat!(
            "a plugin cannot export a `",
            ::core::stringify!($category),
            "`; the categories are endpoint, transport and data_exporter"
        ))
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(feature = "transport")]
macro_rules! __export_transport {
    ($offer:ident, $class:ident) => {
        $offer.transport::<$class>(::core::stringify!($class))
    };
}

#[doc(hidden)]
#[macro_export]
#[cfg(not(feature = "transport"))]
macro_rules! __export_transport {
    ($offer:ident, $class:ident) => {
        ::core::compile_error!("to export a transport, turn on the feature `transport` of aiperf-abi")
    };
}

/// What the macro knows of the crate it stands in.
pub trait Exports {
    /// For the descriptor.
    const FACTS: crate::data::descriptor::Facts;
    /// Offers every class.
    fn offer(offer: &mut Offer);
}

/// Collects the classes of a library.
#[derive(Default)]
pub struct Offer {
    pub(crate) lists: Lists,
}

impl Offer {
    /// Offers an endpoint.
    pub fn endpoint<T: Plugin + Endpoint>(&mut self, class: &'static str) {
        self.lists.endpoints.push(EndpointDecl { class: class.into(), new: root::new_endpoint::<T> });
    }

    /// Offers a transport.
    #[cfg(feature = "transport")]
    pub fn transport<T: Plugin + crate::author::transport::Transport>(&mut self, class: &'static str) {
        self.lists.transports.push(root::TransportDecl { class: class.into(), new: root::new_transport::<T> });
    }

    /// Offers a data exporter.
    pub fn data_exporter<T: Plugin + DataExporter>(&mut self, class: &'static str) {
        let new = root::new_service::<T, ExporterService<T>>;
        self.lists.services.push(ServiceDecl { category: "data_exporter".into(), class: class.into(), new });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_exports_the_name_abi_stable_looks_for() {
        assert_eq!(abi_stable::library::ROOT_MODULE_LOADER_NAME, "_1as_0lib_1header_0root_bmodule_bloader");
    }
}
