//! A server that does what its script says, byte by byte, and remembers what it was asked. For tests only; it speaks
//! just enough HTTP/1.1 to find the end of a request. Included by path into each test target that needs it; runs on a
//! thread of its own, so that a test needs no runtime and may start processes that talk to it.
//!
//! ```text
//! let server = Server::with(|seen| match (seen.path.as_str(), seen.number) {
//!     ("/v1/chat/completions", 3) => Answer::whole("503 Service Unavailable", "text/plain", "busy"),
//!     ("/v1/chat/completions", _) if seen.json()["stream"] == true => Answer::chat_stream(20),
//!     ("/v1/chat/completions", _) => Answer::chat(20),
//!     _ => Answer::not_found(),
//! });
//! ```
#![allow(dead_code, unreachable_pub, reason = "each test target uses a part of it")]

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
    /// Which request it is in the order in which they were complete, from 0.
    pub number: usize,
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
    /// Closes the connection in order: writes no more, and reads until the client has closed its end too.
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

    /// What an OpenAI server answers to a chat of which `tokens` tokens were generated, each the word ` token`.
    pub fn chat(tokens: usize) -> Self {
        let text = TOKEN.repeat(tokens);
        let usage = usage(tokens);
        let message =
            format!(r#"{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"length"}}"#);
        Self::json(format!(
            r#"{{"id":"c","object":"chat.completion","model":"m","choices":[{message}],"usage":{usage}}}"#
        ))
    }

    /// The same as a stream: role, one event a token, finish, usage, end marker; each event a write of its own.
    pub fn chat_stream(tokens: usize) -> Self {
        let event = |choices: &str, more: &str| {
            format!(r#"{{"id":"c","object":"chat.completion.chunk","model":"m","choices":[{choices}]{more}}}"#)
        };
        let delta = |delta: &str| event(&format!(r#"{{"index":0,"delta":{delta},"finish_reason":null}}"#), "");
        let mut events = vec![delta(r#"{"role":"assistant","content":""}"#)];
        events.extend((0..tokens).map(|_| delta(&format!(r#"{{"content":"{TOKEN}"}}"#))));
        events.push(event(r#"{"index":0,"delta":{},"finish_reason":"length"}"#, ""));
        events.push(event("", &format!(r#","usage":{}"#, usage(tokens))));
        Self::chunked(sse(events))
    }

    /// 404 in JSON.
    pub fn not_found() -> Self {
        Self::whole("404 Not Found", "application/json", r#"{"detail":"Not Found"}"#)
    }

    /// Reads the request, then never says a word until [`Server::release`].
    pub fn hang() -> Self {
        Self { steps: vec![Step::Stall] }
    }

    /// Resets the connection instead of answering.
    pub fn reset() -> Self {
        Self { steps: vec![Step::Reset] }
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

/// The text of each token of [`Answer::chat`].
pub const TOKEN: &str = " token";

/// Tokens of the prompt that the usage of [`Answer::chat`] reports.
pub const PROMPT_TOKENS: usize = 7;

fn usage(tokens: usize) -> String {
    let total = PROMPT_TOKENS + tokens;
    format!(r#"{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{tokens},"total_tokens":{total}}}"#)
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

/// How many connections there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    /// Accepted since the start.
    pub accepted: usize,
    /// Of these, ended by the server, whatever the client does.
    pub closed: usize,
    /// Of these, ended: by the client, or by the server with the client's agreement.
    pub ended: usize,
}

/// A scripted server on a free port of the loopback. Ends when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: watch::Receiver<Connections>,
    asked: watch::Receiver<usize>,
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
        let answers: Vec<Answer> = answers.into_iter().collect();
        assert!(!answers.is_empty(), "at least one answer");
        Self::with(move |seen| answers[seen.number.min(answers.len() - 1)].clone())
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
        let (connections, connections_told) = watch::channel(Connections::default());
        let (asked, asked_told) = watch::channel(0);
        let (end, ended) = oneshot::channel();
        let state = State { script: Arc::new(script), seen: Arc::clone(&seen), released, connections, asked };
        let thread = std::thread::Builder::new().name("scripted-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, state) => {}
                    _ = ended => {}
                }
            });
        });
        let thread = Some(thread.expect("a thread"));
        let (connections, asked) = (connections_told, asked_told);
        Self { address, seen, connections, asked, release, end: Some(end), thread }
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
        self.seen.lock().expect("no test panics under the lock").clone()
    }

    /// The connections so far.
    pub fn connections(&self) -> Connections {
        *self.connections.borrow()
    }

    /// Waits until this many requests have come.
    pub async fn asked(&self, count: usize) {
        self.asked.clone().wait_for(|asked| *asked >= count).await.expect("a live server");
    }

    /// Waits until this many connections have ended on both sides.
    pub async fn ended(&self, count: usize) {
        self.connections.clone().wait_for(|all| all.ended >= count).await.expect("a live server");
    }

    /// Waits until the server has ended this many connections on its side.
    pub async fn closed(&self, count: usize) {
        self.connections.clone().wait_for(|all| all.closed >= count).await.expect("a live server");
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
    connections: watch::Sender<Connections>,
    asked: watch::Sender<usize>,
}

impl State {
    /// Numbers a request and remembers it.
    fn remember(&self, mut request: Seen) -> Seen {
        let mut seen = self.seen.lock().expect("no test panics under the lock");
        request.number = seen.len();
        seen.push(request.clone());
        drop(seen);
        self.asked.send_modify(|asked| *asked += 1);
        request
    }
}

async fn accept(listener: TcpListener, state: State) {
    for connection in 0.. {
        let Ok((stream, _)) = listener.accept().await else { return };
        let state = state.clone();
        state.connections.send_modify(|all| all.accepted += 1);
        tokio::spawn(async move {
            // A client that goes away is no failure of the server's.
            let _ = serve(stream, connection, &state).await;
            state.connections.send_modify(|all| all.ended += 1);
        });
    }
}

async fn serve(mut stream: TcpStream, connection: usize, state: &State) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut unread = Vec::new();
    while let Some(mut seen) = read_request(&mut stream, &mut unread).await? {
        seen.connection = connection;
        let seen = state.remember(seen);
        for step in (state.script)(&seen).steps {
            match step {
                Step::Send(bytes) => {
                    stream.write_all(&bytes).await?;
                    stream.flush().await?;
                }
                Step::Pause(pause) => tokio::time::sleep(pause).await,
                Step::Stall => stall(&mut stream, state).await?,
                Step::Close => {
                    stream.shutdown().await?;
                    state.connections.send_modify(|all| all.closed += 1);
                    while stream.read_buf(&mut unread).await? > 0 {}
                    return Ok(());
                }
                Step::Reset => return stream.set_zero_linger(),
            }
        }
    }
    Ok(())
}

/// Waits for the release, or for the client to give up.
async fn stall(stream: &mut TcpStream, state: &State) -> io::Result<()> {
    let mut released = state.released.clone();
    let mut next = [0];
    tokio::select! {
        _ = released.wait_for(|released| *released) => Ok(()),
        gone = stream.peek(&mut next) => match gone? {
            0 => Err(io::ErrorKind::ConnectionAborted.into()),
            _ => Ok(()),
        },
    }
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
