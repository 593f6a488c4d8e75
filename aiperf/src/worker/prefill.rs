//! Hears the first content of a reply while it arrives, for a request that holds a prefill slot. The only place where
//! something is parsed on the sending path: the events up to the first with content, one or two of them, and nothing at
//! all where prefill is not limited. A cheaper sign would not be honest: many servers open a stream with an event that
//! only names the role, long before the prompt is processed.

use std::sync::Arc;

use aiperf_abi::{Endpoint, Flow, Mark, Sink, SinkTarget};

use crate::endpoint::opening::Opening;

/// Called once, on the thread that brings the bytes.
pub type OnFirstContent = Box<dyn FnOnce() + Send>;

/// A sink that passes everything on, and calls `then` when the first content has been.
pub(super) fn listening(sink: Sink, endpoint: Arc<dyn Endpoint>, then: OnFirstContent) -> Sink {
    Sink::new(Box::new(Listening { sink, waiting: Some((Opening::new(endpoint), then)) }))
}

struct Listening {
    sink: Sink,
    /// Until the first content has been.
    waiting: Option<(Opening, OnFirstContent)>,
}

impl SinkTarget for Listening {
    fn now_ns(&self) -> u64 {
        self.sink.now_ns()
    }

    fn head(&mut self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
        if let Some((opening, _)) = &mut self.waiting {
            opening.head(status, headers);
        }
        self.sink.head_at(at_ns, status, headers);
    }

    fn chunk(&mut self, at_ns: u64, bytes: &[u8]) -> Flow {
        let flow = self.sink.chunk_at(at_ns, bytes);
        if let Some((_, then)) = self.waiting.take_if(|(opening, _)| opening.brings_content(bytes)) {
            then();
        }
        flow
    }

    fn mark(&mut self, at_ns: u64, mark: Mark) {
        self.sink.mark_at(at_ns, mark);
    }
}
