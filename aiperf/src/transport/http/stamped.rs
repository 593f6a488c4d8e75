//! A TCP connection that knows when the last bytes that were read from it had arrived. Knows nothing of what they are.
//!
//! On Linux the system stamps every segment when it comes (`SO_TIMESTAMPNS`), so that the time is right however late a busy
//! process reads it. Where one read takes several segments, the stamp is that of the last. Elsewhere it is the time of the read.

use std::cell::RefCell;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock::Clock;

/// The most that is read at once.
const PIECE: usize = 16 * 1024;

thread_local! {
    /// Where a thread reads to: a reader's own room would have to be cleared before each read, and most reads are short.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; PIECE].into());
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Stamped {
    tcp: TcpStream,
    clock: Clock,
    seen: Arc<Seen>,
    /// Nothing that is read later can have come before this: the last time that anything was written or read.
    floor_ns: u64,
}

/// What is known of a connection from outside of whoever reads it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    arrived_ns: AtomicU64,
    to_be_checked: AtomicBool,
}

impl Seen {
    /// When the last bytes that were read had arrived: nanoseconds of the clock that the connection was given.
    pub(crate) fn arrived_ns(&self) -> u64 {
        self.arrived_ns.load(Ordering::Relaxed)
    }

    /// The next read asks the system itself whether the peer has gone; the runtime may not have heard of it yet. Only for a
    /// connection on which nothing can be under way: whatever is there counts as its end.
    pub(crate) fn check(&self) {
        self.to_be_checked.store(true, Ordering::Relaxed);
    }

    /// What is read from now on may be an answer.
    pub(crate) fn checked(&self) {
        self.to_be_checked.store(false, Ordering::Relaxed);
    }
}

impl Stamped {
    /// From now on with stamps, where the system gives some.
    pub(crate) fn new(tcp: TcpStream, clock: Clock) -> Self {
        stamps::ask_for(&tcp);
        Self { tcp, clock, seen: Arc::default(), floor_ns: clock.now_ns() }
    }

    /// Tells of what is read from now on.
    pub(crate) fn seen(&self) -> &Arc<Seen> {
        &self.seen
    }

    fn written(&mut self) {
        self.floor_ns = self.clock.now_ns();
    }

    fn arrived(&mut self, stamp_wall_ns: Option<u64>) {
        let now = self.clock.now_ns();
        let at = stamp_wall_ns.map_or(now, |wall_ns| self.clock.at_wall(wall_ns)).clamp(self.floor_ns.min(now), now);
        self.floor_ns = at;
        self.seen.arrived_ns.store(at, Ordering::Relaxed);
    }
}

