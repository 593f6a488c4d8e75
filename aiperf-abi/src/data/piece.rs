//! One piece of a reply in the hands of the host (or of a test): owns, or borrows, what a `Response` shows.

use crate::author::response::Response;
use crate::ffi::view::{View, ViewSource, field};

/// A whole body, or one event of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece<'a> {
    /// Arrival of its last byte, nanoseconds of the host's clock.
    pub perf_ns: u64,
    /// Whether it is an event of a stream.
    pub is_event: bool,
    /// The `event:` field.
    pub event: Option<&'a str>,
    /// The reply's content type.
    pub content_type: Option<&'a str>,
    /// Body, or joined `data:` lines.
    pub data: &'a [u8],
}

impl Piece<'_> {
    /// The borrowed form that endpoints take.
    pub fn response(&self) -> Response<'_> {
        Response::new(View::of(self))
    }
}

impl ViewSource for Piece<'_> {
    fn text(&self, key: u32, _: u32, _: u32) -> Option<&str> {
        match key {
            field::EVENT => self.event,
            field::CONTENT_TYPE => self.content_type,
            _ => None,
        }
    }

    fn number(&self, key: u32, _: u32, _: u32) -> Option<u64> {
        match key {
            field::PERF_NS => Some(self.perf_ns),
            field::IS_EVENT => Some(self.is_event.into()),
            _ => None,
        }
    }

    fn bytes(&self, key: u32, _: u32, _: u32) -> Option<&[u8]> {
        (key == field::DATA).then_some(self.data)
    }
}
