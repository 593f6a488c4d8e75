//! Where a reply is delivered, as it crosses: the host's table, and the handle the plugin's side holds.

use std::marker::PhantomData;

use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{ROption, RSlice, RStr, Tuple2};

use super::guard::silent;
use super::object::release;
use super::values::FfiError;
use crate::author::error::{Error, Result};
use crate::author::transport::{Flow, Mark};

type FfiHeaders<'a> = RSlice<'a, Tuple2<RStr<'a>, RStr<'a>>>;

object! {
    /// Dropping it before `finish` ends the delivery with an error.
    FfiSink, SinkTable, SinkTableRef, SinkTablePrefix {
        now_ns: unsafe extern "C" fn(*const ()) -> u64,
        head: unsafe extern "C" fn(*const (), u64, u16, FfiHeaders<'_>),
        chunk: unsafe extern "C" fn(*const (), u64, RSlice<'_, u8>) -> u32,
        mark: unsafe extern "C" fn(*const (), u64, u32),
        #[sabi(last_prefix_field)]
        finish: unsafe extern "C" fn(*const (), ROption<FfiError>),
    }
}

/// The host's end of a delivery. May be called from any thread of the plugin, several at once.
pub(crate) trait Receiver: Send + Sync + 'static {
    /// Nanoseconds of the host's clock.
    fn now_ns(&self) -> u64;
    /// Status and headers.
    fn head(&self, at_ns: u64, status: u16, headers: &[(&str, &str)]);
    /// Bytes of the body.
    fn chunk(&self, at_ns: u64, bytes: &[u8]) -> Flow;
    /// A moment.
    fn mark(&self, at_ns: u64, mark: Mark);
    /// The end. Only the first one counts.
    fn finish(&self, result: Result<()>);
}

/// Numbers on the wire. Never changed or used again.
mod wire {
    use super::{Flow, Mark};

    pub(super) fn flow(flow: Flow) -> u32 {
        match flow {
            Flow::Continue => 0,
            Flow::Stop => 1,
        }
    }

    pub(super) fn mark(mark: Mark) -> u32 {
        match mark {
            Mark::Sent => 0,
            Mark::LookupBegan => 1,
            Mark::LookupEnded => 2,
            Mark::ConnectBegan => 3,
            Mark::Connected => 4,
            Mark::Reused => 5,
            Mark::SendBegan => 6,
        }
    }

    /// The mark of a number; none for one of a newer plugin.
    pub(super) fn mark_of(number: u32) -> Option<Mark> {
        const KNOWN: [Mark; 7] = [
            Mark::Sent,
            Mark::LookupBegan,
            Mark::LookupEnded,
            Mark::ConnectBegan,
            Mark::Connected,
            Mark::Reused,
            Mark::SendBegan,
        ];
        KNOWN.into_iter().find(|known| mark(*known) == number)
    }

    #[test]
    fn every_mark_comes_back_from_its_number_and_no_other_does() {
        for number in 0..7 {
            assert_eq!(mark_of(number).map(mark), Some(number));
        }
        assert_eq!(mark_of(7), None);
    }
}

struct Table<T>(PhantomData<T>);

impl<T: Receiver> Table<T> {
    abi_stable::staticref! {
        const VALUE: WithMetadata<SinkTable> = WithMetadata::new(SinkTable {
            release: release::<T>,
            now_ns: now_ns::<T>,
            head: head::<T>,
            chunk: chunk::<T>,
            mark: mark::<T>,
            finish: finish::<T>,
        })
    }
}

impl FfiSink {
    pub(crate) fn of<T: Receiver>(receiver: T) -> Self {
        let table = SinkTableRef(Table::<T>::VALUE.as_prefix());
        Self { object: Box::into_raw(Box::new(receiver)).cast(), table }
    }
}

/// What the plugin's side calls.
#[cfg(feature = "transport")]
impl FfiSink {
    // SAFETY (all): `table` was made for `object`, which lives as long as `self`; arguments are borrowed for the call.

    pub(crate) fn now_ns(&self) -> u64 {
        // SAFETY: see above.
        unsafe { (self.table.now_ns())(self.object) }
    }

    pub(crate) fn head(&self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
        let headers: Vec<_> = headers.iter().map(|(name, value)| Tuple2((*name).into(), (*value).into())).collect();
        // SAFETY: see above.
        unsafe { (self.table.head())(self.object, at_ns, status, headers.as_slice().into()) }
    }

    pub(crate) fn chunk(&self, at_ns: u64, bytes: &[u8]) -> Flow {
        // SAFETY: see above.
        let answer = unsafe { (self.table.chunk())(self.object, at_ns, bytes.into()) };
        if answer == wire::flow(Flow::Continue) { Flow::Continue } else { Flow::Stop }
    }

    pub(crate) fn mark(&self, at_ns: u64, mark: Mark) {
        // SAFETY: see above.
        unsafe { (self.table.mark())(self.object, at_ns, wire::mark(mark)) }
    }

    pub(crate) fn finish(&self, result: Result<()>) {
        // SAFETY: see above.
        unsafe { (self.table.finish())(self.object, result.err().map(FfiError::from).into()) }
    }
}

// The thunks of the host's side; they run on threads of the plugin.
//
// SAFETY (all): `FfiSink::of` pairs them with a live `T`, which is `Sync`.

unsafe extern "C" fn now_ns<T: Receiver>(object: *const ()) -> u64 {
    // SAFETY: see above.
    silent(0, || unsafe { &*object.cast::<T>() }.now_ns())
}

unsafe extern "C" fn head<T: Receiver>(object: *const (), at_ns: u64, status: u16, headers: FfiHeaders<'_>) {
    silent((), || {
        let headers: Vec<_> = headers.iter().map(|Tuple2(name, value)| (name.as_str(), value.as_str())).collect();
        // SAFETY: see above.
        unsafe { &*object.cast::<T>() }.head(at_ns, status, &headers);
    });
}

unsafe extern "C" fn chunk<T: Receiver>(object: *const (), at_ns: u64, bytes: RSlice<'_, u8>) -> u32 {
    // SAFETY: see above.
    wire::flow(silent(Flow::Stop, || unsafe { &*object.cast::<T>() }.chunk(at_ns, bytes.as_slice())))
}

unsafe extern "C" fn mark<T: Receiver>(object: *const (), at_ns: u64, mark: u32) {
    silent((), || {
        if let Some(mark) = wire::mark_of(mark) {
            // SAFETY: see above.
            unsafe { &*object.cast::<T>() }.mark(at_ns, mark);
        }
    });
}

unsafe extern "C" fn finish<T: Receiver>(object: *const (), error: ROption<FfiError>) {
    let result = error.into_option().map_or(Ok(()), |error| Err(Error::from(error)));
    // SAFETY: see above.
    silent((), || unsafe { &*object.cast::<T>() }.finish(result));
}
