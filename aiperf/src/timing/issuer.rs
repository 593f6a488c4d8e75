//! The issuer of credits for one phase: a strategy's wishes, held to the limits and the stop rules. Every credit that goes
//! out is counted back in exactly once. It owns no clock and no thread: it is told the time and answers with credits and
//! with the moment at which it wants to be asked again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use aiperf_abi::{Actions, ArrivalPattern, Error, Result, Returned, TimingEvent, TimingHost, TimingStrategy, Upcoming};

use super::pace::Pace;
use super::series::Walk;
use crate::credit::{Credit, Phase};

/// How long before its moment a credit goes out at most, where nothing can hold it back by then: its request is made in that
/// time, and waits for the moment. Enough for a burst of long prompts; not so much that many wait.
pub const LEAD_NS: u64 = 20_000_000;

/// When a phase stops. The first rule that holds wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StopRule {
    /// After this many credits.
    pub requests: Option<u64>,
    /// After this many sessions; those that were started are finished.
    pub sessions: Option<u64>,
    /// After this many nanoseconds from the start of the phase.
    pub duration_ns: Option<u64>,
}

/// What one phase did, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IssueCounts {
    /// Cancelling issued.
    pub issued: u64,
    /// Cancelling that came back.
    pub returned: u64,
    /// Sessions started.
    pub sessions: u64,
    /// Sends that were due but had to wait for a free slot, at most at one time.
    pub longest_queue: usize,
    /// Sends that were due but never went out, because the phase ended while they waited for a slot.
    pub never_sent: u64,
    /// By how much the schedule was moved back in all, because the client could not keep up with it.
    pub slipped_ns: u64,
}

/// Where sessions get their conversations from.
pub trait Feed: Send {
    /// The next conversation, by index.
    ///
    /// # Errors
    /// When there is none.
    fn draw(&mut self) -> Result<u64>;

    /// Conversations that were drawn, in this order, but not used: they are drawn again, before any other.
    fn give_back(&mut self, unused: &[u64]);

    /// What the next draw will give, where that is known.
    ///
    /// # Errors
    /// When there is none.
    fn upcoming(&mut self) -> Result<Option<Upcoming>>;
}

/// Which requests are given up on purpose.
pub trait Cancelling: Send {
    /// When to give up the request of credit number `id`, nanoseconds after it was sent; `None`: never.
    fn cancel_after_ns(&mut self, id: u64) -> Option<u64>;
}

/// A credit that has come back, as the issuer needs to know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Done {
    /// Its number.
    pub credit: u64,
    /// Its session.
    pub session: u64,
    /// Its conversation.
    pub conversation: u64,
    /// Its turn.
    pub turn_index: u32,
    /// What follows in its session; `None`: nothing, or its session cannot go on.
    pub next: Option<NextTurn>,
}

/// What the data says about the next turn of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NextTurn {
    /// Nanoseconds the user waits before it.
    pub delay_ns: u64,
    /// When it is due on the data's time line, milliseconds.
    pub timestamp_ms: Option<f64>,
}

/// Issues the credits of one phase.
pub struct Issuer {
    strategy: Box<dyn TimingStrategy>,
    book: Book,
}

/// A session to start. The earlier comes first; of the same moment the one that was asked for first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Start {
    at_ns: u64,
    asked: u64,
    from_turn: u32,
    conversation: u64,
}

/// Everything but the strategy: what it asked for, and what became of it.
struct Book {
    phase: Phase,
    feed: Box<dyn Feed>,
    cancelling: Option<Box<dyn Cancelling>>,
    arrival: Option<Box<dyn ArrivalPattern>>,
    /// Requests per second, while it changes.
    rate: Option<Pace>,
    /// Where the schedule stands in a series of rates, whose arrival pattern has one request per second.
    series: Option<Walk>,
    /// Sessions at one time.
    limit: Option<Pace>,
    slots: u64,
    /// Requests at one time whose reply has no content yet.
    prefill: Option<Pace>,
    prefill_slots: u64,
    /// Credits that hold a prefill slot.
    prefilling: HashSet<u64>,
    /// When limits or rate change next.
    pace_at_ns: Option<u64>,
    stop: StopRule,
    ends_ns: Option<u64>,
    wake_at_ns: Option<u64>,
    /// Sessions to start that are not due, with the conversation drawn when they were asked for.
    coming: BinaryHeap<Reverse<Start>>,
    /// Those that are due.
    starts: VecDeque<Start>,
    asked: u64,
    /// Every free slot starts a session.
    fills: bool,
    /// Turns to send: moment, session.
    turns: BinaryHeap<Reverse<(u64, u64)>>,
    /// Sessions whose next turn has not been sent: conversation and turn.
    between: HashMap<u64, (u64, u32)>,
    open_sessions: u64,
    ended: bool,
    /// Why the schedule could not go on.
    fault: Option<Error>,
    counts: IssueCounts,
}

