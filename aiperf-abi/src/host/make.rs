//! Calls a constructor of a library and wraps what it made.

use abi_stable::std_types::RResult;

use super::loaded::Loaded;
use super::origin::Origin;
use crate::author::context::Context;
use crate::author::error::Result;
use crate::category::Category;
use crate::ffi::root::FfiNew;
use crate::ffi::values::FfiError;

/// A constructor as it crosses.
type New<T> = unsafe extern "C" fn(FfiNew<'_>) -> RResult<T, FfiError>;

/// Whose constructor it is, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Package<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
}

/// Makes a value of a category.
pub(crate) fn make<C: Category + ?Sized>(new: New<C::Ffi>, of: Package<'_>, cx: &Context<'_>) -> Result<Box<C>> {
    let origin = Origin::new(of.name, of.version, C::NAME, cx.entry());
    let setup = serde_json::to_vec(&cx.setup())?;
    // SAFETY: a constructor takes what its signature says, and keeps nothing that is borrowed.
    let ffi = origin.call(&"constructor", || unsafe { new(FfiNew::of(cx, &setup)) })?;
    Ok(C::loaded(Loaded { ffi, origin }))
}
