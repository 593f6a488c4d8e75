//! A transport of a library keeps its promises: everything arrives in order, cancelling works at any moment, nothing is
//! delivered afterwards, and its side has a runtime.

use std::future::{Future, poll_fn};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};

use aiperf_abi::testing::CollectingSink;
use aiperf_abi::{
    ErrorKind, Flow, Level, Mark, Result, SendFuture, Sink, SinkTarget, Transport, TransportRequest, json,
};

use crate::support::{LONG, Listener, many, with_context};

fn transport() -> Box<dyn Transport> {
    with_context(json!({}), |cx| many().make::<dyn Transport>("Ways", cx)).map_err(|error| error.to_string()).unwrap()
}

fn request(way: &str, body: impl Into<Vec<u8>>) -> TransportRequest {
    TransportRequest::post(format!("x://host/{way}"), vec![("x-first".to_owned(), "1".to_owned())], body.into())
}

/// Waits for a future on this thread, with no runtime at all.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Bell(Mutex<bool>, Condvar);
    impl std::task::Wake for Bell {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() = true;
            self.1.notify_one();
        }
    }
    let bell = Arc::new(Bell(Mutex::new(false), Condvar::new()));
    let waker = Waker::from(Arc::clone(&bell));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        let rung = bell.0.lock().unwrap();
        let (mut rung, late) = bell.1.wait_timeout_while(rung, LONG, |rung| !*rung).unwrap();
        assert!(!late.timed_out(), "the transport is stuck");
        *rung = false;
    }
}

fn end(way: &str) -> (Result<()>, CollectingSink) {
    let sink = CollectingSink::default();
    (block_on(transport().send(request(way, "abc"), sink.sink())), sink)
}

#[test]
fn everything_arrives_in_order_and_stamped() {
    let (result, sink) = end("chunks");
    result.unwrap();
    let delivered = sink.delivered();
    let head = delivered.head.as_ref().unwrap();
    assert_eq!((head.status, head.headers.len()), (200, 2));
    assert_eq!(head.headers[0], ("x-method".to_owned(), "POST".to_owned()));
    assert_eq!(delivered.body(), b"abc");
    assert_eq!((delivered.chunks.len(), delivered.marks[0].1), (3, Mark::Sent));
    let times: Vec<u64> = delivered.chunks.iter().map(|(at_ns, _)| *at_ns).collect();
    assert!(delivered.marks[0].0 < head.at_ns && head.at_ns < times[0] && times.is_sorted());
    assert!(delivered.closed);
}

#[test]
fn it_works_on_a_runtime_of_the_host_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sink = CollectingSink::default();
    runtime.block_on(transport().send(request("chunks", "abc"), sink.sink())).unwrap();
    assert_eq!(sink.delivered().body(), b"abc");
}

#[test]
fn timers_and_sockets_work_on_its_side() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut body = Vec::new();
        socket.read_to_end(&mut body).unwrap();
        socket.write_all(&body).unwrap();
    });
    let mut request = request("socket", "through a socket");
    request.headers[0].1 = address;
    let sink = CollectingSink::default();
    block_on(transport().send(request, sink.sink())).unwrap();
    server.join().unwrap();
    assert_eq!(sink.delivered().body(), b"through a socket");

    let sink = CollectingSink::stopping_at(5);
    block_on(transport().send(self::request("ticks", ""), sink.sink())).unwrap();
    assert_eq!(sink.delivered().chunks.len(), 5);
}

#[test]
fn a_sink_that_wants_no_more_is_obeyed() {
    let sink = CollectingSink::stopping_at(2);
    block_on(transport().send(request("chunks", "abcdef"), sink.sink())).unwrap();
    assert_eq!(sink.delivered().body(), b"ab");
}

#[test]
fn panics_and_failures_are_errors_with_a_name() {
    let of = "plugin fixture_many 0.3.0, transport `test`, send: ";
    for (way, kind, words, chunks) in [
        ("panic", ErrorKind::Panic, "panicked: no good in the future", 0),
        ("late", ErrorKind::Panic, "panicked: no good after a chunk", 1),
        ("fail", ErrorKind::Other, "dialling: the line is dead", 0),
        ("nowhere", ErrorKind::Other, "there is no way `nowhere`", 0),
    ] {
        let (result, sink) = end(way);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), kind, "{way}");
        assert!(error.to_string().starts_with(&format!("{of}{words}")), "{error}");
        assert_eq!(sink.delivered().chunks.len(), chunks, "{way}");
        assert!(sink.delivered().closed, "{way}");
    }
    end("silent").0.unwrap();
}