/// What an issuer is made of beside its strategy.
pub struct Parts {
    /// The phase it issues for.
    pub phase: Phase,
    /// Where conversations come from.
    pub feed: Box<dyn Feed>,
    /// When requests are given up on purpose, if any are.
    pub cancelling: Option<Box<dyn Cancelling>>,
    /// Spacing of an open loop.
    pub arrival: Option<Box<dyn ArrivalPattern>>,
    /// Requests per second, where the arrival's own rate changes.
    pub rate: Option<Pace>,
    /// A series of rates to follow; the arrival's own rate is then 1.
    pub series: Option<Walk>,
    /// Sessions at one time, if that is limited.
    pub limit: Option<Pace>,
    /// Requests at one time whose reply has no content yet, if that is limited.
    pub prefill: Option<Pace>,
    /// When to stop.
    pub stop: StopRule,
}

impl Issuer {
    /// An issuer that has not started.
    pub fn new(strategy: Box<dyn TimingStrategy>, parts: Parts) -> Self {
        let Parts { phase, feed, cancelling, arrival, rate, series, limit, prefill, stop } = parts;
        let book = Book {
            phase,
            feed,
            cancelling,
            arrival,
            rate,
            series,
            limit,
            slots: 0,
            prefill,
            prefill_slots: 0,
            prefilling: HashSet::new(),
            pace_at_ns: None,
            stop,
            ends_ns: None,
            wake_at_ns: None,
            coming: BinaryHeap::new(),
            starts: VecDeque::new(),
            asked: 0,
            fills: false,
            turns: BinaryHeap::new(),
            between: HashMap::new(),
            open_sessions: 0,
            ended: false,
            fault: None,
            counts: IssueCounts::default(),
        };
        Self { strategy, book }
    }

    /// The phase begins: the first credits.
    pub fn start(&mut self, now_ns: u64, out: &mut Vec<Credit>) {
        let book = &mut self.book;
        book.ends_ns = book.stop.duration_ns.map(|duration| now_ns.saturating_add(duration));
        book.limit.iter_mut().chain(&mut book.prefill).chain(&mut book.rate).for_each(|pace| pace.start(now_ns));
        book.keep_pace(now_ns);
        self.tell(now_ns, TimingEvent::PhaseStart, out);
    }

    /// How long before their moment the first credits go out.
    pub fn start_lead_ns(&self) -> u64 {
        self.book.start_lead_ns()
    }

    /// The moment of [`Issuer::wake_at_ns`] has come, or may have.
    pub fn timer(&mut self, now_ns: u64, out: &mut Vec<Credit>) {
        if self.book.is_over(now_ns) {
            return self.end();
        }
        if self.book.pace_at_ns.is_some_and(|at| now_ns >= at) {
            self.book.keep_pace(now_ns);
        }
        if self.book.wake_at_ns.is_some_and(|at| now_ns >= at) {
            self.book.wake_at_ns = None;
            self.tell(now_ns, TimingEvent::Timer, out);
        } else {
            self.book.admit(now_ns, out);
        }
    }

    /// A credit has come back.
    pub fn credit_returned(&mut self, now_ns: u64, done: Done, out: &mut Vec<Credit>) {
        let book = &mut self.book;
        book.counts.returned += 1;
        book.prefilling.remove(&done.credit);
        if book.is_over(now_ns) {
            self.end();
        }
        let book = &mut self.book;
        let Done { session, turn_index, .. } = done;
        let returned = match done.next.filter(|_| !book.ended) {
            Some(next) => {
                book.between.insert(session, (done.conversation, turn_index + 1));
                Returned::with_next(session, turn_index, next.delay_ns).at_timestamp(next.timestamp_ms)
            }
            None => {
                book.open_sessions -= 1;
                Returned::last(session, turn_index)
            }
        };
        self.tell(now_ns, TimingEvent::CreditReturned(returned), out);
    }

    /// The reply to a credit that is out has its first content: its prefill slot is free. Told again, or after the credit
    /// has come back, it changes nothing.
    pub fn first_content(&mut self, now_ns: u64, credit: u64, out: &mut Vec<Credit>) {
        if !self.book.prefilling.remove(&credit) {
            return;
        }
        match self.book.is_over(now_ns) {
            true => self.end(),
            false => self.book.admit(now_ns, out),
        }
    }

    /// No more credits are issued from now on.
    pub fn end(&mut self) {
        self.book.end();
    }

