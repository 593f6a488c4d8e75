//! Spends credits: one credit in, one exchange out. Formats the request, hands it to the transport, takes the raw reply.
//! Parses and counts nothing: that is done elsewhere, where it cannot delay a send.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aiperf_abi::data::request::Request;
use aiperf_abi::{Endpoint, Error, ErrorKind, Transport, TransportRequest, UrlSelectionStrategy};
use futures_util::FutureExt;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::credit::Credit;
use crate::endpoint::payload;
use crate::exchange::Exchange;
use crate::reply::Reply;
use crate::transport::collect::{Outcome, Room, collector_with};
use crate::transport::failure::{self, GivenUp};
use crate::transport::headers::{RunHeaders, request_headers};

mod prefill;

pub use prefill::OnFirstContent;

/// Everything needed to spend any credit of a run.
pub struct Worker {
    /// The clock of the run.
    pub clock: Clock,
    /// The dialect.
    pub endpoint: Arc<dyn Endpoint>,
    /// The way bytes move.
    pub transport: Box<dyn Transport>,
    /// Where requests go.
    pub urls: Urls,
    /// Headers of every request.
    pub headers: RunHeaders,
    /// Limit of a whole request.
    pub timeout: Duration,
    /// From where on a request has its time that is given up on purpose.
    pub cancel_from: CancelFrom,
    /// How large the last reply was; the next one is expected to be alike.
    pub room: Room,
}

/// The moment from which the time counts after which a request is given up on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelFrom {
    /// It has been written in full.
    Sent,
    /// It starts: the transport does not tell more.
    Start,
}

impl Worker {
    /// Makes the request of a credit, waits for its `moment`, sends it and waits for its reply, or until everything in flight
    /// is `abandoned`. Never fails: what goes wrong is in the reply. `first_content` is called where the reply's first content
    /// arrives, if it does.
    pub async fn spend(
        &self,
        credit: Credit,
        request: Request,
        moment: impl Future<Output = ()>,
        abandoned: &mut watch::Receiver<bool>,
        first_content: Option<OnFirstContent>,
    ) -> Exchange {
        match self.prepare(&request) {
            Ok(prepared) => {
                tokio::select! {
                    biased;
                    () = moment => {}
                    _ = abandoned.wait_for(|given_up| *given_up) => {}
                }
                // A credit comes back whatever happens: a run must not wait for ever because a transport panicked.
                let sending = self.send(prepared, credit.cancel_after_ns, abandoned, first_content);
                match AssertUnwindSafe(sending).catch_unwind().await {
                    Ok(reply) => Exchange { credit, request, reply },
                    Err(panic) => self.unsent(credit, request, &panicked(&*panic)),
                }
            }
            Err(error) => self.unsent(credit, request, &error),
        }
    }

    /// The exchange of a credit whose request could not even be made.
    pub fn unsent(&self, credit: Credit, request: Request, error: &Error) -> Exchange {
        let now = self.clock.now_ns();
        let reply = Reply { start_ns: now, end_ns: now, error: Some(failure::of_error(error)), ..Reply::default() };
        Exchange { credit, request, reply }
    }

    /// The request as the transport takes it.
    fn prepare(&self, request: &Request) -> aiperf_abi::Result<TransportRequest> {
        let info = request.info();
        let payload = payload(&*self.endpoint, request)?;
        let headers = request_headers(&self.headers, info, payload.content_type(), self.endpoint.headers(info)?);
        Ok(TransportRequest::post(self.urls.next()?, headers, payload.into_bytes(info)?)
            .with_timeout(Some(self.timeout)))
    }

    async fn send(
        &self,
        request: TransportRequest,
        cancel_after_ns: Option<u64>,
        abandoned: &mut watch::Receiver<bool>,
        first_content: Option<OnFirstContent>,
    ) -> Reply {
        let (mut sink, collected) = collector_with(self.clock, &self.room);
        if let Some(first_content) = first_content {
            sink = prefill::listening(sink, Arc::clone(&self.endpoint), first_content);
        }
        let sent_bytes = request.body.len() as u64;
        let due =
            cancel_after_ns.map(|nanos| (nanos, (self.cancel_from == CancelFrom::Sent).then(|| collected.sent())));
        let sending = self.transport.send(request, sink);
        let outcome = tokio::select! {
            biased;
            ended = tokio::time::timeout(self.timeout, sending) => match ended {
                Ok(result) => Outcome::Ended(result),
                Err(_) => Outcome::TimedOut(self.timeout),
            },
            _ = abandoned.wait_for(|given_up| *given_up) => Outcome::Cancelled(GivenUp::AtTheEnd),
            () = given_up(due) => Outcome::Cancelled(GivenUp::OnPurpose),
        };
        let mut reply = collected.finish(outcome);
        reply.sent_bytes = sent_bytes;
        self.room.note(&reply);
        reply
    }
}

/// Waits for the moment to count from, if it is not now, and so long after it.
async fn given_up(due: Option<(u64, Option<impl Future<Output = u64>>)>) {
    let Some((nanos, from)) = due else { return std::future::pending().await };
    if let Some(sent) = from {
        sent.await;
    }
    tokio::time::sleep(Duration::from_nanos(nanos)).await;
}

/// The servers that share the load.
pub struct Urls {
    all: Vec<String>,
    strategy: Mutex<Box<dyn UrlSelectionStrategy>>,
}

impl Urls {
    /// Full URLs of a request to each server, at least one, and who decides between them.
    pub fn new(all: Vec<String>, strategy: Box<dyn UrlSelectionStrategy>) -> Self {
        Self { all, strategy: Mutex::new(strategy) }
    }

    fn next(&self) -> aiperf_abi::Result<String> {
        let index = match self.all.len() {
            1 => 0,
            _ => self.strategy.lock().unwrap_or_else(PoisonError::into_inner).next_url_index()?,
        };
        let url = usize::try_from(index).ok().and_then(|index| self.all.get(index));
        url.cloned().ok_or_else(|| {
            let servers = self.all.len();
            Error::msg(format!(
                "the URL selection strategy chose server {index}, but they are numbered 0 to {}",
                servers - 1
            ))
        })
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let words = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::new(ErrorKind::Panic, words.unwrap_or("without words")).context("the transport panicked")
}
