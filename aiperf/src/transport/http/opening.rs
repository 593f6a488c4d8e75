//! Opens connections, and watches it: when a lookup and a connection begin and end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aiperf_abi::Mark;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name as HostName;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_layer::Layer;
use tower_service::Service;

use super::marks::mark_current;

/// Stands around whatever opens connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch;

/// What opens connections, watched.
#[derive(Debug, Clone)]
pub(super) struct Watched<S>(S);

impl<S> Layer<S> for Watch {
    type Service = Watched<S>;

    fn layer(&self, opens: S) -> Watched<S> {
        Watched(opens)
    }
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, server: R) -> Self::Future {
        mark_current(Mark::ConnectBegan);
        let opening = self.0.call(server);
        Box::pin(async move {
            let connection = opening.await?;
            mark_current(Mark::Connected);
            Ok(connection)
        })
    }
}

/// Opens connections of our own.
pub(super) type Opener = HttpConnector<Lookup>;

/// A server that says nothing is asked from time to time whether it is there.
const ALIVE: Duration = Duration::from_secs(15);
/// One that does not answer that, or takes no byte for so long, is gone.
const GONE: Duration = Duration::from_secs(30);

/// As reqwest opens them.
pub(super) fn opener() -> Opener {
    let mut opener = HttpConnector::new_with_resolver(Lookup);
    opener.set_nodelay(true);
    opener.set_keepalive(Some(ALIVE));
    opener.set_keepalive_interval(Some(ALIVE));
    opener.set_keepalive_retries(Some(3));
    #[cfg(target_os = "linux")]
    opener.set_tcp_user_timeout(Some(GONE));
    opener
}

/// The system's lookup, watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup;

/// A host has no address.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct LookupFailed(io::Error);

impl Lookup {
    async fn addresses(name: &str) -> Result<std::vec::IntoIter<SocketAddr>, LookupFailed> {
        mark_current(Mark::LookupBegan);
        // The port is that of the URL, whatever is said here.
        let found: Vec<_> = tokio::net::lookup_host((name, 0)).await.map_err(LookupFailed)?.collect();
        mark_current(Mark::LookupEnded);
        Ok(found.into_iter())
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move { Ok(Box::new(Self::addresses(name.as_str()).await?) as Addrs) })
    }
}

impl Service<HostName> for Lookup {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = LookupFailed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, LookupFailed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LookupFailed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: HostName) -> Self::Future {
        Box::pin(async move { Self::addresses(name.as_str()).await })
    }
}
