//! The batches strategy on a clock of the test's own: nothing is waited for, nothing is sent. The fixtures are of
//! `aiperf_abi::testing`.

use aiperf_abi::testing::{MockTiming, Wish, construct, via_abi};
use aiperf_abi::{Returned, TimingEvent, TimingStrategy, json};

use {{crate_name}}::BatchStrategy;

const MS: u64 = 1_000_000;

#[test]
fn a_batch_starts_at_once_and_the_next_one_a_pause_after_its_last_request() {
    let mut strategy: BatchStrategy = construct(json!({ "size": 3, "pause": 5 })).unwrap();
    // Every request takes 20 ms.
    let starts = MockTiming::default().walk(&mut strategy, 7, 20 * MS).unwrap();
    assert_eq!(starts, [[0; 3], [25 * MS; 3], [50 * MS; 3]].concat());
}

#[test]
fn a_session_of_several_turns_goes_on_and_holds_the_batch_open() {
    let mut strategy: BatchStrategy = construct(json!({ "size": 1, "pause": 0 })).unwrap();
    let mut timing = MockTiming::default();
    for (now_ns, event) in [
        (0, TimingEvent::PhaseStart),
        (10, TimingEvent::CreditReturned(Returned::with_next(0, 0, 30))),
        (70, TimingEvent::CreditReturned(Returned::last(0, 1))),
    ] {
        timing.tell(&mut strategy, now_ns, event).unwrap();
    }
    let start = Wish::Start { at_ns: 0, from_turn: 0 };
    assert_eq!(timing.wishes, [start, Wish::Continue { session: 0, at_ns: 40 }, Wish::WakeAt(70)]);
}

#[test]
fn refuses_a_batch_of_nothing_and_a_setting_it_does_not_know() {
    for (config, said) in [(json!({ "size": 0 }), "batches.size is 0"), (json!({ "sizes": 2 }), "sizes")] {
        let error = construct::<BatchStrategy>(config).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// aiperf loads a library and calls it across its boundary; this is that call, without the file.
#[test]
fn does_the_same_across_the_library_boundary() {
    let config = json!({ "size": 2, "pause": 1 });
    let mut direct: BatchStrategy = construct(config.clone()).unwrap();
    let mut loaded = via_abi::<dyn TimingStrategy, BatchStrategy>(config).unwrap();
    let (mut near, mut far) = (MockTiming::default(), MockTiming::default());
    let starts = near.walk(&mut direct, 6, MS).unwrap();
    assert_eq!(far.walk(loaded.as_mut(), 6, MS).unwrap(), starts);
    assert_eq!(far.wishes, near.wishes);
}
