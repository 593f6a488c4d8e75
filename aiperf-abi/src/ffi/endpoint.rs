//! `endpoint` as it crosses: requests and replies go in as views, payloads and parsed replies come out as values.

use std::marker::PhantomData;

use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{ROption, RVec, Tuple2};

use super::guard::guard;
use super::object::release;
use super::root::{Decl, FfiNew, Lists, PluginRootRef};
use super::values::{FfiPair, FfiParsed, FfiPayload, FfiResult};
use super::view::View;
use crate::author::context::Plugin;
use crate::author::endpoint::Endpoint;
use crate::author::error::Result;
use crate::author::request::RequestInfo;
use crate::author::response::Response;
use crate::category::{Class, Kind};

object! {
    FfiEndpoint, EndpointTable, EndpointTableRef, EndpointTablePrefix {
        format_payload: unsafe extern "C" fn(*const (), View<'_>) -> FfiResult<FfiPayload>,
        parse_response: unsafe extern "C" fn(*const (), View<'_>) -> FfiResult<ROption<FfiParsed>>,
        #[sabi(last_prefix_field)]
        headers: unsafe extern "C" fn(*const (), View<'_>) -> FfiResult<RVec<FfiPair>>,
    }
}

impl Kind for FfiEndpoint {
    fn offered(root: PluginRootRef) -> &'static [Decl<Self>] {
        root.endpoints().as_slice()
    }

    fn list(lists: &mut Lists) -> &mut Vec<Decl<Self>> {
        &mut lists.endpoints
    }
}

impl<T: Plugin + Endpoint> Class<dyn Endpoint> for T {
    fn made(new: FfiNew<'_>) -> Result<FfiEndpoint> {
        Ok(FfiEndpoint::of(new.make::<T>()?))
    }
}

struct Table<T>(PhantomData<T>);

impl<T: Endpoint> Table<T> {
    abi_stable::staticref! {
        const VALUE: WithMetadata<EndpointTable> = WithMetadata::new(EndpointTable {
            release: release::<T>,
            format_payload: format_payload::<T>,
            parse_response: parse_response::<T>,
            headers: headers::<T>,
        })
    }
}

impl FfiEndpoint {
    pub(crate) fn of<T: Endpoint>(value: T) -> Self {
        let table = EndpointTableRef(Table::<T>::VALUE.as_prefix());
        Self { object: Box::into_raw(Box::new(value)).cast(), table }
    }

    pub(crate) fn format_payload(&self, request: RequestInfo<'_>) -> FfiResult<FfiPayload> {
        // SAFETY: here and below, `table` was made for `object`, which lives as long as `self`.
        unsafe { (self.table.format_payload())(self.object, request.view()) }
    }

    pub(crate) fn parse_response(&self, response: Response<'_>) -> FfiResult<ROption<FfiParsed>> {
        // SAFETY: as above.
        unsafe { (self.table.parse_response())(self.object, response.view()) }
    }

    pub(crate) fn headers(&self, request: RequestInfo<'_>) -> FfiResult<RVec<FfiPair>> {
        // SAFETY: as above.
        unsafe { (self.table.headers())(self.object, request.view()) }
    }
}

// The thunks of the plugin's side.
//
// SAFETY (all): `FfiEndpoint::of` pairs them with a live `T`.

unsafe extern "C" fn format_payload<T: Endpoint>(object: *const (), request: View<'_>) -> FfiResult<FfiPayload> {
    guard(|| {
        let request = RequestInfo::new(request);
        // SAFETY: see above.
        FfiPayload::pack(unsafe { &*object.cast::<T>() }.format_payload(request)?, request)
    })
}

unsafe extern "C" fn parse_response<T: Endpoint>(
    object: *const (),
    response: View<'_>,
) -> FfiResult<ROption<FfiParsed>> {
    guard(|| {
        // SAFETY: see above.
        let parsed = unsafe { &*object.cast::<T>() }.parse_response(Response::new(response))?;
        Ok(parsed.map(FfiParsed::pack).transpose()?.into())
    })
}

unsafe extern "C" fn headers<T: Endpoint>(object: *const (), request: View<'_>) -> FfiResult<RVec<FfiPair>> {
    guard(|| {
        // SAFETY: see above.
        let headers = unsafe { &*object.cast::<T>() }.headers(RequestInfo::new(request))?;
        Ok(headers.into_iter().map(|(name, value)| Tuple2(name.into(), value.into())).collect())
    })
}
