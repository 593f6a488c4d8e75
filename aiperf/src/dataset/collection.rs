//! Gathers what loaders and composers hand over, in a store; and gives it back by index, finished.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::{ConversationSink, DatasetBackingStore, Error, RowFault};

use super::finish::{Finisher, Finishing};
use super::recent::Recent;
use super::spread::Draw;
use super::{Dataset, DatasetError, file};
use crate::random::RootSeed;
use crate::tokenizer::Tokenizer;

/// Conversations handed to a store at once.
const BATCH: usize = 256;

/// Conversations that are kept after they were asked for: who plans a session and who sends it ask for the same one shortly
/// after each other.
const RECENT: u64 = 64;

/// When conversations are finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before they are stored, on all cores: nothing is left to do when they are sent.
    Stored,
    /// Each time they are read: long prompts of many rows need not be kept.
    Read,
}

/// Takes conversations in.
pub struct Collector {
    store: Box<dyn DatasetBackingStore>,
    finisher: Finisher,
    options: Finishing,
    when: When,
    batch: Vec<Conversation>,
    /// Recorded time of each part; NaN where it has none.
    times: Vec<f64>,
    /// Conversation of each part.
    conversations: Vec<u32>,
    sessions: HashMap<Box<str>, u32>,
    count: u32,
    empty: u64,
    left_out: u64,
    /// Why no more are taken.
    refused: Option<DatasetError>,
}

impl Collector {
    /// Takes conversations into `store`.
    ///
    /// # Errors
    /// When an option makes no sense.
    pub fn new(
        store: Box<dyn DatasetBackingStore>,
        when: When,
        options: Finishing,
        tokenizer: Arc<Tokenizer>,
        seed: RootSeed,
    ) -> Result<Self, DatasetError> {
        let speedup = options.trace.speedup;
        if !(speedup > 0.0 && speedup.is_finite()) {
            let (what, expected) = ("the speed-up", "a number above 0");
            return Err(DatasetError::OutOfRange { what, value: speedup.to_string(), expected });
        }
        options.output_tokens.map_or(Ok(()), |output| output.check("the output length"))?;
        Ok(Self {
            store,
            finisher: Finisher::new(options.clone(), tokenizer, seed),
            options,
            when,
            batch: Vec::new(),
            times: Vec::new(),
            conversations: Vec::new(),
            sessions: HashMap::new(),
            count: 0,
            empty: 0,
            left_out: 0,
            refused: None,
        })
    }

    /// What was handed over, as a dataset. `loaded` is how that ended, and `from` whence it came, in words.
    ///
    /// # Errors
    /// When it did not end well, or nothing was handed over.
    pub fn finish(mut self, loaded: aiperf_abi::Result<()>, from: &str) -> Result<Collected, DatasetError> {
        let stored = loaded.and_then(|()| self.store_batch()).and_then(|()| self.store.finish());
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        stored.map_err(|error| DatasetError::Load(error.to_string()))?;
        let notices = self.notices(from);
        if self.count == 0 {
            let reason = notices.first().cloned().unwrap_or_else(|| "it has no rows".to_owned());
            return Err(DatasetError::Nothing { from: from.to_owned(), reason });
        }
        let trace = self.options.trace;
        let zero_ms = match trace.start_ms {
            Some(start) => start,
            None if trace.from_zero => self.times.iter().copied().fold(f64::NAN, f64::min),
            None => 0.0,
        };
        let zero_ms = if zero_ms.is_nan() { 0.0 } else { zero_ms };
        let parts = Parts::of(&self.conversations, self.count);
        let times = first_times(&self.times, &self.conversations, self.count);
        let (store, finisher, when) = (self.store, self.finisher, self.when);
        Ok(Collected {
            store,
            finisher,
            when,
            len: self.count.into(),
            parts,
            times,
            zero_ms,
            speedup: trace.speedup,
            recent: Recent::new(RECENT),
            notices,
        })
    }

    fn add(&mut self, conversation: Conversation, session: Option<&str>) -> aiperf_abi::Result<()> {
        let Some(first) = conversation.turns.first() else {
            self.empty += 1;
            return Ok(());
        };
        let time = first.timestamp.unwrap_or(f64::NAN);
        if !self.keeps(&conversation, time) {
            self.left_out += 1;
            return Ok(());
        }
        let next = self.count;
        let number = match session {
            Some(session) => *self.sessions.entry(session.into()).or_insert(next),
            None => next,
        };
        self.count += u32::from(number == next);
        self.times.push(time);
        self.conversations.push(number);
        self.batch.push(conversation);
        match self.batch.len() {
            BATCH => self.store_batch(),
            _ => Ok(()),
        }
    }

    /// Whether it is to be sent, by its length and its time.
    fn keeps(&self, conversation: &Conversation, time: f64) -> bool {
        let trace = &self.options.trace;
        let too_long = |turn| file::recorded_tokens(turn).zip(trace.max_input).is_some_and(|(has, most)| has > most);
        // One without a time (NaN) is neither before nor after.
        let early = trace.start_ms.is_some_and(|start| time < start);
        let late = trace.end_ms.is_some_and(|end| time > end);
        !early && !late && !conversation.turns.iter().any(too_long)
    }

