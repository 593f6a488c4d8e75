//! What an endpoint sees of a reply: one whole body, or one event of a stream. Borrowed from the host, valid for the call.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::ffi::view::{View, field};

/// One piece of a reply. End markers (`[DONE]`), comments and transport framing never get this far.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    view: View<'a>,
}

impl<'a> Response<'a> {
    pub(crate) fn new(view: View<'a>) -> Self {
        Self { view }
    }

    pub(crate) fn view(self) -> View<'a> {
        self.view
    }

    /// Nanoseconds of the host's clock at which the last byte of this piece was there.
    pub fn perf_ns(self) -> u64 {
        self.view.number(field::PERF_NS, 0, 0).unwrap_or(0)
    }

    /// Whether this is an event of a stream rather than a whole body.
    pub fn is_event(self) -> bool {
        self.view.flag(field::IS_EVENT)
    }

    /// The `event:` field of a stream's event.
    pub fn event(self) -> Option<&'a str> {
        self.view.text(field::EVENT, 0, 0)
    }

    /// The `Content-Type` header of the reply.
    pub fn content_type(self) -> Option<&'a str> {
        self.view.text(field::CONTENT_TYPE, 0, 0)
    }

    /// The bytes: a body, or the joined `data:` lines of an event.
    pub fn bytes(self) -> &'a [u8] {
        self.view.bytes(field::DATA, 0, 0).unwrap_or_default()
    }

    /// The bytes as text; nothing where they are empty or not UTF-8.
    pub fn text(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()).ok().filter(|text| !text.is_empty())
    }

    /// The bytes as JSON; nothing where they are not.
    pub fn json(self) -> Option<Value> {
        self.json_as()
    }

    /// The bytes as JSON of a known shape, strings borrowed where the shape allows; nothing where they do not fit.
    pub fn json_as<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_slice(self.bytes()).ok()
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("perf_ns", &self.perf_ns())
            .field("event", &self.event())
            .field("data", &String::from_utf8_lossy(self.bytes()))
            .finish_non_exhaustive()
    }
}
