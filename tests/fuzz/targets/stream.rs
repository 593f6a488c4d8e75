//! The body of an event stream: the same events wherever the network cut it, each stamped by the chunk that completed it,
//! and what is complete does not change when more arrives.

use std::borrow::Cow;

use aiperf::reply::Arrival;
use aiperf::transport::sse::{self, Event};

use super::Input;

pub(super) fn stream(bytes: &[u8]) {
    let (ends, body) = Input::of(bytes).cut_bytes();
    let each_byte: Vec<Arrival> = (1..=body.len()).map(|end| Arrival { end, at_ns: end as u64 }).collect();
    let events: Vec<Event<'_>> = sse::events(body, &each_byte).collect();
    assert!(events.len() <= body.len());
    assert!(events.is_sorted_by_key(|event| event.at_ns));
    for event in &events {
        if let Cow::Borrowed(data) = &event.data
            && !data.is_empty()
        {
            let end = data.as_ptr_range().end.addr() - body.as_ptr().addr();
            assert_eq!(event.at_ns, end as u64, "stamped by the last byte of its data");
        }
    }
    let arrivals: Vec<Arrival> = ends.iter().zip(1..).map(|(&end, at_ns)| Arrival { end, at_ns }).collect();
    let stamp =
        |end: u64| arrivals.iter().find(|arrival| arrival.end as u64 >= end).expect("the last is the end").at_ns;
    let cut: Vec<Event<'_>> = sse::events(body, &arrivals).collect();
    let expected: Vec<Event<'_>> =
        events.iter().map(|event| Event { at_ns: stamp(event.at_ns), ..event.clone() }).collect();
    assert_eq!(cut, expected);
    for end in ends {
        let so_far: Vec<Event<'_>> = sse::events(&body[..end], &each_byte).collect();
        let complete = so_far.len().saturating_sub(1);
        assert_eq!(so_far[..complete], events[..complete.min(events.len())], "cut at {end}");
    }
}
