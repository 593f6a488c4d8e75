//! A server that does what its script says, byte by byte, and remembers what it was asked. For tests only; it speaks
//! just enough HTTP/1.1 to find the end of a request. Included by path into each test target that needs it.
#![expect(clippy::allow_attributes, reason = "which of the two lints fires depends on the target that includes this")]
#![allow(dead_code, unreachable_pub, reason = "each test target uses a part of it")]

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// One request the server has seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Which connection it came over, from 0.
    pub connection: usize,
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names as sent, values.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Panics where the body is not JSON: a test that asks expects it to be.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// One thing the server does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Writes bytes, in one write.
    Send(Vec<u8>),
    /// Does nothing for a while.
    Pause(Duration),
    /// Waits until [`Server::release`] is called.
    Stall,
    /// Closes the connection in order.
    Close,
    /// Resets the connection: what was written may be lost to the client.
    Reset,
}

/// What the server does about one request. Where the last step closes nothing, the connection is kept open.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub steps: Vec<Step>,
}

impl Answer {
    /// Any bytes, framing and all, in one write.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { steps: vec![Step::Send(bytes.into())] }
    }

    /// A whole reply with a length.
    pub fn whole(status: &str, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n");
        Self::raw([head.as_bytes(), body].concat())
    }

    /// A whole JSON reply.
    pub fn json(body: impl AsRef<[u8]>) -> Self {
        Self::whole("200 OK", "application/json", body)
    }

    /// A stream in chunked coding, each piece a chunk and a write of its own.
    pub fn chunked<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Self {
        let mut answer = Self::chunked_head();
        answer.steps.extend(pieces.into_iter().map(|piece| Step::Send(chunk(piece.as_ref()))));
        answer.then(Step::Send(chunk(b"")))
    }

    /// The head of a stream in chunked coding, to be followed by [`chunk`]s.
    pub fn chunked_head() -> Self {
        Self::raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    /// A stream that ends with the connection.
    pub fn until_close<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Self {
        let mut answer = Self::raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
        answer.steps.extend(pieces.into_iter().map(|piece| Step::Send(piece.as_ref().to_vec())));
        answer.then(Step::Close)
    }

    /// Nothing at all, then the end of the connection.
    pub fn hang_up() -> Self {
        Self { steps: vec![Step::Close] }
    }

    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same bytes, at most `size` of them per write.
    #[must_use]
    pub fn in_writes_of(self, size: usize) -> Self {
        let cut = |step| match step {
            Step::Send(bytes) => bytes.chunks(size).map(|part| Step::Send(part.to_vec())).collect(),
            other => vec![other],
        };
        Self { steps: self.steps.into_iter().flat_map(cut).collect() }
    }

    /// The same writes with a pause before each, so that each arrives alone.
    #[must_use]
    pub fn paced(self, pause: Duration) -> Self {
        let slow = |step| match step {
            Step::Send(_) => vec![Step::Pause(pause), step],
            other => vec![other],
        };
        Self { steps: self.steps.into_iter().flat_map(slow).collect() }
    }
}

/// One chunk in chunked coding; an empty one ends the body.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// `data:` events, one per item, then the end marker.
pub fn sse<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> Vec<String> {
    let events = items.into_iter().map(|item| format!("data: {}\n\n", item.as_ref()));
    events.chain(["data: [DONE]\n\n".to_owned()]).collect()
}

type Script = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// A scripted server on a free port of the loopback. Ends when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    release: watch::Sender<bool>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers the same to everything.
    pub fn always(answer: Answer) -> Self {
        Self::with(move |_| answer.clone())
    }

    /// Answers in order; the last answer serves for all that follow.
    pub fn in_order(answers: impl IntoIterator<Item = Answer>) -> Self {
        let mut left: VecDeque<Answer> = answers.into_iter().collect();
        let last = left.pop_back().expect("at least one answer");
        let left = Mutex::new(left);
        Self::with(move |_| left.lock().unwrap().pop_front().unwrap_or_else(|| last.clone()))
    }

    /// Answers as a function of the request says.
    pub fn with(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // Bound the blocking way: the test itself may run inside a runtime.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("its address");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (release, released) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let state = State { script: Arc::new(script), seen: Arc::clone(&seen), released };
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, state) => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, seen, release, end: Some(end), thread: Some(thread) }
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far, in the order in which they were complete.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Lets every [`Step::Stall`], present and future, go on.
    pub fn release(&self) {
        self.release.send_replace(true);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Clone)]
struct State {
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
    released: watch::Receiver<bool>,
}

async fn accept(listener: TcpListener, state: State) {
    for connection in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        let state = state.clone();
        tokio::spawn(async move {
            // A client that goes away is no failure of the server's.
            let _ = serve(stream, connection, state).await;
        });
    }
}

async fn serve(mut stream: TcpStream, connection: usize, mut state: State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut unread = Vec::new();
    while let Some(mut seen) = read_request(&mut stream, &mut unread).await? {
        seen.connection = connection;
        let answer = (state.script)(&seen);
        state.seen.lock().unwrap().push(seen);
        for step in answer.steps {
            match step {
                Step::Send(bytes) => {
                    stream.write_all(&bytes).await?;
                    stream.flush().await?;
                }
                Step::Pause(pause) => tokio::time::sleep(pause).await,
                Step::Stall => {
                    let _ = state.released.wait_for(|released| *released).await;
                }
                Step::Close => return stream.shutdown().await,
                Step::Reset => return stream.set_zero_linger(),
            }
        }
    }
    Ok(())
}

/// The next request; `None` where the client is done. Reads what comes, which may be more than one request.
async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> io::Result<Option<Seen>> {
    let head_end = loop {
        if let Some(at) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&unread[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut start = lines.next().unwrap_or_default().split(' ');
    let mut seen = Seen {
        method: start.next().unwrap_or_default().to_owned(),
        path: start.next().unwrap_or_default().to_owned(),
        ..Seen::default()
    };
    let fields = lines.filter_map(|line| line.split_once(':'));
    seen.headers = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let length: usize = seen.header("content-length").map_or(0, |length| length.parse().expect("a length"));
    while unread.len() < head_end + length {
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    let rest = unread.split_off(head_end + length);
    seen.body = std::mem::replace(unread, rest).split_off(head_end);
    Ok(Some(seen))
}
