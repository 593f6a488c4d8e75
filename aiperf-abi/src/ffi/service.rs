//! The one table behind every category that is called seldom: a method by name, JSON in, JSON out. A new method or a new
//! category needs no new layout.

use std::borrow::Cow;
use std::marker::PhantomData;

use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{RSlice, RStr, RVec};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::back::{Back, FfiBack};
use super::guard::guard;
use super::object::release;
use super::root::{Decl, Lists, PluginRootRef};
use super::values::FfiResult;
use crate::author::error::{Error, ErrorKind, Result};
use crate::category::Kind;

object! {
    FfiService, ServiceTable, ServiceTableRef, ServiceTablePrefix {
        #[sabi(last_prefix_field)]
        call: unsafe extern "C" fn(*mut (), RStr<'_>, RSlice<'_, u8>, FfiBack<'_>) -> FfiResult<RVec<u8>>,
    }
}

impl Kind for FfiService {
    fn offered(root: PluginRootRef) -> &'static [Decl<Self>] {
        root.services().as_slice()
    }

    fn list(lists: &mut Lists) -> &mut Vec<Decl<Self>> {
        &mut lists.services
    }
}

/// Something with methods by name.
pub(crate) trait Service: Send + 'static {
    /// Calls a method; while it runs it may ask `back`.
    ///
    /// # Errors
    /// The method's; of kind [`ErrorKind::Unsupported`] where there is no such method.
    fn call(&mut self, method: &str, words: &[u8], back: &mut dyn Back) -> Result<Vec<u8>>;
}

struct Table<T>(PhantomData<T>);

impl<T: Service> Table<T> {
    abi_stable::staticref! {
        const VALUE: WithMetadata<ServiceTable> =
            WithMetadata::new(ServiceTable { release: release::<T>, call: call::<T> })
    }
}

impl FfiService {
    pub(crate) fn of<T: Service>(value: T) -> Self {
        let table = ServiceTableRef(Table::<T>::VALUE.as_prefix());
        Self { object: Box::into_raw(Box::new(value)).cast(), table }
    }

    pub(crate) fn call(&mut self, method: &str, words: &[u8], back: &mut dyn Back) -> FfiResult<RVec<u8>> {
        let mut back = back;
        // SAFETY: `table` was made for `object`, which lives as long as `self`, and `&mut` keeps other calls out.
        unsafe { (self.table.call())(self.object, method.into(), words.into(), FfiBack::of(&mut back)) }
    }
}

unsafe extern "C" fn call<T: Service>(
    object: *mut (),
    method: RStr<'_>,
    words: RSlice<'_, u8>,
    mut back: FfiBack<'_>,
) -> FfiResult<RVec<u8>> {
    // SAFETY: `FfiService::of` pairs this with a live `T`, and `FfiService::call` has it for itself.
    guard(|| Ok(unsafe { &mut *object.cast::<T>() }.call(method.as_str(), words.as_slice(), &mut back)?.into()))
}

/// What a method of a service is given, as it crosses: plain data as JSON; a type may have a form of its own.
pub(crate) trait Argument<'a>: Copy {
    /// What the other side keeps during the call.
    type Kept: 'a;

    fn write(self) -> Result<Cow<'a, [u8]>>;
    fn keep(words: &'a [u8]) -> Result<Self::Kept>;
    fn of(kept: &'a Self::Kept) -> Self;
}

impl<'a, T: Serialize + DeserializeOwned + 'a> Argument<'a> for &'a T {
    type Kept = T;

    fn write(self) -> Result<Cow<'a, [u8]>> {
        Ok(serde_json::to_vec(self)?.into())
    }

    fn keep(words: &'a [u8]) -> Result<T> {
        Ok(serde_json::from_slice(words)?)
    }

    fn of(kept: &'a T) -> Self {
        kept
    }
}

pub(crate) fn no_method(category: &str, method: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this library knows no method `{method}` of `{category}`"))
}

/// Makes a trait a category that crosses as method names and JSON. Its methods take one argument or none, and their result
/// is plain data.
macro_rules! service {
    (
        $name:literal: $trait:ident {
            $($method:ident($($argument:ident: $type:ty)?) $(-> $result:ty)?;)*
        }
    ) => {
        impl crate::category::Category for dyn $trait {
            const NAME: &'static str = $name;
            type Ffi = crate::ffi::service::FfiService;

            fn loaded(value: crate::host::Loaded<Self::Ffi>) -> Box<Self> {
                Box::new(value)
            }
        }

        impl<T: crate::author::context::Plugin + $trait> crate::category::Class<dyn $trait> for T {
            fn made(new: crate::ffi::root::FfiNew<'_>) -> crate::author::error::Result<crate::ffi::service::FfiService> {
                let value = crate::category::As::<dyn $trait, T>::new(new.make()?);
                Ok(crate::ffi::service::FfiService::of(value))
            }
        }

        impl<T: $trait> crate::ffi::service::Service for crate::category::As<dyn $trait, T> {
            fn call(
                &mut self,
                method: &str,
                words: &[u8],
                _: &mut dyn crate::ffi::back::Back,
            ) -> crate::author::error::Result<Vec<u8>> {
                let _ = words;
                match method {
                    $(stringify!($method) => {
                        $(let $argument = <$type as crate::ffi::service::Argument<'_>>::keep(words)?;)?
                        let result = self.value.$method($(crate::ffi::service::Argument::of(&$argument))?)?;
                        Ok(serde_json::to_vec(&result)?)
                    })*
                    other => Err(crate::ffi::service::no_method($name, other)),
                }
            }
        }

        impl $trait for crate::host::Loaded<crate::ffi::service::FfiService> {
            $(fn $method(&mut self $(, $argument: $type)?) -> crate::author::error::Result<service!(@result $($result)?)> {
                let words = service!(@argument $($argument)?);
                self.words(&stringify!($method), &words)
            })*
        }
    };
    (@result) => { () };
    (@result $result:ty) => { $result };
    (@argument) => { [0_u8; 0] };
    (@argument $argument:ident) => { crate::ffi::service::Argument::write($argument)? };
}
