//! The host's end of a sink: keeps the bytes of one reply with their arrival times, and hands them over when the
//! request is finished, however it finished. Knows nothing of what the bytes mean.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aiperf_abi::{ErrorDetails, Flow, Mark, Sink, SinkTarget};
use tokio::sync::oneshot;

use super::failure::{self, GivenUp};
use crate::clock::Clock;
use crate::reply::{Arrival, Reply};

/// How sending a request ended.
#[derive(Debug)]
pub enum Outcome {
    /// The transport's future resolved.
    Ended(aiperf_abi::Result<()>),
    /// The time allowed ran out.
    TimedOut(Duration),
    /// The client gave it up.
    Cancelled(GivenUp),
}

/// How large the last reply was: the next one is expected to be alike, and the room for it is taken once and not while it
/// arrives.
#[derive(Debug, Default)]
pub struct Room {
    bytes: AtomicUsize,
    chunks: AtomicUsize,
}

impl Room {
    /// Beyond this a reply grows as it comes.
    const MOST_BYTES: usize = 16 << 10;
    const MOST_CHUNKS: usize = 256;

    /// Takes note of a reply.
    pub fn note(&self, reply: &Reply) {
        let with_slack = |length: usize, most: usize| (length + length / 8).min(most);
        self.bytes.store(with_slack(reply.body.len(), Self::MOST_BYTES), Ordering::Relaxed);
        self.chunks.store(with_slack(reply.arrivals.len(), Self::MOST_CHUNKS), Ordering::Relaxed);
    }
}

/// A sink to give to a transport, and what it collects. Call it immediately before [`aiperf_abi::Transport::send`]:
/// the request starts now.
pub fn collector(clock: Clock) -> (Sink, Collected) {
    collector_with(clock, &Room::default())
}

/// The same, with room for a reply as large as expected.
pub fn collector_with(clock: Clock, room: &Room) -> (Sink, Collected) {
    let (body, arrivals) = (
        Vec::with_capacity(room.bytes.load(Ordering::Relaxed)),
        Vec::with_capacity(room.chunks.load(Ordering::Relaxed)),
    );
    let reply = Reply { start_ns: clock.now_ns(), body, arrivals, ..Reply::default() };
    let state = Arc::new(Mutex::new(State {
        reply,
        location: None,
        encoding: None,
        delivery: Delivery::Open,
        until_sent: None,
    }));
    let target = Target { clock, state: Arc::clone(&state) };
    (Sink::new(Box::new(target)), Collected { clock, state })
}

/// What came for one request so far.
#[derive(Debug)]
pub struct Collected {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

impl Collected {
    /// How many chunks have come so far.
    pub fn pieces(&self) -> usize {
        lock(&self.state).reply.arrivals.len()
    }

    /// Resolves with its time when the request has been written in full; never where the transport does not tell.
    pub fn sent(&self) -> impl Future<Output = u64> + use<> {
        let mut state = lock(&self.state);
        let (tell, told) = oneshot::channel();
        match state.reply.sent_ns {
            Some(at_ns) => drop(tell.send(at_ns)),
            None => state.until_sent = Some(tell),
        }
        async move {
            match told.await {
                Ok(at_ns) => at_ns,
                Err(_) => std::future::pending().await,
            }
        }
    }

