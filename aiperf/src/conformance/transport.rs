//! The checks of a transport, against a server of this process: a whole reply, one that is given up in the middle, no
//! server at all, many at once. The server speaks HTTP; a transport that does not is left at that.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use aiperf_abi::testing::CollectingSink;
use aiperf_abi::{Error, Transport, TransportRequest};
use tokio::runtime::Runtime;

use super::{Make, Outcome, Suite, from_threads, made, tolerated};

/// How long anything of this may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests of each thread.
const ROUNDS: usize = 8;

pub(super) fn checks(suite: &mut Suite<'_>, make: &Make<'_, dyn Transport>) {
    let server = match Server::start() {
        Ok(server) => server,
        Err(error) => return suite.told("sends", Outcome::Skipped, &format!("there is no port for a server: {error}")),
    };
    let Some(transport) = suite.check("made again", || made(make).map(|value| ("a second value".to_owned(), value)))
    else {
        return;
    };
    // Its threads drive what a transport of this program leaves to the runtime; a library has a runtime of its own.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return suite.told("sends", Outcome::Skipped, &format!("there is no thread: {error}")),
    };
    let sent = |url: &str| sent(&runtime, &*transport, url);
    match tolerated(sent(&server.url("whole"))) {
        Ok(None) => {
            return suite.told(
                "sends",
                Outcome::Skipped,
                "it takes no http:// URL, and the suite has only an HTTP server",
            );
        }
        Ok(Some(body)) if body == WHOLE => suite.told("sends", Outcome::Passed, "a reply in three chunks"),
        Ok(Some(body)) => {
            let told = format!("{} bytes came of the {} that were sent", body.len(), WHOLE.len());
            suite.told("sends", Outcome::Failed, &told);
        }
        Err(fault) => suite.told("sends", Outcome::Failed, &fault),
    }
    suite.check("given up", || given_up(&runtime, &*transport, &server).map(|told| (told, ())));
    suite.check("no server", || no_server(sent).map(|told| (told, ())));
    let url = server.url("whole");
    suite.check("many threads", || {
        from_threads(|_| {
            for _ in 0..ROUNDS {
                match sent(&url) {
                    Ok(body) if body == WHOLE => {}
                    Ok(_) => return Err("a reply was mixed up while others were on their way".to_owned()),
                    Err(error) => return Err(error.to_string()),
                }
            }
            Ok(())
        })?;
        Ok((format!("{} threads, {ROUNDS} requests each", super::THREADS), ()))
    });
}

/// Sends, waits for the end, and gives the body.
fn sent(runtime: &Runtime, transport: &dyn Transport, url: &str) -> Result<Vec<u8>, Error> {
    let sink = CollectingSink::default();
    runtime.block_on(async {
        let future = transport.send(TransportRequest::post(url, Vec::new(), b"{}".to_vec()), sink.sink());
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(result) => result,
            Err(_) => Err(Error::msg(format!("the reply was not there after {} s", PATIENCE.as_secs()))),
        }
    })?;
    Ok(sink.delivered().body())
}

/// A future that is dropped while the server is silent: the connection must go with it, and nothing may come afterwards.
fn given_up(runtime: &Runtime, transport: &dyn Transport, server: &Server) -> Result<String, String> {
    let sink = CollectingSink::default();
    let request = TransportRequest::post(server.url("stall"), Vec::new(), b"{}".to_vec());
    runtime.block_on(async {
        let mut future = transport.send(request, sink.sink());
        let begun = async {
            while sink.delivered().chunks.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            ended = &mut future => Err(format!("it ended in the middle of the reply: {ended:?}")),
            begun = tokio::time::timeout(PATIENCE, begun) => {
                begun.map_err(|_| format!("no chunk was handed over in {} s, though one was sent", PATIENCE.as_secs()))
            }
        }
    })?;
    let delivered = sink.delivered().chunks.len();
    server.gone.recv_timeout(PATIENCE).map_err(|_| {
        format!("the connection was still open {} s after the request was given up: a stream leaks", PATIENCE.as_secs())
    })?;
    match sink.delivered().chunks.len() == delivered {
        true => Ok("the connection ends with the request, and nothing comes afterwards".to_owned()),
        false => Err("more was delivered after the request was given up".to_owned()),
    }
}

fn no_server(sent: impl Fn(&str) -> Result<Vec<u8>, Error>) -> Result<String, String> {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = address.map_err(|error| error.to_string())?;
    match tolerated(sent(&format!("http://{address}/")))? {
        None => Ok("an error".to_owned()),
        Some(_) => Err("nobody listens there, and it says that the reply was whole".to_owned()),
    }
}

/// What `whole` answers.
pub(super) const WHOLE: &[u8] = b"one two three";

/// A server that answers in chunks, wholly or in part.
struct Server {
    address: SocketAddr,
    /// A client of `stall` has gone.
    gone: mpsc::Receiver<()>,
}

impl Server {
    fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tell, gone) = mpsc::channel();
        // Both kinds of thread end with the process, which has nothing else to do.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tell = tell.clone();
                std::thread::spawn(move || serve(stream, &tell));
            }
        });
        Ok(Self { address, gone })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

/// Serves one connection. A client that goes away ends it, which is what is looked for.
fn serve(mut stream: TcpStream, gone: &mpsc::Sender<()>) {
    let mut unread = Vec::new();
    while let Some(stall) = request(&mut stream, &mut unread) {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        let whole = b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n";
        let body: &[u8] = if stall { b"4\r\none \r\n" } else { whole };
        if stream.write_all(&[head, body].concat()).is_err() {
            break;
        }
        if stall {
            let mut rest = [0; 64];
            while stream.read(&mut rest).is_ok_and(|length| length > 0) {}
            gone.send(()).ok();
            return;
        }
    }
}

/// Reads a request whose body is `{}`; whether it is for `stall`.
fn request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<bool> {
    let mut piece = [0; 4096];
    loop {
        let end = unread.windows(6).position(|six| six == b"\r\n\r\n{}");
        if let Some(end) = end {
            let stall = unread.starts_with(b"POST /stall");
            unread.drain(..end + 6);
            return Some(stall);
        }
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => unread.extend_from_slice(&piece[..length]),
            _ => return None,
        }
    }
}
