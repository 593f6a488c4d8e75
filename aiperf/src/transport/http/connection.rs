//! One connection of our own for HTTP/1.1 without TLS. The task that has the request does the connection's work as well: it
//! writes into the socket and reads from it without a detour over another task. Knows not who may use it.

use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use aiperf_abi::Mark;
use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection as Work, SendRequest, handshake};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::body::TellingBody;
use super::marks::Telling;
use super::opening::Opener;
use super::stamped::{Seen, Stamped};
use crate::clock::Clock;

/// An open connection.
pub(super) struct Connection {
    requests: SendRequest<TellingBody>,
    /// Until the connection has ended.
    work: Option<Work<TokioIo<Stamped>, TellingBody>>,
    seen: Arc<Seen>,
}

/// A request that failed before there was an answer.
pub(super) struct Unanswered {
    pub(super) error: hyper::Error,
    /// The request, where nothing of it was written.
    pub(super) unsent: Option<Request<TellingBody>>,
}

impl Connection {
    /// Opens one to the server of `uri`, and tells `telling` what happens meanwhile.
    pub(super) async fn open(
        opener: &Opener,
        uri: Uri,
        clock: Clock,
        telling: &Arc<Telling>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        telling.mark(Mark::ConnectBegan);
        let opened = telling.during(opener.clone().call(uri)).await?;
        let io = Stamped::new(opened.into_inner(), clock);
        let seen = Arc::clone(io.seen());
        let (requests, work) = handshake(TokioIo::new(io)).await?;
        telling.mark(Mark::Connected);
        Ok(Self { requests, work: Some(work), seen })
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(&mut self, request: Request<TellingBody>) -> Result<Response<Incoming>, Unanswered> {
        let answer = self.requests.try_send_request(request);
        self.driving(answer).await.map_err(|mut failed| {
            let unsent = failed.take_message();
            Unanswered { error: failed.into_error(), unsent }
        })
    }

    /// The next piece of the answer's body; none where it has ended.
    pub(super) async fn piece(&mut self, body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.driving(std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx))).await? {
                // What comes after the body is nobody's.
                Ok(frame) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Some(Ok(bytes));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// When the bytes had arrived that were read last: nanoseconds of the clock it was opened with.
    pub(super) fn arrived_ns(&self) -> u64 {
        self.seen.arrived_ns()
    }

    /// Whether it takes another request: the server has not closed it, and nothing is left of the last one.
    pub(super) async fn is_free(&mut self) -> bool {
        self.seen.check();
        std::future::poll_fn(|cx| {
            self.drive(cx);
            self.seen.checked();
            Poll::Ready(self.work.is_some() && self.requests.is_ready())
        })
        .await
    }

    async fn driving<F: Future>(&mut self, wanted: F) -> F::Output {
        let mut wanted = pin!(wanted);
        std::future::poll_fn(|cx| {
            self.drive(cx);
            wanted.as_mut().poll(cx)
        })
        .await
    }

    /// A connection that has ended, well or not, lets go of what waits for it: there the reason is told.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(work) = &mut self.work
            && Pin::new(work).poll(cx).is_ready()
        {
            self.work = None;
        }
    }
}
