//! Tells the moments of a request from where they happen: the task that waits for the reply, the opening of a connection,
//! and the task that writes the body are three places, and one sink is heard by all of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aiperf_abi::{Flow, Mark, Sink};

tokio::task_local! {
    /// The request for which the current task works. A connection that is opened in the background, because another one
    /// became free meanwhile, is nobody's.
    static CURRENT: Arc<Telling>;
}

/// The sink of one request, for whoever has something to tell.
pub(super) struct Telling {
    state: Mutex<State>,
}

struct State {
    /// There until the exchange has ended.
    sink: Option<Sink>,
    connected: bool,
}

/// Ends the delivery when the exchange does, however it does.
pub(super) struct Exchange(Arc<Telling>);

impl Telling {
    /// Takes the sink of an exchange that begins.
    pub(super) fn begin(sink: Sink) -> (Arc<Self>, Exchange) {
        let telling = Arc::new(Self { state: Mutex::new(State { sink: Some(sink), connected: false }) });
        (Arc::clone(&telling), Exchange(telling))
    }

    /// Nothing in here can leave the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does the work of a request, during which what its task does is told to be its own.
    pub(super) async fn during<F: Future>(self: &Arc<Self>, work: F) -> F::Output {
        CURRENT.scope(Arc::clone(self), work).await
    }

    pub(super) fn head_at(&self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
        if let Some(sink) = &mut self.lock().sink {
            sink.head_at(at_ns, status, headers);
        }
    }

    pub(super) fn head(&self, status: u16, headers: &[(&str, &str)]) {
        if let Some(sink) = &mut self.lock().sink {
            sink.head(status, headers);
        }
    }

    pub(super) fn chunk(&self, bytes: &[u8]) -> Flow {
        self.lock().sink.as_mut().map_or(Flow::Stop, |sink| sink.chunk(bytes))
    }

    pub(super) fn chunk_at(&self, at_ns: u64, bytes: &[u8]) -> Flow {
        self.lock().sink.as_mut().map_or(Flow::Stop, |sink| sink.chunk_at(at_ns, bytes))
    }

    /// The connection has taken the request: one that was not opened for it was open before.
    pub(super) fn send_began(&self) {
        let mut state = self.lock();
        let opened = state.connected;
        if let Some(sink) = &mut state.sink {
            if !opened {
                sink.mark(Mark::Reused);
            }
            sink.mark(Mark::SendBegan);
        }
    }

    pub(super) fn mark(&self, mark: Mark) {
        let mut state = self.lock();
        state.connected |= mark == Mark::Connected;
        if let Some(sink) = &mut state.sink {
            sink.mark(mark);
        }
    }
}

/// Marks the request for which this task works, if it does for one.
pub(super) fn mark_current(mark: Mark) {
    let _ = CURRENT.try_with(|telling| telling.mark(mark));
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // The body may live on in a connection; the delivery does not.
        let sink = self.0.lock().sink.take();
        drop(sink);
    }
}