impl AsyncRead for Stamped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.seen.to_be_checked.swap(false, Ordering::Relaxed) && !is_quiet(&this.tcp) {
            return Poll::Ready(Ok(()));
        }
        loop {
            ready!(this.tcp.poll_read_ready(cx))?;
            let read: io::Result<_> = READ.with_borrow_mut(|room| {
                let most = buf.remaining().min(PIECE);
                let (length, stamp) = stamps::read(&this.tcp, &mut room[..most])?;
                buf.put_slice(&room[..length]);
                Ok(stamp)
            });
            match read {
                Ok(stamp) => {
                    this.arrived(stamp);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written();
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written();
        Pin::new(&mut self.tcp).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

/// Whether there is nothing to read, not even an end.
fn is_quiet(tcp: &TcpStream) -> bool {
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(tcp.as_raw_fd(), &mut [0], flags) == Err(Errno::EWOULDBLOCK)
}

#[cfg(target_os = "linux")]
mod stamps {
    use std::io::{self, IoSliceMut};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
    use nix::sys::time::TimeSpec;
    use tokio::io::Interest;
    use tokio::net::TcpStream;

    pub(super) fn ask_for(tcp: &TcpStream) {
        if let Err(error) = setsockopt(tcp, sockopt::ReceiveTimestampns, &true) {
            tracing::debug!("a connection without stamps of the system: {error}");
        }
    }

    /// What is there, and when it came: nanoseconds since the Unix epoch. "Would block" where nothing is.
    pub(super) fn read(tcp: &TcpStream, room: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
        let (all, mut got) = (room.len(), None);
        let tried = tcp.try_io(Interest::READABLE, || {
            let mut control = [0; CONTROL];
            let mut into = [IoSliceMut::new(room)];
            let read = recvmsg::<()>(tcp.as_raw_fd(), &mut into, Some(&mut control), MsgFlags::empty())?;
            let length = read.bytes;
            let stamp = read.cmsgs()?.find_map(|message| match message {
                ControlMessageOwned::ScmTimestampns(time) => Some(nanos(time)),
                _ => None,
            });
            got = Some((length, stamp));
            // A read that does not fill its room has emptied the socket; told so, the runtime does not ask again in vain.
            if length > 0 && length < all { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match got {
            Some(got) => Ok(got),
            None => tried.map(|()| (0, None)),
        }
    }

    /// Room for one stamp with its header; there are no other messages on a TCP connection.
    const CONTROL: usize = 64;

    fn nanos(time: TimeSpec) -> u64 {
        (time.tv_sec() as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec() as u64)
    }
}

#[cfg(not(target_os = "linux"))]
mod stamps {
    use std::io;

    use tokio::net::TcpStream;

    pub(super) fn ask_for(_: &TcpStream) {}

    pub(super) fn read(tcp: &TcpStream, room: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
        tcp.try_read(room).map(|length| (length, None))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Stamped, std::net::TcpStream, Clock) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_nodelay(true).unwrap();
        let clock = Clock::start();
        (Stamped::new(listener.accept().await.unwrap().0, clock), peer, clock)
    }

    /// The system begins to stamp a while after it was first asked to.
    const ENOUGH: usize = 10_000;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_lay_there_unread_has_arrived_when_it_came() {
        let (mut stamped, mut peer, clock) = pair().await;
        let mut late = 0;
        for _ in 0..ENOUGH {
            let before = clock.now_ns();
            peer.write_all(b"x").unwrap();
            let there = clock.now_ns();
            while clock.now_ns() == there {}
            assert_eq!(stamped.read_u8().await.unwrap(), b'x');
            let arrived = stamped.seen().arrived_ns();
            assert!(arrived >= before, "not before it was sent");
            if arrived <= there {
                return;
            }
            late += 1;
        }
        panic!("{late} times it was stamped when it was read");
    }

    #[tokio::test]
    async fn nothing_arrives_before_what_it_answers() {
        let (mut stamped, mut peer, clock) = pair().await;
        // As if the wall clock had been set forward by an hour meanwhile.
        for _ in 0..3 {
            let asked = clock.now_ns();
            stamped.write_all(b"?").await.unwrap();
            peer.write_all(b"!").unwrap();
            stamped.arrived(Some(0));
            assert!((asked..=clock.now_ns()).contains(&stamped.seen().arrived_ns()));
            stamped.arrived(Some(u64::MAX));
            assert!(stamped.seen().arrived_ns() <= clock.now_ns());
        }
    }

    #[tokio::test]
    async fn long_streams_and_their_end_come_through_reads_that_do_and_do_not_fill_their_room() {
        let (mut stamped, mut peer, _) = pair().await;
        let sent: Vec<u8> = (0..=255).cycle().take(5 * PIECE + 7).collect();
        let all = sent.clone();
        let writer = std::thread::spawn(move || peer.write_all(&all).unwrap());
        let mut read = Vec::new();
        stamped.read_to_end(&mut read).await.unwrap();
        writer.join().unwrap();
        assert!(read == sent, "{} of {} bytes", read.len(), sent.len());
    }

    #[tokio::test]
    async fn a_peer_that_has_gone_is_noticed_at_once_where_it_is_looked_for() {
        let (mut stamped, peer, _) = pair().await;
        assert!(stamped.read(&mut [0; 8]).now_or_never().is_none());
        drop(peer);
        // The runtime has not been asked since, and knows of nothing.
        assert!(stamped.read(&mut [0; 8]).now_or_never().is_none());
        stamped.seen().check();
        assert_eq!(stamped.read(&mut [0; 8]).now_or_never().expect("at once").unwrap(), 0);
    }

    #[tokio::test]
    async fn what_comes_after_the_look_is_an_answer_and_no_end() {
        let (mut stamped, mut peer, _) = pair().await;
        stamped.seen().check();
        stamped.seen().checked();
        peer.write_all(b"!").unwrap();
        assert_eq!(stamped.read_u8().await.unwrap(), b'!');
    }
}
