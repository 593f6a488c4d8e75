//! The one table behind every category that is called seldom: a method by name, JSON in, JSON out. A new method or a new
//! category needs no new layout. Here is also how a `data_exporter` becomes such a service.

use std::marker::PhantomData;

use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{RSlice, RStr, RVec};

use super::guard::guard;
use super::object::release;
use super::values::FfiResult;
use crate::author::error::{Error, ErrorKind, Result};
use crate::author::exporter::{DataExporter, RecordBatch};

object! {
    FfiService, ServiceTable, ServiceTableRef, ServiceTablePrefix {
        #[sabi(last_prefix_field)]
        call: unsafe extern "C" fn(*mut (), RStr<'_>, RSlice<'_, u8>) -> FfiResult<RVec<u8>>,
    }
}

/// Something with methods by name.
pub(crate) trait Service: Send + 'static {
    /// Calls a method.
    ///
    /// # Errors
    /// The method's; of kind [`ErrorKind::Unsupported`] where there is no such method.
    fn call(&mut self, method: &str, args: &[u8]) -> Result<Vec<u8>>;
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

    pub(crate) fn call(&mut self, method: &str, args: &[u8]) -> FfiResult<RVec<u8>> {
        // SAFETY: `table` was made for `object`, which lives as long as `self`, and `&mut` keeps other calls out.
        unsafe { (self.table.call())(self.object, method.into(), args.into()) }
    }
}

unsafe extern "C" fn call<T: Service>(object: *mut (), method: RStr<'_>, args: RSlice<'_, u8>) -> FfiResult<RVec<u8>> {
    // SAFETY: `FfiService::of` pairs this with a live `T`, and `FfiService::call` has it for itself.
    guard(|| Ok(unsafe { &mut *object.cast::<T>() }.call(method.as_str(), args.as_slice())?.into()))
}

/// Methods of a `data_exporter`.
pub(crate) mod exporter {
    /// Lines of records in, nothing out.
    pub(crate) const RECORDS: &str = "records";
    /// A report in, a list of files out.
    pub(crate) const EXPORT: &str = "export";
}

/// A `data_exporter` as a service.
pub(crate) struct ExporterService<T>(pub(crate) T);

impl<T: DataExporter> Service for ExporterService<T> {
    fn call(&mut self, method: &str, args: &[u8]) -> Result<Vec<u8>> {
        match method {
            exporter::RECORDS => {
                self.0.records(RecordBatch::new(std::str::from_utf8(args)?))?;
                Ok(Vec::new())
            }
            exporter::EXPORT => Ok(serde_json::to_vec(&self.0.export(&serde_json::from_slice(args)?)?)?),
            other => Err(Error::new(ErrorKind::Unsupported, format!("an exporter has no method `{other}`"))),
        }
    }
}

impl<T> From<T> for ExporterService<T> {
    fn from(exporter: T) -> Self {
        Self(exporter)
    }
}