#[test]
fn a_panic_in_the_call_itself_is_an_error_of_the_future() {
    let transport =
        with_context(json!({"panics": "send"}), |cx| many().make::<dyn Transport>("Ways", cx)).ok().unwrap();
    for time in 1..=5 {
        let sink = CollectingSink::default();
        let error = block_on(transport.send(request("chunks", "abc"), sink.sink())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert_eq!(error.to_string().contains("not called any more"), time > 3, "{time}: {error}");
        assert!(sink.delivered().closed && sink.delivered().chunks.is_empty());
    }
}

#[test]
fn dropping_the_future_drops_that_of_the_library() {
    let listener = Listener::new();
    let transport = listener.with_context(json!({}), |cx| many().make::<dyn Transport>("Ways", cx)).ok().unwrap();
    let sink = CollectingSink::default();
    let mut future = transport.send(request("hang", ""), sink.sink());
    assert!(poll_once(&mut future).is_pending());
    assert!(!sink.delivered().closed);
    drop(future);
    assert!(sink.delivered().closed);
    assert_eq!(listener.next(), (Level::Info, "the future is gone".to_owned()));
}

#[test]
fn dropping_a_transport_leaves_its_requests_alone() {
    let transport = transport();
    let sink = CollectingSink::default();
    let future = transport.send(request("chunks", "abc"), sink.sink());
    drop(transport);
    block_on(future).unwrap();
    assert_eq!(sink.delivered().body(), b"abc");
}

fn poll_once(future: &mut SendFuture) -> Poll<Result<()>> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A sink that counts, and wakes whoever waits for a chunk.
#[derive(Clone, Default)]
struct Counting {
    chunks: Arc<AtomicUsize>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Counting {
    fn count(&self) -> usize {
        self.chunks.load(Ordering::SeqCst)
    }

    /// Polls the request until so many chunks were there, or it ended.
    async fn until(&self, chunks: usize, future: &mut SendFuture) {
        poll_fn(|cx| {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            let ended = future.as_mut().poll(cx).is_ready();
            if ended || self.count() >= chunks { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl SinkTarget for Counting {
    fn now_ns(&self) -> u64 {
        0
    }
    fn head(&mut self, _: u64, _: u16, _: &[(&str, &str)]) {}
    fn chunk(&mut self, _: u64, _: &[u8]) -> Flow {
        self.chunks.fetch_add(1, Ordering::SeqCst);
        if let Some(waker) = self.waker.lock().unwrap().take() {
            waker.wake();
        }
        Flow::Continue
    }
    fn mark(&mut self, _: u64, _: Mark) {}
}

#[test]
fn cancelling_works_at_any_moment_and_nothing_comes_afterwards() {
    for way in ["chunks", "ticks", "rogue"] {
        let listener = Listener::new();
        let transport = listener.with_context(json!({}), |cx| many().make::<dyn Transport>("Ways", cx)).ok().unwrap();
        for chunks in 0..100 {
            let counting = Counting::default();
            let mut future = transport.send(request(way, vec![b'x'; 50]), Sink::new(Box::new(counting.clone())));
            block_on(counting.until(chunks, &mut future));
            drop(future);
            let count = counting.count();
            // Its side is gone too, or has been told to stop; what it tried in between went nowhere.
            assert_eq!(listener.next(), (Level::Info, "the future is gone".to_owned()));
            assert_eq!(counting.count(), count, "{way}, cancelled after {chunks}");
            assert_eq!(Arc::strong_count(&counting.chunks), 1, "the sink was dropped");
        }
    }
}

#[test]
fn a_future_that_is_never_polled_is_cancelled_as_well() {
    let listener = Listener::new();
    let transport = listener.with_context(json!({}), |cx| many().make::<dyn Transport>("Ways", cx)).ok().unwrap();
    for _ in 0..100 {
        let sink = CollectingSink::default();
        drop(transport.send(request("ticks", ""), sink.sink()));
        let delivered = sink.delivered();
        assert!(delivered.closed);
        assert_eq!(listener.next(), (Level::Info, "the future is gone".to_owned()));
        assert_eq!(sink.delivered(), delivered);
    }
}

#[test]
fn many_threads_send_at_once() {
    let transport = transport();
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let transport = &transport;
            scope.spawn(move || {
                for turn in 0..50_u8 {
                    let (sink, body) = (CollectingSink::default(), vec![thread, turn, 1, 2, 3]);
                    block_on(transport.send(request("chunks", body.clone()), sink.sink())).unwrap();
                    assert_eq!(sink.delivered().body(), body);
                }
            });
        }
    });
}

#[test]
fn a_reply_that_is_kept_beyond_its_request_reaches_nobody_else() {
    let ends: Vec<_> = (0..3).map(|_| end("hoard")).collect();
    for (result, sink) in ends {
        result.unwrap();
        let delivered = sink.delivered();
        assert!(delivered.closed);
        assert_eq!(delivered.body(), b"mine", "what was written to it later went nowhere");
    }
}
