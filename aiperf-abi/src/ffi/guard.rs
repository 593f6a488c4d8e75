//! No panic crosses the boundary: every thunk runs its body here, and a panic becomes an error that says what and where.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use super::values::{FfiError, FfiResult};
use crate::author::context::{Host, Level};
use crate::author::error::{Error, ErrorKind, Result};

thread_local! {
    /// Where the panic being unwound on this thread started, as the hook saw it.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the body of a thunk that can answer with an error.
pub(crate) fn guard<T>(body: impl FnOnce() -> Result<T>) -> FfiResult<T> {
    caught(body).and_then(|result| result).map_err(FfiError::from).into()
}

/// Runs the body of a thunk that has no way to tell of a failure; a panic answers with `otherwise`.
pub(crate) fn silent<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    caught(body).unwrap_or(otherwise)
}

/// Runs something that may panic.
///
/// # Errors
/// Of kind [`ErrorKind::Panic`] if it does.
pub(crate) fn caught<T>(body: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let mut message = words(&*payload).to_owned();
        if let Some(place) = PLACE.try_with(RefCell::take).ok().flatten() {
            message = format!("{message} (at {place})");
        }
        // A payload's own destructor may panic too.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(second);
        }
        Error::new(ErrorKind::Panic, format!("panicked: {message}"))
    })
}

fn words(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is not text")
}

/// Sends the panics of this library to the host's log instead of standard error, where they would tear the display.
/// A library has a standard library of its own, so the host's hook stays as it is.
pub(crate) fn report_panics_to(host: Box<dyn Host>) {
    std::panic::set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string);
        let at = place.as_deref().unwrap_or("an unknown place");
        host.log(Level::Error, &format!("panicked at {at}: {}", words(panic.payload())));
        // Fails only while the thread ends, when nobody asks for it any more.
        let _ = PLACE.try_with(|slot| slot.replace(place));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_its_words() {
        let error = caught(|| -> () { panic!("no {}", "way") }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panic);
        assert_eq!(error.to_string(), "panicked: no way");
        assert_eq!(
            caught(|| -> () { std::panic::panic_any(7) }).unwrap_err().to_string(),
            "panicked: a value that is not text"
        );
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_survived() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert_eq!(silent(3, || std::panic::panic_any(Bomb)), 3);
    }
}