    fn store_batch(&mut self) -> aiperf_abi::Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        if self.when == When::Stored {
            let first = (self.conversations.len() - batch.len()) as u64;
            batch = self.finished(first, batch).map_err(|error| self.refuse(error))?;
        }
        self.store.add(batch)
    }

    /// The batch, finished on all cores.
    fn finished(&self, first: u64, batch: Vec<Conversation>) -> Result<Vec<Conversation>, DatasetError> {
        // A few are finished faster than a thread is started.
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(batch.len() / 32 + 1);
        let share = batch.len().div_ceil(threads).max(1);
        let mut shares: Vec<Vec<Conversation>> = Vec::new();
        for (place, conversation) in batch.into_iter().enumerate() {
            if place % share == 0 {
                shares.push(Vec::with_capacity(share));
            }
            shares.last_mut().expect("one was begun").push(conversation);
        }
        let finish = |(number, share_of): (usize, Vec<Conversation>)| {
            let first = first + (number * share) as u64;
            let each = (first..).zip(share_of).map(|(index, one)| self.finisher.finish(index, one, 0.0));
            each.collect::<Result<Vec<_>, _>>()
        };
        thread::scope(|scope| {
            let finish = &finish;
            let mut shares = shares.into_iter().enumerate();
            let mine = shares.next();
            let others: Vec<_> = shares.map(|share| scope.spawn(move || finish(share))).collect();
            let mut all = mine.map_or(Ok(Vec::new()), finish)?;
            for other in others {
                match other.join() {
                    Ok(finished) => all.append(&mut finished?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(all)
        })
    }

    fn refuse(&mut self, error: DatasetError) -> Error {
        let words = error.to_string();
        self.refused.get_or_insert(error);
        Error::invalid_input(words)
    }

    fn notices(&self, from: &str) -> Vec<String> {
        let all = self.conversations.len() as u64 + self.empty + self.left_out;
        let mut notices = Vec::new();
        if self.empty > 0 {
            notices.push(format!("{} of {all} rows of {from} hold no request and were passed over", self.empty));
        }
        if self.left_out > 0 {
            notices.push(format!(
                "{} of {all} rows of {from} were left out: before the start offset, after the end offset or above the input limit",
                self.left_out
            ));
        }
        notices
    }
}

impl ConversationSink for Collector {
    fn push(&mut self, conversation: Conversation) -> aiperf_abi::Result<()> {
        self.add(conversation, None)
    }

    fn extend(&mut self, conversation: Conversation) -> aiperf_abi::Result<()> {
        let session = conversation.session_id.clone();
        self.add(conversation, Some(&session))
    }

    fn fault(&mut self, fault: RowFault) -> aiperf_abi::Result<()> {
        Err(self.refuse(DatasetError::Row(Box::new(fault))))
    }
}

/// Which parts are which conversation.
enum Parts {
    /// Each is one.
    Single,
    /// Conversation `i` is the parts `numbers[starts[i]..starts[i + 1]]`.
    Grouped { numbers: Vec<u32>, starts: Vec<u32> },
}

impl Parts {
    fn of(conversations: &[u32], count: u32) -> Self {
        if conversations.len() == count as usize {
            return Self::Single;
        }
        let mut starts = vec![0u32; count as usize + 1];
        for conversation in conversations {
            starts[*conversation as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut numbers = vec![0; conversations.len()];
        for (number, conversation) in conversations.iter().enumerate() {
            let place = &mut next[*conversation as usize];
            numbers[*place as usize] = number as u32;
            *place += 1;
        }
        Self::Grouped { numbers, starts }
    }
}

/// When each conversation begins, where any of them says.
fn first_times(times: &[f64], conversations: &[u32], count: u32) -> Vec<f64> {
    if times.iter().all(|time| time.is_nan()) {
        return Vec::new();
    }
    let mut first = vec![f64::NAN; count as usize];
    for (time, conversation) in times.iter().zip(conversations).rev() {
        first[*conversation as usize] = *time;
    }
    first
}

/// Conversations in a store.
pub struct Collected {
    store: Box<dyn DatasetBackingStore>,
    finisher: Finisher,
    when: When,
    len: u64,
    parts: Parts,
    /// Recorded time of each conversation; empty where there are none.
    times: Vec<f64>,
    /// What is subtracted from a recorded time.
    zero_ms: f64,
    speedup: f64,
    /// The last conversations that were asked for, each in the slot of its index.
    recent: Recent,
    notices: Vec<String>,
}

impl Collected {
    /// What the user should know about what was left out.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    fn part(&self, number: u64) -> Result<Arc<Conversation>, DatasetError> {
        self.store.get(number).map_err(|error| DatasetError::Load(error.to_string()))
    }

    fn assembled(&self, index: u64) -> Result<Arc<Conversation>, DatasetError> {
        let whole = match &self.parts {
            Parts::Single => self.part(index)?,
            Parts::Grouped { numbers, starts } => {
                let at = index as usize;
                let mut parts = numbers[starts[at] as usize..starts[at + 1] as usize].iter();
                let mut whole = self.part(parts.next().copied().unwrap_or_default().into())?;
                for number in parts {
                    let mut more = Arc::unwrap_or_clone(self.part((*number).into())?);
                    Arc::make_mut(&mut whole).turns.append(&mut more.turns);
                }
                whole
            }
        };
        match self.when {
            When::Stored => Ok(whole),
            When::Read => Ok(Arc::new(self.finisher.finish(index, Arc::unwrap_or_clone(whole), self.zero_ms)?)),
        }
    }
}

impl Dataset for Collected {
    fn len(&self) -> u64 {
        self.len
    }

    fn conversation(&self, index: u64) -> Result<Arc<Conversation>, DatasetError> {
        let index = index % self.len;
        if self.is_at_hand() {
            return self.assembled(index);
        }
        self.recent.of(index, || self.assembled(index).map(Arc::unwrap_or_clone))
    }

    fn is_at_hand(&self) -> bool {
        self.when == When::Stored && self.store.is_at_hand()
    }

    fn start_ms(&self, index: u64) -> Option<f64> {
        let time = self.times.get((index % self.len) as usize).copied().filter(|time| !time.is_nan())?;
        Some((time - self.zero_ms) / self.speedup)
    }
}
