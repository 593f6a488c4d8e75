//! Splits the body of an event stream into its events and says when each arrived. Knows the grammar of server-sent
//! events and the one convention all inference servers share (`[DONE]`); knows nothing of what is in the data.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::reply::Arrival;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event of a stream that carries data, or tells of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event:` field.
    pub name: Option<&'a str>,
    /// The `data:` lines, joined by line feeds. Copied only where there are several.
    pub data: Cow<'a, [u8]>,
    /// When the last byte of the last `data:` line was there, nanoseconds of the run's clock. The blank line that ends
    /// the event may come later; it tells the reader nothing and is not waited for.
    pub at_ns: u64,
}

impl Event<'_> {
    /// Whether the server reports a failure by it.
    pub fn is_error(&self) -> bool {
        self.name.is_some_and(is_error_name)
    }
}

fn is_error_name(name: &str) -> bool {
    name.eq_ignore_ascii_case("error")
}

/// The events of `body`, whose bytes came as `arrivals` say. Ends before `[DONE]`: what follows it does not count.
///
/// Lines end in LF, CR LF or CR; comments, `id`, `retry` and unknown fields are skipped; field names match without
/// regard to case. A field `error` is an error event: older llama.cpp servers report failures that way. An event cut off by the end of the body is delivered as far as it came.
pub fn events<'a>(body: &'a [u8], arrivals: &'a [Arrival]) -> Events<'a> {
    let start = if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    Events { body, at: start, arrivals }
}

/// When the byte before offset `end` was there. Zero where nothing arrived.
pub fn arrival_of(arrivals: &[Arrival], end: usize) -> u64 {
    let index = arrivals.partition_point(|arrival| arrival.end < end);
    arrivals.get(index).or(arrivals.last()).map_or(0, |arrival| arrival.at_ns)
}

/// Iterator over the events of a body. See [`events`].
#[derive(Debug, Clone)]
pub struct Events<'a> {
    body: &'a [u8],
    at: usize,
    arrivals: &'a [Arrival],
}

impl<'a> Events<'a> {
    /// The next line without its end; `None` at the end of the body.
    fn line(&mut self) -> Option<Line<'a>> {
        let rest = &self.body[self.at..];
        if rest.is_empty() {
            return None;
        }
        let length = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let end = self.at + length;
        let ending = match &self.body[end..] {
            [b'\r', b'\n', ..] => 2,
            [] => 0,
            _ => 1,
        };
        self.at = end + ending;
        Some(Line { bytes: &rest[..length], end })
    }

    /// Arrival of the byte before `end`. Offsets asked for never fall, so what lies before is dropped.
    fn arrived(&mut self, end: usize) -> u64 {
        while let [first, rest @ ..] = self.arrivals {
            if first.end >= end || rest.is_empty() {
                return first.at_ns;
            }
            self.arrivals = rest;
        }
        0
    }
}

struct Line<'a> {
    bytes: &'a [u8],
    end: usize,
}

