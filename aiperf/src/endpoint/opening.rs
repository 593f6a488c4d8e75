//! The opening of a streamed reply, read as it arrives: says when the first content is there, by the same rules by which the
//! whole reply is read later. Keeps no more than the event that is not complete yet.

use std::sync::Arc;

use aiperf_abi::Endpoint;

use super::reading::{is_event_stream, read_reply};
use crate::reply::{Arrival, Reply};

/// A reply up to its first content.
pub struct Opening {
    endpoint: Arc<dyn Endpoint>,
    /// The head, and of the body what follows the last complete event.
    reply: Reply,
}

impl Opening {
    /// Nothing has come yet.
    pub fn new(endpoint: Arc<dyn Endpoint>) -> Self {
        let arrivals = vec![Arrival { end: usize::MAX, at_ns: 0 }];
        Self { endpoint, reply: Reply { arrivals, ..Reply::default() } }
    }

    /// Status and headers are there.
    pub fn head(&mut self, status: u16, headers: &[(&str, &str)]) {
        let content_type = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        self.reply.content_type = content_type.map(|(_, value)| (*value).to_owned());
        self.reply.status = Some(status);
    }

    /// More of the body is there; whether content came with it. A body that is no stream of events has none before its end.
    pub fn brings_content(&mut self, bytes: &[u8]) -> bool {
        self.reply.body.extend_from_slice(bytes);
        // Only a whole line can say anything.
        if !bytes.contains(&b'\n') && !bytes.contains(&b'\r') || !is_event_stream(&self.reply) {
            return false;
        }
        let has_content = !read_reply(&*self.endpoint, &self.reply).content_ns.is_empty();
        if let Some(end) = last_event_end(&self.reply.body) {
            self.reply.body.drain(..end);
        }
        has_content
    }
}

/// Where the last complete event ends: behind the last blank line.
fn last_event_end(body: &[u8]) -> Option<usize> {
    [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"]
        .iter()
        .filter_map(|blank| memchr::memmem::rfind(body, blank).map(|at| at + blank.len()))
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ChatEndpoint;
    use crate::endpoint::tests::made;

    const ROLE: &[u8] = b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    const WORD: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";

    fn opening(status: u16, content_type: &str) -> Opening {
        let mut opening = Opening::new(made::<ChatEndpoint>().into());
        opening.head(status, &[("Content-Type", content_type)]);
        opening
    }

    #[test]
    fn the_event_that_names_the_role_is_no_content_and_a_word_is() {
        let mut opening = opening(200, "text/event-stream");
        assert!(!opening.brings_content(b": ping\n\n"));
        assert!(!opening.brings_content(ROLE));
        assert!(opening.brings_content(WORD));
    }

    #[test]
    fn content_is_found_wherever_the_stream_is_cut() {
        let stream = [b": ping\r\n\r\n", ROLE, WORD].concat();
        let word_ends = stream.len() - 2;
        for cut in 1..stream.len() {
            let mut opening = opening(200, "text/event-stream");
            let with_the_first_piece = opening.brings_content(&stream[..cut]);
            assert_eq!(with_the_first_piece, cut >= word_ends, "cut at {cut}");
            assert!(with_the_first_piece || opening.brings_content(&stream[cut..]), "cut at {cut}");
        }
    }

    #[test]
    fn a_failure_and_a_body_that_is_no_stream_have_no_opening() {
        assert!(!opening(503, "text/event-stream").brings_content(WORD));
        assert!(
            !opening(200, "application/json").brings_content(b"{\"choices\":[{\"message\":{\"content\":\"Hi\"}}]}\n")
        );
    }
}
