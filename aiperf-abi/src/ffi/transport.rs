//! `transport` as it crosses: a request goes in as a view, its reply comes back through a sink, its end through the
//! sink's `finish`, and dropping the handle of the call cancels it. No future of one side is polled by the other.

use std::time::Duration;

use abi_stable::StableAbi;

use super::root::{Decl, Lists, PluginRootRef};
use super::sink::FfiSink;
use super::values::FfiResult;
use super::view::{View, ViewSource, field};
use crate::author::transport::TransportRequest;
use crate::category::Kind;

object! {
    FfiTransport, TransportTable, TransportTableRef, TransportTablePrefix {
        #[sabi(last_prefix_field)]
        send: unsafe extern "C" fn(*const (), View<'_>, FfiSink) -> FfiResult<FfiCall>,
    }
}

impl FfiTransport {
    pub(crate) fn send(&self, request: &TransportRequest, sink: FfiSink) -> FfiResult<FfiCall> {
        // SAFETY: `table` was made for `object`, which lives as long as `self`; the request is borrowed for the call.
        unsafe { (self.table.send())(self.object, View::of(request), sink) }
    }
}

impl Kind for FfiTransport {
    fn offered(root: PluginRootRef) -> &'static [Decl<Self>] {
        root.transports().as_slice()
    }

    fn list(lists: &mut Lists) -> &mut Vec<Decl<Self>> {
        &mut lists.transports
    }
}

/// A request on its way. Dropping it cancels the request, or does nothing where it has ended.
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiCall {
    object: *mut (),
    cancel: unsafe extern "C" fn(*mut ()),
}

// SAFETY: it stands for a handle that may be used from any thread.
unsafe impl Send for FfiCall {}

impl Drop for FfiCall {
    fn drop(&mut self) {
        // SAFETY: `cancel` was made for `object`, and this is its last use.
        unsafe { (self.cancel)(self.object) }
    }
}

impl ViewSource for TransportRequest {
    fn text(&self, key: u32, index: u32, _: u32) -> Option<&str> {
        match key {
            field::METHOD => Some(&self.method),
            field::URL => Some(&self.url),
            field::HEADER_NAME => Some(&self.headers.get(index as usize)?.0),
            field::HEADER_VALUE => Some(&self.headers.get(index as usize)?.1),
            _ => None,
        }
    }

    fn number(&self, key: u32, _: u32, _: u32) -> Option<u64> {
        match key {
            field::HEADER_COUNT => Some(self.headers.len() as u64),
            field::TIMEOUT_NS => Some(u64::try_from(self.timeout?.as_nanos()).unwrap_or(u64::MAX)),
            _ => None,
        }
    }

    fn bytes(&self, key: u32, _: u32, _: u32) -> Option<&[u8]> {
        (key == field::BODY).then_some(&self.body)
    }
}

/// The request as its author gets it: a copy, because it outlives the call.
#[cfg_attr(not(feature = "transport"), expect(dead_code, reason = "only a library with a transport receives one"))]
fn own(request: View<'_>) -> TransportRequest {
    let text = |key, index| request.text(key, index, 0).unwrap_or_default().to_owned();
    let headers = 0..request.number(field::HEADER_COUNT, 0, 0).unwrap_or(0) as u32;
    TransportRequest {
        method: text(field::METHOD, 0),
        url: text(field::URL, 0),
        headers: headers.map(|index| (text(field::HEADER_NAME, index), text(field::HEADER_VALUE, index))).collect(),
        body: request.bytes(field::BODY, 0, 0).unwrap_or_default().to_vec(),
        timeout: request.number(field::TIMEOUT_NS, 0, 0).map(Duration::from_nanos),
    }
}

