//! `unix`: HTTP/1.1 over a Unix domain socket, for a server that listens on a path instead of a port (`vllm serve --uds
//! /run/vllm.sock`). Sends a request and hands over what comes back; knows nothing of models and tokens.

use std::path::PathBuf;

use aiperf_abi::{Context, Error, Flow, Mark, Plugin, Result, SendFuture, Sink, Transport, TransportRequest};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

/// Sends each request over a connection of its own.
#[derive(Debug)]
pub struct UnixTransport;

impl Plugin for UnixTransport {
    fn new(_: &Context<'_>) -> Result<Self> {
        // The place for settings: `cx.config()`, and for what all requests share, such as connections that are kept open.
        Ok(Self)
    }
}

impl Transport for UnixTransport {
    fn send(&self, request: TransportRequest, sink: Sink) -> SendFuture {
        // It outlives this call, and many run at once: it owns all it needs.
        Box::pin(exchange(request, sink))
    }
}

/// One request and its reply. aiperf drops it to give the request up: everything it started has to end with it.
async fn exchange(request: TransportRequest, mut sink: Sink) -> Result<()> {
    let (socket, path) = parts(&request.url)?;
    sink.mark(Mark::ConnectBegan);
    let stream = UnixStream::connect(&socket).await;
    let stream = stream.map_err(|error| Error::from(error).context(format!("connecting to {}", socket.display())))?;
    sink.mark(Mark::Connected);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // A task of its own moves the bytes; the set ends it when this future is dropped.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);

    let mut message = hyper::Request::builder().method(&*request.method).uri(path).header("host", "localhost");
    for (name, value) in &request.headers {
        message = message.header(name, value);
    }
    let reply = sender.send_request(message.body(Full::new(Bytes::from(request.body)))?).await?;
    let (head, mut body) = reply.into_parts();
    let headers: Vec<_> =
        head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    // A status that means failure is no error here: the endpoint reads the body.
    sink.head(head.status.as_u16(), &headers);
    // Each piece is handed over when it arrives: that is its time stamp.
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame?.into_data() else { continue };
        if sink.chunk(&bytes) == Flow::Stop {
            break;
        }
    }
    Ok(())
}

/// The socket and the path on the server: `unix:///run/vllm.sock/v1/models` is `/run/vllm.sock` and `/v1/models`.
fn parts(url: &str) -> Result<(PathBuf, &str)> {
    let wrong = || Error::invalid_input(format!("`{url}` names no socket; expected unix:///path/of/the/server.sock"));
    let rest = url.strip_prefix("unix://").ok_or_else(wrong)?;
    let end = rest.find(".sock").ok_or_else(wrong)? + ".sock".len();
    let (socket, path) = rest.split_at(end);
    Ok((PathBuf::from(socket), if path.is_empty() { "/" } else { path }))
}
