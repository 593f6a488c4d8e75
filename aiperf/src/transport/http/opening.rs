//! Watches connections being opened: when a lookup and a connection begin and end. Opens and looks up nothing itself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use aiperf_abi::Mark;
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

/// The system's lookup, watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup;

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            mark_current(Mark::LookupBegan);
            // The port is that of the URL, whatever is said here.
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            mark_current(Mark::LookupEnded);
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