impl<'a> Line<'a> {
    /// Field name and value, one leading space of the value removed.
    fn field(&self) -> (&'a [u8], &'a [u8]) {
        match memchr(b':', self.bytes) {
            Some(colon) => {
                let value = &self.bytes[colon + 1..];
                (&self.bytes[..colon], value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (self.bytes, b""),
        }
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        let mut name = None;
        let mut data: Option<Cow<'a, [u8]>> = None;
        let mut end = 0;
        loop {
            let line = self.line();
            let blank = line.as_ref().is_none_or(|line| line.bytes.is_empty());
            if blank {
                if data.is_some() || name.is_some_and(is_error_name) {
                    break;
                }
                name = None;
            }
            let line = line?;
            let (field, value) = line.field();
            if field.eq_ignore_ascii_case(b"data") {
                end = line.end;
                match &mut data {
                    None => data = Some(Cow::Borrowed(value)),
                    Some(joined) => {
                        let joined = joined.to_mut();
                        joined.push(b'\n');
                        joined.extend_from_slice(value);
                    }
                }
            } else if field.eq_ignore_ascii_case(b"error") && !value.is_empty() {
                name = Some("error");
                data = Some(Cow::Borrowed(value));
                end = line.end;
            } else if field.eq_ignore_ascii_case(b"event") {
                name = std::str::from_utf8(value).ok().filter(|name| !name.is_empty());
                end = if data.is_some() { end } else { line.end };
            }
        }
        let data = data.unwrap_or_default();
        if data.trim_ascii() == b"[DONE]" {
            self.at = self.body.len();
            return None;
        }
        Some(Event { name, data, at_ns: self.arrived(end) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(body: &[u8]) -> Vec<Arrival> {
        vec![Arrival { end: body.len(), at_ns: 7 }]
    }

    fn texts(body: &str) -> Vec<String> {
        let arrivals = whole(body.as_bytes());
        events(body.as_bytes(), &arrivals).map(|event| String::from_utf8_lossy(&event.data).into_owned()).collect()
    }

    #[test]
    fn every_line_ending_ends_an_event() {
        for ending in ["\n", "\r\n", "\r"] {
            let body = ["data: one", "", "data:two", "", ""].join(ending);
            assert_eq!(texts(&body), ["one", "two"], "{ending:?}");
        }
    }

    #[test]
    fn data_lines_are_joined_and_other_fields_skipped() {
        assert_eq!(texts(": ping\n\nid: 4\nretry: 10\nDATA: a\nfoo\ndata:  b\ndata\n\n"), ["a\n b\n"]);
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_field() {
        assert_eq!(texts("\u{feff}data: a\n\n"), ["a"]);
    }

    #[test]
    fn nothing_after_done_counts() {
        assert_eq!(texts("data: a\n\ndata: [DONE]\n\ndata: b\n\n"), ["a"]);
        let mut after = events(b"data: [DONE]\n\ndata: b\n\n", &[]);
        assert_eq!((after.next(), after.next()), (None, None));
    }

    #[test]
    fn an_event_cut_off_by_the_end_is_delivered() {
        assert_eq!(texts("data: a\n\ndata: b"), ["a", "b"]);
        assert_eq!(texts("data: a\n\nevent: token\n"), ["a"]);
    }

    #[test]
    fn an_event_name_belongs_to_one_event_only() {
        let body = b"event: error\ndata: x\n\nevent: lost\n\ndata: y\n\nevent: error\n\n";
        let arrivals = whole(body);
        let seen: Vec<_> = events(body, &arrivals).map(|e| (e.is_error(), e.name, e.data.into_owned())).collect();
        assert_eq!(
            seen,
            [(true, Some("error"), b"x".to_vec()), (false, None, b"y".to_vec()), (true, Some("error"), Vec::new())]
        );
    }

    #[test]
    fn an_error_field_is_an_error_event() {
        let body = b"data: a\n\nerror: {\"code\":500}\n\nerror\n\n";
        let arrivals = whole(body);
        let seen: Vec<_> = events(body, &arrivals).map(|e| (e.is_error(), e.data.into_owned())).collect();
        assert_eq!(seen, [(false, b"a".to_vec()), (true, b"{\"code\":500}".to_vec())]);
    }

    #[test]
    fn single_line_data_is_not_copied() {
        let event = events(b"data: {}\n\n", &[]).next().unwrap();
        assert!(matches!(event.data, Cow::Borrowed(b"{}")));
    }

    #[test]
    fn an_event_is_stamped_by_the_chunk_that_completed_its_data_not_by_the_blank_line() {
        let body = b"data: ab\n\ndata: c\n\n";
        // "data: a" | "b" | "\n\ndata: c" | "\n\n"
        let arrivals = [(7, 10), (8, 20), (17, 30), (19, 40)].map(|(end, at_ns)| Arrival { end, at_ns });
        let stamps: Vec<_> = events(body, &arrivals).map(|event| event.at_ns).collect();
        assert_eq!(stamps, [20, 30]);
        assert_eq!(arrival_of(&arrivals, 8), 20);
        assert_eq!(arrival_of(&arrivals, 9), 30);
        assert_eq!(arrival_of(&arrivals, 99), 40);
        assert_eq!(arrival_of(&[], 3), 0);
    }

    /// What a server writes for one event: noise, a name, data lines. Without data it is no event, unless an error.
    #[derive(Debug, Clone)]
    struct Written {
        noise: &'static str,
        name: Option<&'static str>,
        data: Vec<String>,
        ending: &'static str,
    }

    fn written() -> impl Strategy<Value = Written> {
        let noise = proptest::sample::select(vec!["", ": ping", ":", "id: 7", "retry: 1", "unknown"]);
        let name = proptest::sample::select(vec![None, None, Some("token"), Some("error")]);
        let data = proptest::collection::vec("[a-zé日:\"{ ]{0,6}", 0..4);
        let ending = proptest::sample::select(vec!["\n", "\r\n", "\r"]);
        (noise, name, data, ending).prop_map(|(noise, name, data, ending)| Written { noise, name, data, ending })
    }

    type Expected = (Option<&'static str>, Vec<u8>, usize);

    /// The bytes of a stream, and per event its name, its data, and where in the bytes its data ends.
    fn written_out(stream: &[Written]) -> (Vec<u8>, Vec<Expected>) {
        let mut body = String::new();
        let mut events = Vec::new();
        for Written { noise, name, data, ending } in stream {
            if !noise.is_empty() {
                body += &format!("{noise}{ending}");
            }
            let mut end = 0;
            if let Some(name) = name {
                body += &format!("event: {name}");
                end = body.len();
                body += ending;
            }
            for line in data {
                body += &format!("data: {line}");
                end = body.len();
                body += ending;
            }
            body += ending;
            if !data.is_empty() || *name == Some("error") {
                events.push((*name, data.join("\n").into_bytes(), end));
            }
        }
        (body.into_bytes(), events)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_and_stamped_however_it_was_cut(
            stream in proptest::collection::vec(written(), 0..8),
            cuts in proptest::collection::vec(0.0..1.0, 0..12),
        ) {
            let (body, expected) = written_out(&stream);
            let mut ends: Vec<usize> = cuts.iter().map(|cut| (cut * body.len() as f64) as usize).collect();
            ends.push(body.len());
            ends.sort_unstable();
            let arrivals: Vec<Arrival> =
                ends.iter().enumerate().map(|(at_ns, &end)| Arrival { end, at_ns: at_ns as u64 }).collect();
            let read: Vec<_> = events(&body, &arrivals).map(|e| (e.name, e.data.into_owned(), e.at_ns)).collect();
            let completed_by = |end: usize| ends.iter().position(|&arrived| arrived >= end).expect("in the body") as u64;
            let expected: Vec<_> =
                expected.into_iter().map(|(name, data, end)| (name, data, completed_by(end))).collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn no_bytes_can_break_it(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let arrivals = whole(&body);
            prop_assert!(events(&body, &arrivals).count() <= body.len());
        }
    }
}
