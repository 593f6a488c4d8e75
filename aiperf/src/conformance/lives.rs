//! What every class goes through, whatever its category: wrong settings, lives on many threads, lives one after the other
//! and what they leave in memory, and deaths in every order. Knows no category.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aiperf_abi::{Error, ErrorKind, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use super::{Checked, Fault, Make, Tried, from_threads, wrong};
use crate::clock::Clock;
use crate::plugin::library::LibraryError;

/// Settings that are wrong in every way: each is refused, or taken by a class that has no such setting; none is a panic.
pub(super) fn wrong_settings<C: Tried + ?Sized>(make: &Make<'_, C>) -> Checked {
    const MISSPELT: &str = "no_such_setting";
    let right = make.config(C::told());
    let with = |key: &str, value: Value| {
        let mut wrong = right.as_object().cloned().unwrap_or_default();
        wrong.insert(key.to_owned(), value);
        Value::Object(wrong)
    };
    let keys = right.as_object().into_iter().flatten();
    let other_type = |value: &Value| if value.is_object() { json!(7) } else { json!({"another": "type"}) };
    let mut all: Vec<_> =
        keys.map(|(key, value)| (format!("`{key}` of another type"), with(key, other_type(value)))).collect();
    all.push(("a list in the place of settings".to_owned(), json!([7])));
    all.push(("a text in the place of settings".to_owned(), json!("words")));
    all.push((MISSPELT.to_owned(), with(MISSPELT, json!(1))));
    let mut refused = Vec::new();
    for (what, config) in &all {
        match make.plain(config.clone()) {
            Ok(value) => drop(value),
            Err(LibraryError::New(error)) if error.kind() == ErrorKind::Panic => {
                return wrong(format!(
                    "{what}: {error}; read settings with `cx.config()?`, which answers with an error"
                ));
            }
            Err(_) => refused.push(what.as_str()),
        }
    }
    // Where the host has words of its own, a class cannot refuse what it does not know.
    let told = C::told().as_object().is_some_and(|told| !told.is_empty());
    let more = match refused.contains(&MISSPELT) || refused.is_empty() || told {
        true => "",
        false => "; a misspelt one is taken without a word, which `#[serde(deny_unknown_fields)]` would not",
    };
    Ok(format!("{} kinds, {} refused{more}", all.len(), refused.len()))
}

/// A value for each of many threads: what each answers is what it answers alone, and again.
pub(super) fn each_its_own<C: Tried + ?Sized>(make: &Make<'_, C>) -> Checked {
    let alone = C::life(make)?.answers;
    if C::life(make)?.answers != alone {
        return wrong(
            "two values that were made with the same settings answer differently: every random choice has to come from \
             the seed it is told",
        );
    }
    from_threads(|_| match C::life(make)?.answers == alone {
        true => Ok(()),
        false => {
            wrong("it answers differently while other values of it are at work: they share state they must not share")
        }
    })?;
    Ok(format!("{} threads with a value each: the same as alone", super::THREADS))
}

/// How long lives follow each other before memory is looked at.
const STRETCH_NS: u64 = 200_000_000;

/// Stretches in which memory may grow before it is a leak.
const STRETCHES: usize = 3;

/// What a stretch may leave, KiB: as a whole, and for each life.
const LEFT_KIB: (u64, u64) = (512, 8);

/// Lives one after the other: what crosses is freed on the side it came from, and nothing of a life stays.
pub(super) fn memory<C: Tried + ?Sized>(make: &Make<'_, C>) -> Checked {
    let clock = Clock::start();
    let stretch = || -> Result<u64, Fault> {
        let (until_ns, mut lives) = (clock.now_ns() + STRETCH_NS, 0);
        while lives < 2 || clock.now_ns() < until_ns {
            C::life(make)?;
            lives += 1;
        }
        Ok(lives)
    };
    let Some(mut before) = resident_kib() else {
        return Err(Fault::Untried("the system does not tell how much memory a process has".to_owned()));
    };
    let mut all = stretch()?;
    let mut grown = 0;
    for _ in 0..STRETCHES {
        // The first stretch made what is made once; from here on there is nothing to keep.
        before = resident_kib().unwrap_or(before);
        let lives = stretch()?;
        all += lives;
        grown = resident_kib().unwrap_or_default().saturating_sub(before) / lives;
        if grown * lives <= LEFT_KIB.0.max(LEFT_KIB.1 * lives) {
            return Ok(format!("{all} lives, and nothing of them is left"));
        }
    }
    wrong(format!(
        "each life leaves about {grown} KiB behind: it keeps what it should drop, in a static or by `mem::forget`"
    ))
}

/// What this process has in memory; none in unit tests, which share one.
fn resident_kib() -> Option<u64> {
    if cfg!(test) {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

/// How long a value that is gone may hold on to the host.
const PATIENCE: Duration = Duration::from_secs(2);

/// Values that die in another order than they were made in, and on another thread. Each takes with it all it held of the
/// host.
pub(super) fn drop_order<C: Tried + ?Sized>(make: &Make<'_, C>) -> Checked {
    let mut values = Vec::new();
    for _ in 0..4 {
        values.push(make.value()?);
    }
    let (first, last) = (values.remove(0), values.pop());
    let mut panics = panics_of(|| drop((first, last)));
    let elsewhere = std::thread::scope(|scope| scope.spawn(|| panics_of(move || drop(values))).join());
    panics.extend(elsewhere.map_err(|_| "a value panicked when it was dropped on another thread".to_owned())?);
    if let Some(words) = panics.first() {
        return wrong(format!("dropping a value {words}; a destructor must not fail"));
    }
    drop(make.value()?);
    let waited = Clock::start();
    while make.host.handles() > 0 {
        if waited.now_ns() > PATIENCE.as_nanos() as u64 {
            return wrong(format!(
                "{} s after the last value was dropped, the host's services are still held: a thread or a value was \
                 left behind, which `Drop` has to end",
                PATIENCE.as_secs()
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok("first, last, and on another thread; nothing of them is left".to_owned())
}

/// What a library said of its panics while something was done on this thread: one in a destructor has no other way out.
fn panics_of(deed: impl FnOnce()) -> Vec<String> {
    let said = Arc::default();
    tracing::subscriber::with_default(Ear(Arc::clone(&said)), deed);
    let said: Vec<String> = std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));
    said.into_iter().filter(|words| words.starts_with("panicked")).collect()
}

/// Hears the errors that are logged.
struct Ear(Arc<Mutex<Vec<String>>>);

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Words<'a>(&'a Ear);
        impl Visit for Words<'_> {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{value:?}"));
                }
            }
        }
        event.record(&mut Words(self));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What a call gave, as it should; else its error, with what to do.
pub(super) fn expected<T>(result: Result<T, Error>, to_do: &str) -> Result<T, Fault> {
    result.map_err(|error| Fault::Wrong(format!("{error}; {to_do}")))
}