    /// When to call [`Issuer::timer`] next, if ever.
    pub fn wake_at_ns(&self) -> Option<u64> {
        let book = &self.book;
        if book.ended {
            return None;
        }
        let may_start = book.may_send() && book.has_slot() && book.may_start();
        let waiting = book.starts.front().map(|start| start.at_ns);
        let coming = book.coming.peek().map(|Reverse(start)| start.at_ns.saturating_sub(book.start_lead_ns()));
        let start = waiting.or(coming).filter(|_| may_start);
        let turn = book.turns.peek().filter(|_| book.may_send());
        let turn = turn.map(|Reverse((at, _))| at.saturating_sub(book.turn_lead_ns()));
        [book.wake_at_ns, book.ends_ns, book.pace_at_ns, start, turn].into_iter().flatten().min()
    }

    /// Whether nothing will be issued any more.
    pub fn has_ended(&self) -> bool {
        self.book.ended
    }

    /// Whether nothing will be issued any more and every credit is back.
    pub fn is_drained(&self) -> bool {
        self.book.ended && self.in_flight() == 0
    }

    /// Cancelling that are out.
    pub fn in_flight(&self) -> u64 {
        self.book.counts.issued - self.book.counts.returned
    }

    /// Why the schedule could not go on, if it could not.
    pub fn fault(&self) -> Option<&Error> {
        self.book.fault.as_ref()
    }

    /// What was done so far.
    pub fn counts(&self) -> IssueCounts {
        self.book.counts
    }

    fn tell(&mut self, now_ns: u64, event: TimingEvent, out: &mut Vec<Credit>) {
        if self.book.ended {
            return;
        }
        let told = self.strategy.on_event(now_ns, event, &mut Actions::new(&mut self.book));
        self.book.keep(told);
        self.book.admit(now_ns, out);
    }
}

impl TimingHost for Book {
    fn start_session(&mut self, at_ns: u64, from_turn: u32) {
        let Some(conversation) = self.draw() else { return };
        self.coming.push(Reverse(Start { at_ns, asked: self.asked, from_turn, conversation }));
        self.asked += 1;
    }

    fn fill_slots(&mut self) {
        self.fills = true;
        if !self.is_bounded() {
            let words =
                "every free slot is to be filled, but nothing limits them: set a concurrency or a number of requests";
            self.keep::<()>(Err(Error::msg(words)));
        }
    }

    fn continue_session(&mut self, session: u64, at_ns: u64) {
        if self.between.contains_key(&session) {
            self.turns.push(Reverse((at_ns, session)));
        }
    }

    fn wake_at(&mut self, at_ns: u64) {
        self.wake_at_ns = Some(at_ns);
    }

    fn slipped(&mut self, by_ns: u64) {
        self.counts.slipped_ns += by_ns;
        if let Some(series) = &mut self.series {
            series.skip(by_ns as f64 / 1e9);
        }
    }

    fn next_interval_ns(&mut self) -> Option<f64> {
        let interval = self.arrival.as_mut()?.next_interval();
        let interval = self.keep(interval)?;
        let interval = match &mut self.series {
            Some(series) => series.next(interval)?,
            None => interval,
        };
        Some(interval * 1e9)
    }

    fn upcoming(&mut self) -> Option<Upcoming> {
        if self.stop.sessions.is_some_and(|most| self.asked >= most) {
            return None;
        }
        let upcoming = self.feed.upcoming();
        self.keep(upcoming).flatten()
    }
}

impl Book {
    /// Whether the time is up. What was due by then and did not go out never will.
    fn is_over(&mut self, now_ns: u64) -> bool {
        let over = self.ends_ns.filter(|end| now_ns >= *end);
        if let Some(end) = over {
            self.come_due(end);
        }
        over.is_some()
    }

    /// How long before their moment starts go out. Not before it where a slot may have to be waited for.
    fn start_lead_ns(&self) -> u64 {
        if self.limit.is_none() { self.turn_lead_ns() } else { 0 }
    }

    /// The same for turns, whose session has its slot.
    fn turn_lead_ns(&self) -> u64 {
        if self.prefill.is_none() { LEAD_NS } else { 0 }
    }

    /// What may go out at `now_ns` with that lead: all before this moment. Never what is due after the end.
    fn until_ns(&self, now_ns: u64, lead_ns: u64) -> u64 {
        let until = now_ns.saturating_add(lead_ns).saturating_add(1);
        self.ends_ns.map_or(until, |end| until.min(end))
    }

    /// Starts before that moment are due.
    fn come_due(&mut self, until_ns: u64) {
        while let Some(Reverse(start)) = self.coming.peek().copied().filter(|Reverse(start)| start.at_ns < until_ns) {
            self.coming.pop();
            self.starts.push_back(start);
        }
    }

