//! The body of a request that tells when it is written. What takes it writes into a buffer and from there into the socket
//! at once; the last step is not visible from here.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use aiperf_abi::Mark;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::marks::Telling;

/// A long body is handed over in pieces, each when the one before has left the buffer.
const PIECE: usize = 64 * 1024;

/// A body that is not empty.
pub(super) struct TellingBody {
    left: Bytes,
    progress: Progress,
    telling: Arc<Telling>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Waiting,
    Begun,
}

impl TellingBody {
    pub(super) fn new(body: Vec<u8>, telling: Arc<Telling>) -> Self {
        Self { left: body.into(), progress: Progress::Waiting, telling }
    }
}

impl Body for TellingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.progress == Progress::Waiting {
            self.progress = Progress::Begun;
            self.telling.send_began();
        }
        let length = self.left.len().min(PIECE);
        let piece = self.left.split_to(length);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

/// Whoever writes a body lets go of it when the last piece is written.
impl Drop for TellingBody {
    fn drop(&mut self) {
        if self.progress == Progress::Begun && self.left.is_empty() {
            self.telling.mark(Mark::Sent);
        }
    }
}
