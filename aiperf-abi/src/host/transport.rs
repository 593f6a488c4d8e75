//! A transport of a loaded library as an ordinary [`Transport`]. Its future is a slot that the library's threads fill:
//! it can be polled on any runtime. Once it is dropped or done, nothing more is delivered.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::loaded::Loaded;
use super::origin::Origin;
use crate::author::error::{Error, ErrorKind, Result};
use crate::author::transport::{Flow, Mark, SendFuture, Sink, Transport, TransportRequest};
use crate::category::Category;
use crate::ffi::sink::{FfiSink, Receiver};
use crate::ffi::transport::{FfiCall, FfiTransport};

impl Category for dyn Transport {
    const NAME: &'static str = "transport";
    type Ffi = FfiTransport;

    fn loaded(Loaded { ffi, origin }: Loaded<FfiTransport>) -> Box<Self> {
        Box::new(LoadedTransport { ffi, origin: origin.into() })
    }
}

/// Its futures tell where they came from after it is gone.
struct LoadedTransport {
    ffi: FfiTransport,
    origin: Arc<Origin>,
}

impl Transport for LoadedTransport {
    fn send(&self, request: TransportRequest, sink: Sink) -> SendFuture {
        let delivery = Arc::new(Delivery::new(sink));
        let end = FfiSink::of(SinkEnd(Arc::clone(&delivery)));
        let call = self.origin.call(&"send", || self.ffi.send(&request, end));
        Box::pin(Sending { delivery, origin: Arc::clone(&self.origin), call: Some(call) })
    }
}

/// One reply on its way, shared by the library's threads and the future.
struct Delivery {
    state: Mutex<State>,
}

struct State {
    /// There until the reply has ended or nobody wants it any more.
    sink: Option<Sink>,
    result: Option<Result<()>>,
    waker: Option<Waker>,
}

impl Delivery {
    fn new(sink: Sink) -> Self {
        Self { state: Mutex::new(State { sink: Some(sink), result: None, waker: None }) }
    }

    /// A sink that panicked has poisoned nothing that matters: its state is its own.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_sink<T>(&self, otherwise: T, body: impl FnOnce(&mut Sink) -> T) -> T {
        self.lock().sink.as_mut().map_or(otherwise, body)
    }

    /// Ends the delivery; the first result stays.
    fn end(&self, result: Result<()>) {
        let (sink, waker) = {
            let mut state = self.lock();
            state.result.get_or_insert(result);
            (state.sink.take(), state.waker.take())
        };
        drop(sink);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What the library holds.
struct SinkEnd(Arc<Delivery>);

impl Receiver for SinkEnd {
    fn now_ns(&self) -> u64 {
        self.0.with_sink(0, |sink| sink.now_ns())
    }

    fn head(&self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
        self.0.with_sink((), |sink| sink.head_at(at_ns, status, headers));
    }

    fn chunk(&self, at_ns: u64, bytes: &[u8]) -> Flow {
        self.0.with_sink(Flow::Stop, |sink| sink.chunk_at(at_ns, bytes))
    }

    fn mark(&self, at_ns: u64, mark: Mark) {
        self.0.with_sink((), |sink| sink.mark_at(at_ns, mark));
    }

    fn finish(&self, result: Result<()>) {
        self.0.end(result);
    }
}

impl Drop for SinkEnd {
    fn drop(&mut self) {
        self.0.end(Err(Error::new(ErrorKind::Other, "the transport dropped the request without an end")));
    }
}

struct Sending {
    delivery: Arc<Delivery>,
    origin: Arc<Origin>,
    /// Dropped first of all on cancellation, so that the library stops soon.
    call: Option<Result<FfiCall>>,
}

impl Future for Sending {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some(Err(_)) = &self.call {
            return Poll::Ready(self.call.take().map_or(Ok(()), |call| call.map(drop)));
        }
        let result = {
            let mut state = self.delivery.lock();
            match state.result.take() {
                Some(result) => result,
                None => {
                    state.waker = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
        };
        Poll::Ready(result.map_err(|error| self.origin.tell("send", error)))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.call = None;
        let sink = self.delivery.lock().sink.take();
        drop(sink);
    }
}
