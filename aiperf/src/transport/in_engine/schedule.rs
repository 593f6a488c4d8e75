//! When which token of which request is due: continuous batching without threads and without a clock. Times are
//! nanoseconds that the caller gives.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

/// The spacing of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// From admission to the first step.
    pub(super) first_ns: u64,
    /// From one step to the next.
    pub(super) gap_ns: u64,
    /// How many steps, at least one.
    pub(super) steps: u32,
}

/// Something is due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Of which request.
    pub(super) id: u64,
    /// Which of its steps, from 0.
    pub(super) index: u32,
    /// Whether it is the last one. The request is no longer known then.
    pub(super) last: bool,
}

/// Requests in their slots, and those that wait for one in the order they came.
#[derive(Debug)]
pub(super) struct Schedule {
    requests: HashMap<u64, Request>,
    /// By due time, then by the order they were entered. A request that was cancelled stays until its time.
    due: BinaryHeap<Reverse<(u64, u64, u64)>>,
    entered: u64,
    /// Those cancelled stay until it is their turn.
    waiting: VecDeque<u64>,
    never_used: u32,
    /// When each of the slots that are free again became so.
    freed_ns: VecDeque<u64>,
}

#[derive(Debug)]
struct Request {
    arrived_ns: u64,
    pace: Pace,
    next: u32,
    admitted: bool,
}

impl Schedule {
    pub(super) fn new(slots: u32) -> Self {
        Self {
            requests: HashMap::new(),
            due: BinaryHeap::new(),
            entered: 0,
            waiting: VecDeque::new(),
            never_used: slots,
            freed_ns: VecDeque::new(),
        }
    }

    /// A request has come. Its time starts to run when it has a slot, not before `arrived_ns`. An `id` is used once.
    pub(super) fn submit(&mut self, id: u64, arrived_ns: u64, pace: Pace) {
        self.requests.insert(id, Request { arrived_ns, pace, next: 0, admitted: false });
        self.waiting.push_back(id);
        self.fill_slots();
    }

    /// Forgets a request, wherever it is; a request that is not known is none of our business.
    pub(super) fn cancel(&mut self, id: u64, now_ns: u64) {
        if self.requests.remove(&id).is_some_and(|request| request.admitted) {
            self.freed_ns.push_back(now_ns);
            self.fill_slots();
        }
    }

    /// When something is due next.
    pub(super) fn next_due(&mut self) -> Option<u64> {
        while let Some(Reverse((due, _, id))) = self.due.peek() {
            if self.requests.contains_key(id) {
                return Some(*due);
            }
            self.due.pop();
        }
        None
    }

    /// What is due by `now_ns`, at most one step of each request: who is behind catches up call by call, together with
    /// everybody else.
    pub(super) fn advance(&mut self, now_ns: u64) -> Vec<Step> {
        let mut reached = Vec::new();
        while let Some(due_ns) = self.next_due().filter(|due| *due <= now_ns) {
            if let Some(Reverse((_, _, id))) = self.due.pop() {
                reached.push((due_ns, id));
            }
        }
        reached.into_iter().filter_map(|(due_ns, id)| self.take_step(id, due_ns)).collect()
    }

    fn take_step(&mut self, id: u64, due_ns: u64) -> Option<Step> {
        let request = self.requests.get_mut(&id)?;
        let index = request.next;
        request.next += 1;
        let last = request.next >= request.pace.steps;
        if last {
            self.requests.remove(&id);
            self.freed_ns.push_back(due_ns);
            self.fill_slots();
        } else {
            // From when it was due, not from now: being late once must not add up.
            let next_ns = due_ns.saturating_add(request.pace.gap_ns);
            self.enter(next_ns, id);
        }
        Some(Step { id, index, last })
    }

    fn fill_slots(&mut self) {
        while self.never_used > 0 || !self.freed_ns.is_empty() {
            let Some(id) = self.waiting.pop_front() else { return };
            let Some(request) = self.requests.get_mut(&id) else { continue };
            let free_since = if self.never_used > 0 {
                self.never_used -= 1;
                0
            } else {
                self.freed_ns.pop_front().unwrap_or_default()
            };
            request.admitted = true;
            let first_ns = request.arrived_ns.max(free_since).saturating_add(request.pace.first_ns);
            self.enter(first_ns, id);
        }
    }

