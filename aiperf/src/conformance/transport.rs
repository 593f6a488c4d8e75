//! The checks of a transport, against a server of this process: a whole reply, one that is given up in the middle, no
//! server at all, many at once. The server speaks HTTP; a transport that does not is left at that.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use aiperf_abi::testing::CollectingSink;
use aiperf_abi::{Error, Transport, TransportRequest};
use tokio::runtime::Runtime;

use super::{Check, Checked, Fault, Lived, Make, Tried, from_threads, tolerated, wrong};

/// How long anything of this may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests of each thread.
const ROUNDS: usize = 8;

impl Tried for dyn Transport {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        Stand::new(make)?;
        Ok(Lived::well("a reply in three chunks"))
    }

    const CHECKS: &'static [Check<Self>] =
        &[("given up", |make| given_up(&Stand::new(make)?)), ("no server", |make| no_server(&Stand::new(make)?))];

    fn threads(make: &Make<'_, Self>) -> Checked {
        let Stand { transport, runtime, server } = &Stand::new(make)?;
        let (transport, url) = (&**transport, server.url("whole"));
        from_threads(|_| {
            for _ in 0..ROUNDS {
                match sent(runtime, transport, &url) {
                    Ok(body) if body == WHOLE => {}
                    Ok(_) => return wrong("a reply was mixed up while others were on their way"),
                    Err(error) => return wrong(error.to_string()),
                }
            }
            Ok(())
        })?;
        Ok(format!("{} threads, {ROUNDS} requests each", super::THREADS))
    }
}

/// A transport that has brought a reply, and what it needs for more.
struct Stand {
    transport: Box<dyn Transport>,
    // Its threads drive what a transport of this program leaves to the runtime; a library has a runtime of its own.
    runtime: Runtime,
    server: Server,
}

impl Stand {
    fn new(make: &Make<'_, dyn Transport>) -> Result<Self, Fault> {
        let none = |what: &str, error: &std::io::Error| Fault::Untried(format!("there is no {what}: {error}"));
        let server = Server::start().map_err(|error| none("port for a server", &error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| none("thread for a runtime", &error))?;
        let stand = Self { transport: make.value()?, runtime, server };
        match tolerated(sent(&stand.runtime, &*stand.transport, &stand.server.url("whole")))? {
            Some(_) if stand.server.asked.load(Ordering::SeqCst) == 0 => {
                Err(Fault::Untried("it answers without asking a server, and that is all the suite has".to_owned()))
            }
            None => Err(Fault::Untried("it takes no http:// URL, and the suite has only an HTTP server".to_owned())),
            Some(body) if body == WHOLE => Ok(stand),
            Some(body) => wrong(format!("{} bytes came of the {} that were sent", body.len(), WHOLE.len())),
        }
    }
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
fn given_up(Stand { transport, runtime, server }: &Stand) -> Checked {
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
        false => wrong("more was delivered after the request was given up"),
    }
}

fn no_server(Stand { transport, runtime, .. }: &Stand) -> Checked {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = address.map_err(|error| error.to_string())?;
    match tolerated(sent(runtime, &**transport, &format!("http://{address}/")))? {
        None => Ok("an error".to_owned()),
        Some(_) => wrong("nobody listens there, and it says that the reply was whole"),
    }
}

/// What `whole` answers.
pub(super) const WHOLE: &[u8] = b"one two three";

/// A server that answers in chunks, wholly or in part.
struct Server {
    address: SocketAddr,
    /// Connections so far.
    asked: Arc<AtomicUsize>,
    /// A client of `stall` has gone.
    gone: mpsc::Receiver<()>,
}

impl Server {
    fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (tell, gone) = mpsc::channel();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        // Both kinds of thread end with the process, which has nothing else to do.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let tell = tell.clone();
                std::thread::spawn(move || serve(stream, &tell));
            }
        });
        Ok(Self { address, asked, gone })
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
