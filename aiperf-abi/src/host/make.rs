//! Calls a constructor of a library and wraps what it made.

use abi_stable::std_types::RResult;

use super::endpoint::LoadedEndpoint;
use super::exporter::LoadedExporter;
use super::origin::Origin;
use super::transport::LoadedTransport;
use crate::author::context::Context;
use crate::author::endpoint::Endpoint;
use crate::author::error::Result;
use crate::author::exporter::DataExporter;
use crate::author::transport::Transport;
use crate::ffi::endpoint::FfiEndpoint;
use crate::ffi::root::FfiNew;
use crate::ffi::service::FfiService;
use crate::ffi::transport::FfiTransport;
use crate::ffi::values::FfiError;

/// A constructor as it crosses.
type New<T> = unsafe extern "C" fn(FfiNew<'_>) -> RResult<T, FfiError>;

/// Whose constructor it is, for errors.
#[derive(Clone, Copy)]
pub(crate) struct Package<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
}

pub(crate) fn endpoint(new: New<FfiEndpoint>, of: Package<'_>, cx: &Context<'_>) -> Result<Box<dyn Endpoint>> {
    let (ffi, origin) = call(new, "endpoint", of, cx)?;
    Ok(Box::new(LoadedEndpoint { ffi, origin }))
}

pub(crate) fn transport(new: New<FfiTransport>, of: Package<'_>, cx: &Context<'_>) -> Result<Box<dyn Transport>> {
    let (ffi, origin) = call(new, "transport", of, cx)?;
    Ok(Box::new(LoadedTransport { ffi, origin: origin.into() }))
}

pub(crate) fn data_exporter(new: New<FfiService>, of: Package<'_>, cx: &Context<'_>) -> Result<Box<dyn DataExporter>> {
    let (service, origin) = call(new, "data_exporter", of, cx)?;
    Ok(Box::new(LoadedExporter { service, origin }))
}

fn call<T>(new: New<T>, category: &str, of: Package<'_>, cx: &Context<'_>) -> Result<(T, Origin)> {
    let origin = Origin::new(of.name, of.version, category, cx.entry());
    let setup = serde_json::to_vec(&cx.setup())?;
    // SAFETY: a constructor takes what its signature says, and keeps nothing that is borrowed.
    let made = origin.call("constructor", || unsafe { new(FfiNew::of(cx, &setup)) })?;
    Ok((made, origin))
}