    fn enter(&mut self, due_ns: u64, id: u64) {
        self.entered += 1;
        self.due.push(Reverse((due_ns, self.entered, id)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace(first_ns: u64, gap_ns: u64, steps: u32) -> Pace {
        Pace { first_ns, gap_ns, steps }
    }

    /// Every step with the time it was due, the clock jumping from due time to due time.
    fn play(schedule: &mut Schedule) -> Vec<(u64, u64, u32)> {
        let mut seen = Vec::new();
        while let Some(due) = schedule.next_due() {
            seen.extend(schedule.advance(due).into_iter().map(|step| (due, step.id, step.index)));
        }
        seen
    }

    #[test]
    fn tokens_are_due_from_admission_and_then_from_each_other() {
        let mut schedule = Schedule::new(2);
        schedule.submit(1, 100, pace(50, 10, 3));
        schedule.submit(2, 105, pace(50, 10, 2));
        assert_eq!(play(&mut schedule), [(150, 1, 0), (155, 2, 0), (160, 1, 1), (165, 2, 1), (170, 1, 2)]);
    }

    #[test]
    fn being_late_once_does_not_move_what_follows() {
        let mut schedule = Schedule::new(1);
        schedule.submit(1, 0, pace(50, 10, 4));
        assert_eq!(schedule.advance(49), []);
        assert_eq!(schedule.advance(58), [Step { id: 1, index: 0, last: false }]);
        assert_eq!(schedule.next_due(), Some(60));
    }

    #[test]
    fn who_finds_no_slot_waits_for_one_and_its_time_starts_then() {
        let mut schedule = Schedule::new(1);
        for id in 1..=3 {
            schedule.submit(id, id, pace(50, 10, 2));
        }
        let ends = [(51, 1, 0), (61, 1, 1), (111, 2, 0), (121, 2, 1), (171, 3, 0), (181, 3, 1)];
        assert_eq!(play(&mut schedule), ends);
    }

    #[test]
    fn a_slot_that_was_free_for_long_does_not_make_a_token_early() {
        let mut schedule = Schedule::new(1);
        schedule.submit(1, 0, pace(5, 0, 1));
        play(&mut schedule);
        schedule.submit(2, 1000, pace(5, 0, 1));
        assert_eq!(schedule.next_due(), Some(1005));
    }

    #[test]
    fn a_cancelled_request_frees_its_slot_at_once_and_never_speaks_again() {
        let mut schedule = Schedule::new(1);
        for id in 1..=3 {
            schedule.submit(id, 0, pace(1_000_000, 10, 1));
        }
        schedule.cancel(2, 5);
        schedule.cancel(1, 7);
        schedule.cancel(77, 7);
        assert_eq!(play(&mut schedule), [(1_000_007, 3, 0)]);
    }

    #[test]
    fn without_any_pause_everybody_still_gets_a_token_per_round() {
        let mut schedule = Schedule::new(3);
        for id in 1..=3 {
            schedule.submit(id, id, pace(0, 0, 1000));
        }
        for index in 0..1000 {
            let round: Vec<_> = schedule.advance(10).into_iter().map(|step| (step.id, step.index)).collect();
            assert_eq!(round, [(1, index), (2, index), (3, index)]);
        }
        assert_eq!(schedule.next_due(), None);
    }

    proptest! {
        #[test]
        fn every_request_gets_its_steps_in_order_never_early_and_never_more_at_once_than_slots(
            slots in 1u32..5,
            requests in proptest::collection::vec((0u64..100, 0u64..60, 0u64..20, 1u32..6), 1..20),
            cancelled in proptest::collection::vec(any::<bool>(), 20),
        ) {
            let mut schedule = Schedule::new(slots);
            let mut arrivals: Vec<_> = requests.iter().map(|request| request.0).collect();
            arrivals.sort_unstable();
            for (id, (request, arrived_ns)) in requests.iter().zip(&arrivals).enumerate() {
                schedule.submit(id as u64, *arrived_ns, pace(request.1, request.2, request.3));
            }
            for (id, _) in requests.iter().enumerate().filter(|(id, _)| cancelled[*id]) {
                schedule.cancel(id as u64, 100);
            }
            let mut seen: HashMap<u64, Vec<u64>> = HashMap::new();
            let mut spans = Vec::new();
            for (at, id, index) in play(&mut schedule) {
                let times = seen.entry(id).or_default();
                prop_assert_eq!(times.len(), index as usize);
                times.push(at);
            }
            for (id, (&arrived, &(_, first, gap, steps))) in arrivals.iter().zip(&requests).enumerate() {
                let times = seen.get(&(id as u64)).cloned().unwrap_or_default();
                prop_assert_eq!(times.len(), if cancelled[id] { 0 } else { steps as usize });
                for (index, time) in times.iter().enumerate() {
                    prop_assert!(*time >= arrived + first);
                    prop_assert_eq!(*time, times[0] + gap * index as u64);
                }
                if let (Some(start), Some(end)) = (times.first(), times.last()) {
                    spans.push((start - first, *end));
                }
            }
            for (start, end) in &spans {
                let at_once = spans.iter().filter(|(s, e)| s <= start && start < e).count();
                prop_assert!(start == end || at_once <= slots as usize);
            }
        }
    }
}