    /// Everything that came, with the reason if it is no success. Never waits: a transport that still holds its sink
    /// is told to stop at its next chunk, and nothing more is kept.
    pub fn finish(self, outcome: Outcome) -> Reply {
        let now = self.clock.now_ns();
        let mut state = lock(&self.state);
        let ended_ns = state.delivery.ended_ns();
        state.delivery = Delivery::Taken;
        let mut reply = std::mem::take(&mut state.reply);
        let (location, encoding) = (state.location.take(), state.encoding.take());
        drop(state);
        reply.end_ns = if matches!(outcome, Outcome::Ended(_)) { ended_ns.unwrap_or(now) } else { now };
        if matches!(outcome, Outcome::Cancelled(_)) {
            reply.cancelled_ns = Some(now);
        }
        reply.error = error_of(&reply, location.as_deref(), encoding.as_deref(), outcome);
        reply
    }
}

/// A status that means failure says more than a body that broke off after it.
fn error_of(reply: &Reply, location: Option<&str>, encoding: Option<&str>, outcome: Outcome) -> Option<ErrorDetails> {
    let failed_status = reply.status.filter(|status| !(200..300).contains(status));
    match outcome {
        Outcome::Cancelled(why) => Some(failure::cancelled(why)),
        Outcome::TimedOut(limit) => Some(failure::timed_out(limit, reply)),
        Outcome::Ended(_) if failed_status.is_some() => {
            failure::of_status(failed_status?, &reply.body, location).into()
        }
        Outcome::Ended(Err(error)) => Some(failure::of_error(&error)),
        Outcome::Ended(Ok(())) if reply.status.is_none() => Some(failure::no_head()),
        Outcome::Ended(Ok(())) => encoding.map(failure::encoded),
    }
}

#[derive(Debug)]
struct State {
    reply: Reply,
    location: Option<String>,
    /// How the body is compressed, if it is.
    encoding: Option<String>,
    delivery: Delivery,
    /// Whoever waits for the request to be written.
    until_sent: Option<oneshot::Sender<u64>>,
}

#[derive(Debug, Clone, Copy)]
enum Delivery {
    Open,
    Ended { at_ns: u64 },
    Taken,
}

impl Delivery {
    fn ended_ns(self) -> Option<u64> {
        match self {
            Self::Ended { at_ns } => Some(at_ns),
            Self::Open | Self::Taken => None,
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Nothing in here can leave the state half changed.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Target {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

impl SinkTarget for Target {
    fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    fn head(&mut self, at_ns: u64, status: u16, headers: &[(&str, &str)]) {
        let header = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| (*value).to_owned())
        };
        let mut state = lock(&self.state);
        state.reply.head_ns = Some(at_ns);
        state.reply.status = Some(status);
        state.reply.content_type = header("content-type");
        // One text for all of them: that is one allocation, and few runs read it.
        let length = headers.iter().map(|(name, value)| name.len() + value.len() + 3).sum();
        let mut lines = String::with_capacity(length);
        for (name, value) in headers {
            lines.extend([name, ": ", value, "\n"]);
        }
        state.reply.headers = lines;
        state.location = header("location");
        state.encoding = header("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    }

    fn chunk(&mut self, at_ns: u64, bytes: &[u8]) -> Flow {
        let mut state = lock(&self.state);
        if matches!(state.delivery, Delivery::Taken) {
            return Flow::Stop;
        }
        let reply = &mut state.reply;
        if !bytes.is_empty() {
            reply.body.extend_from_slice(bytes);
            let last = reply.arrivals.last().map_or(0, |arrival| arrival.at_ns);
            reply.arrivals.push(Arrival { end: reply.body.len(), at_ns: at_ns.max(last) });
        }
        Flow::Continue
    }

    fn mark(&mut self, at_ns: u64, mark: Mark) {
        let mut state = lock(&self.state);
        let Reply { connection, sent_ns, .. } = &mut state.reply;
        let moment = match mark {
            Mark::Sent => sent_ns,
            Mark::LookupBegan => &mut connection.lookup_began_ns,
            Mark::LookupEnded => &mut connection.lookup_ended_ns,
            Mark::ConnectBegan => &mut connection.connect_began_ns,
            Mark::Connected => &mut connection.connected_ns,
            Mark::Reused => &mut connection.reused_ns,
            Mark::SendBegan => &mut connection.send_began_ns,
            _ => return,
        };
        *moment = Some(at_ns);
        if mark == Mark::Sent
            && let Some(waiting) = state.until_sent.take()
        {
            // Whoever waited may have gone.
            let _ = waiting.send(at_ns);
        }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let at_ns = self.clock.now_ns();
        let mut state = lock(&self.state);
        if matches!(state.delivery, Delivery::Open) {
            state.delivery = Delivery::Ended { at_ns };
        }
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_reply_like_the_last_one_finds_its_room_taken() {
        let room = Room::default();
        let (mut sink, collected) = collector_with(Clock::start(), &room);
        sink.chunk(&[b'a'; 3000]);
        drop(sink);
        room.note(&collected.finish(Outcome::Ended(Ok(()))));
        let (_sink, collected) = collector_with(Clock::start(), &room);
        let reply = collected.finish(Outcome::Ended(Ok(())));
        assert!(reply.body.capacity() >= 3000 && reply.arrivals.capacity() >= 1);
    }

    #[test]
    fn bytes_times_and_headers_are_kept() {
        let (mut sink, collected) = collector(Clock::start());
        sink.mark(Mark::Sent);
        sink.head(200, &[("Content-Type", "text/event-stream")]);
        assert_eq!(sink.chunk_at(50_000_000_000, b"ab"), Flow::Continue);
        assert_eq!(sink.chunk_at(40_000_000_000, b""), Flow::Continue);
        assert_eq!(sink.chunk_at(40_000_000_000, b"c"), Flow::Continue);
        drop(sink);
        let reply = collected.finish(Outcome::Ended(Ok(())));
        assert_eq!(reply.body, b"abc");
        let at_ns = 50_000_000_000;
        assert_eq!(reply.arrivals, [Arrival { end: 2, at_ns }, Arrival { end: 3, at_ns }], "times never fall");
        assert_eq!((reply.status, reply.content_type.as_deref()), (Some(200), Some("text/event-stream")));
        assert!(reply.start_ns <= reply.sent_ns.unwrap() && reply.sent_ns <= reply.head_ns);
        assert!(reply.head_ns.unwrap() <= reply.end_ns);
        assert_eq!(reply.error, None);
    }

    #[test]
    fn a_transport_that_keeps_its_sink_is_told_to_stop_and_what_came_is_kept() {
        let (mut sink, collected) = collector(Clock::start());
        sink.head(200, &[]);
        sink.chunk(b"part");
        let reply = collected.finish(Outcome::TimedOut(Duration::from_millis(1500)));
        assert_eq!(sink.chunk(b"late"), Flow::Stop);
        assert_eq!(reply.body, b"part");
        let error = reply.error.unwrap();
        assert_eq!((error.code, error.kind.as_str()), (Some(408), "TimeoutError"));
        assert!(error.message.contains("1.5"), "{}", error.message);
    }

    #[tokio::test]
    async fn whoever_waits_hears_when_the_request_is_written_and_when_it_was() {
        let (mut sink, collected) = collector(Clock::start());
        let waiting = collected.sent();
        sink.mark_at(7, Mark::Sent);
        assert_eq!((waiting.await, collected.sent().await), (7, 7));
    }

    #[test]
    fn cancelling_is_marked_with_its_time() {
        let (mut sink, collected) = collector(Clock::start());
        sink.head(200, &[]);
        sink.chunk(b"x");
        drop(sink);
        let reply = collected.finish(Outcome::Cancelled(GivenUp::OnPurpose));
        assert_eq!(reply.error.unwrap().code, Some(499));
        assert_eq!(reply.cancelled_ns, Some(reply.end_ns));
        assert_eq!(reply.body, b"x");
    }

    #[test]
    fn a_failed_status_outweighs_a_body_that_broke_off() {
        let (mut sink, collected) = collector(Clock::start());
        sink.head(503, &[]);
        sink.chunk(b"busy");
        drop(sink);
        let error = Error::new(ErrorKind::Io, "gone");
        let error = collected.finish(Outcome::Ended(Err(error))).error.unwrap();
        let expected = ErrorDetails { code: Some(503), kind: "Service Unavailable".into(), message: "busy".into() };
        assert_eq!(error, expected);
    }

    #[test]
    fn a_redirect_says_where_to() {
        let (mut sink, collected) = collector(Clock::start());
        sink.head(307, &[("location", "https://there/")]);
        drop(sink);
        let error = collected.finish(Outcome::Ended(Ok(()))).error.unwrap();
        assert_eq!((error.code, error.kind.as_str()), (Some(307), "Temporary Redirect"));
        assert!(error.message.contains("https://there/") && error.message.contains("--url"), "{}", error.message);
    }

    #[test]
    fn a_compressed_body_is_told_as_such() {
        let body = |encoding| {
            let (mut sink, collected) = collector(Clock::start());
            sink.head(200, &[("Content-Encoding", encoding)]);
            sink.chunk(b"?");
            drop(sink);
            collected.finish(Outcome::Ended(Ok(()))).error
        };
        let error = body("gzip").unwrap();
        assert_eq!((error.code, error.kind.as_str()), (None, "ProtocolError"));
        assert!(error.message.contains("gzip"), "{}", error.message);
        assert_eq!(body("Identity"), None);
    }

    #[test]
    fn a_transport_that_reports_nothing_has_not_succeeded() {
        let (sink, collected) = collector(Clock::start());
        drop(sink);
        assert!(collected.finish(Outcome::Ended(Ok(()))).error.is_some());
    }
}
