//! One request through the real transport and a real endpoint, as a worker would send it.

use std::time::Duration;

use aiperf::clock::Clock;
use aiperf::endpoint::reading::{Reading, read_reply};
use aiperf::endpoint::{ChatEndpoint, CompletionsEndpoint, EmbeddingsEndpoint};
use aiperf::reply::Reply;
use aiperf::transport::HttpTransport;
use aiperf::transport::collect::{Outcome, collector};
use aiperf_abi::{Context, Endpoint, Host, Level, Plugin, Transport, TransportRequest};

/// A host that is silent.
struct Quiet;

impl Host for Quiet {
    fn log_enabled(&self, _: Level) -> bool {
        false
    }
    fn log(&self, _: Level, _: &str) {}
    fn now_ns(&self) -> u64 {
        0
    }
    fn derive_seed(&self, _: &str) -> u64 {
        0
    }
    fn share(&self) -> Box<dyn Host> {
        Box::new(Quiet)
    }
}

pub(crate) fn made<T: Plugin>(config: &str) -> aiperf_abi::Result<T> {
    let setup = serde_json::from_str(config).expect("a setup");
    T::new(&Context::new("test", setup, &Quiet))
}

pub(crate) fn http() -> HttpTransport {
    made("{}").expect("a transport")
}

/// The endpoint a recorded case was asked through.
pub(crate) fn endpoint(case: &str) -> Box<dyn Endpoint> {
    if case.starts_with("completions") {
        Box::new(made::<CompletionsEndpoint>("{}").expect("an endpoint"))
    } else if case.starts_with("embeddings") {
        Box::new(made::<EmbeddingsEndpoint>("{}").expect("an endpoint"))
    } else {
        Box::new(made::<ChatEndpoint>("{}").expect("an endpoint"))
    }
}

pub(crate) fn post(url: &str) -> TransportRequest {
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    TransportRequest::post(format!("{url}/v1/chat/completions"), headers, b"{}".to_vec())
}

pub(crate) async fn exchange(http: &HttpTransport, request: TransportRequest) -> Reply {
    let (sink, collected) = collector(Clock::start());
    let limit = request.timeout.unwrap_or(Duration::from_secs(60));
    let outcome = match tokio::time::timeout(limit, http.send(request, sink)).await {
        Ok(result) => Outcome::Ended(result),
        Err(_) => Outcome::TimedOut(limit),
    };
    collected.finish(outcome)
}

/// One request to `url`, read as the case says.
pub(crate) async fn ask(url: &str, case: &str) -> (Reply, Reading) {
    let reply = exchange(&http(), post(url)).await;
    let reading = read_reply(&*endpoint(case), &reply);
    (reply, reading)
}
