//! `export_plugin!`: makes a crate's classes a library that the host can inspect and load. Everything but the macro itself
//! is for the macro's use.

use crate::category::{Category, Class, Kind};
use crate::ffi::root::{self, Decl, Lists};

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
/// The categories are those of [`category::names`](crate::category::names); `transport` needs the feature `transport` of
/// this crate. A manifest names a class as `library:Type`, here `…:Shout`.
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
                    $($(offer.class::<$crate::category::names::$category, $class>(::core::stringify!($class));)*)*
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
    /// Offers a class of a category.
    pub fn class<C: Category + ?Sized, T: Class<C>>(&mut self, class: &'static str) {
        let decl = Decl { category: C::NAME.into(), class: class.into(), new: root::new::<C, T> };
        C::Ffi::list(&mut self.lists).push(decl);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_macro_exports_the_name_abi_stable_looks_for() {
        assert_eq!(abi_stable::library::ROOT_MODULE_LOADER_NAME, "_1as_0lib_1header_0root_bmodule_bloader");
    }
}