/// The plugin's side: it owns the runtime, so only libraries that export a transport carry it.
#[cfg(feature = "transport")]
mod on_runtime {
    use std::future::poll_fn;
    use std::marker::PhantomData;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock};
    use std::task::Poll;

    use abi_stable::prefix_type::WithMetadata;
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::AbortHandle;

    use super::*;
    use crate::author::context::Plugin;
    use crate::author::error::Result;
    use crate::author::transport::{Flow, Mark, SendFuture, Sink, SinkTarget, Transport};
    use crate::category::Class;
    use crate::ffi::guard::{caught, guard, silent};
    use crate::ffi::object::release;
    use crate::ffi::root::FfiNew;

    /// The runtime of this library, made when its first transport is.
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();

    /// How many threads it gets; the host says at `init`.
    static WORKERS: AtomicUsize = AtomicUsize::new(1);

    pub(crate) fn set_workers(workers: usize) {
        WORKERS.store(workers.max(1), Ordering::Relaxed);
    }

    fn runtime() -> &'static Runtime {
        RUNTIME.get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(WORKERS.load(Ordering::Relaxed))
                .thread_name("aiperf-plugin")
                .enable_all()
                .build()
                .expect("the system gives threads and a poller for one more runtime")
        })
    }

    /// Runs a constructor where `tokio::spawn`, timers and sockets work.
    fn on_runtime<T>(make: impl FnOnce() -> T) -> T {
        let _entered = runtime().enter();
        make()
    }

    struct Table<T>(PhantomData<T>);

    impl<T: Transport> Table<T> {
        abi_stable::staticref! {
            const VALUE: WithMetadata<TransportTable> =
                WithMetadata::new(TransportTable { release: leave::<T>, send: send::<T> })
        }
    }

    impl FfiTransport {
        pub(crate) fn of<T: Transport>(value: T) -> Self {
            let table = TransportTableRef(Table::<T>::VALUE.as_prefix());
            Self { object: Box::into_raw(Box::new(value)).cast(), table }
        }
    }

    impl<T: Plugin + Transport> Class<dyn Transport> for T {
        fn made(new: FfiNew<'_>) -> Result<FfiTransport> {
            Ok(FfiTransport::of(on_runtime(|| new.make::<T>())?))
        }
    }

    impl FfiCall {
        fn of(task: AbortHandle) -> Self {
            Self { object: Box::into_raw(Box::new(task)).cast(), cancel }
        }
    }

    /// SAFETY of a call: see [`release`].
    unsafe extern "C" fn leave<T: Transport>(object: *mut ()) {
        // SAFETY: the caller's promise is that of `release`.
        silent((), || on_runtime(|| unsafe { release::<T>(object) }));
    }

    /// SAFETY of a call: `FfiTransport::of` pairs it with a live `T`.
    unsafe extern "C" fn send<T: Transport>(object: *const (), request: View<'_>, sink: FfiSink) -> FfiResult<FfiCall> {
        guard(|| {
            let sink = Arc::new(sink);
            let target = Box::new(Remote { sink: Arc::clone(&sink) });
            // SAFETY: see above.
            let transport = unsafe { &*object.cast::<T>() };
            let future = on_runtime(|| transport.send(own(request), Sink::new(target)));
            Ok(FfiCall::of(runtime().spawn(run(future, sink)).abort_handle()))
        })
    }

    /// SAFETY of a call: `FfiCall::of` pairs it with a boxed handle, and it is called once.
    unsafe extern "C" fn cancel(object: *mut ()) {
        // SAFETY: see above.
        silent((), || unsafe { Box::from_raw(object.cast::<AbortHandle>()) }.abort());
    }

    /// Drives the author's future and tells the host how it ended. A panic is caught here and not by the runtime, so that
    /// it is told in its own words.
    async fn run(future: SendFuture, sink: Arc<FfiSink>) {
        let mut future = future;
        let ended = poll_fn(|cx| match caught(|| future.as_mut().poll(cx)) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Err(panic)),
        })
        .await;
        // The author's destructors may panic as well.
        sink.finish(ended.and(caught(|| drop(future))));
    }

    /// The author's end of a delivery that crosses.
    struct Remote {
        sink: Arc<FfiSink>,
    }

    impl SinkTarget for Remote {
        fn now_ns(&self) -> u64 {
            self.sink.now_ns()
        }

        fn head(&mut self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
            self.sink.head(at_ns, status, headers);
        }

        fn chunk(&mut self, at_ns: u64, bytes: &[u8]) -> Flow {
            self.sink.chunk(at_ns, bytes)
        }

        fn mark(&mut self, at_ns: u64, mark: Mark) {
            self.sink.mark(at_ns, mark);
        }
    }
}

#[cfg(feature = "transport")]
pub(crate) use on_runtime::set_workers;