    /// No start is asked for any more. What was drawn for them is left to the next phase: how much was asked for ahead
    /// depends on the moment, and what is sent must not.
    fn forget_starts(&mut self) {
        let mut unused: Vec<Start> = self.starts.drain(..).chain(self.coming.drain().map(|Reverse(s)| s)).collect();
        unused.sort_unstable_by_key(|start| start.asked);
        let conversations: Vec<u64> = unused.iter().map(|start| start.conversation).collect();
        self.feed.give_back(&conversations);
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.counts.never_sent = self.starts.len() as u64;
            self.forget_starts();
            self.turns.clear();
            self.between.clear();
        }
    }

    /// A result of a part of the schedule. Without that part there is no schedule: an error ends the phase.
    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault.get_or_insert(error);
                self.end();
                None
            }
        }
    }

    fn draw(&mut self) -> Option<u64> {
        let drawn = self.feed.draw();
        self.keep(drawn)
    }

    fn keep_pace(&mut self, now_ns: u64) {
        let pace = self.pace(now_ns);
        self.pace_at_ns = self.keep(pace).flatten();
    }

    fn pace(&mut self, now_ns: u64) -> Result<Option<u64>> {
        let mut next = None;
        for (limit, slots) in [(&mut self.limit, &mut self.slots), (&mut self.prefill, &mut self.prefill_slots)] {
            let Some(limit) = limit else { continue };
            let (value, again) = limit.at(now_ns)?;
            *slots = (value.round() as u64).max(1);
            next = [next, again].into_iter().flatten().min();
        }
        if let (Some(rate), Some(arrival)) = (&mut self.rate, &mut self.arrival) {
            let (value, again) = rate.at(now_ns)?;
            arrival.set_rate(value.max(f64::MIN_POSITIVE))?;
            next = [next, again].into_iter().flatten().min();
        }
        Ok(next)
    }

    fn has_slot(&self) -> bool {
        self.limit.is_none() || self.open_sessions < self.slots
    }

    /// Whether there is an end of free slots.
    fn is_bounded(&self) -> bool {
        self.limit.is_some() || self.stop.requests.is_some() || self.stop.sessions.is_some()
    }

    fn may_send(&self) -> bool {
        self.prefill.is_none() || (self.prefilling.len() as u64) < self.prefill_slots
    }

    fn may_start(&self) -> bool {
        self.stop.sessions.is_none_or(|most| self.counts.sessions < most)
    }

    /// Everything that is due and allowed: turns before new sessions.
    fn admit(&mut self, now_ns: u64, out: &mut Vec<Credit>) {
        self.come_due(self.until_ns(now_ns, self.start_lead_ns()));
        let turns_until_ns = self.until_ns(now_ns, self.turn_lead_ns());
        while !self.ended {
            if self.stop.requests.is_some_and(|most| self.counts.issued >= most) {
                // What is left was asked for beyond the count: nothing of it was held back.
                self.forget_starts();
                self.end();
                return;
            }
            if !self.may_send() {
                break;
            }
            let turn = self.turns.peek().copied().filter(|Reverse((at, _))| *at < turns_until_ns);
            if let Some(Reverse((at_ns, session))) = turn {
                self.turns.pop();
                let Some((conversation, turn_index)) = self.between.remove(&session) else { continue };
                self.issue(session, conversation, turn_index, at_ns, out);
            } else if self.may_start() && self.has_slot() {
                let Some(start) = self.next_start(now_ns) else { break };
                let session = self.counts.sessions;
                self.counts.sessions += 1;
                self.open_sessions += 1;
                self.issue(session, start.conversation, start.from_turn, start.at_ns, out);
            } else {
                break;
            }
        }
        if !self.may_start() && self.open_sessions == 0 {
            self.forget_starts();
            self.end();
        }
        let wanted = self.stop.requests.map_or(u64::MAX, |most| most - self.counts.issued);
        let queue = self.starts.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        self.counts.longest_queue = self.counts.longest_queue.max(queue);
    }

    fn next_start(&mut self, now_ns: u64) -> Option<Start> {
        match self.starts.pop_front() {
            Some(start) => Some(start),
            None if self.fills && self.is_bounded() => {
                Some(Start { at_ns: now_ns, asked: 0, from_turn: 0, conversation: self.draw()? })
            }
            None => None,
        }
    }

    fn issue(&mut self, session: u64, conversation: u64, turn_index: u32, intended_ns: u64, out: &mut Vec<Credit>) {
        let id = self.counts.issued;
        self.counts.issued += 1;
        let cancel_after_ns = self.cancelling.as_mut().and_then(|cancelling| cancelling.cancel_after_ns(id));
        let holds_prefill_slot = self.prefill.is_some() && self.prefilling.insert(id);
        let phase = self.phase;
        out.push(Credit {
            id,
            phase,
            session,
            conversation,
            turn_index,
            intended_ns,
            cancel_after_ns,
            holds_prefill_slot,
        });
    }
}

#[cfg(test)]
mod tests;
