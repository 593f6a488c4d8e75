//! The host's services as they cross: the table the host fills, and the handle a plugin holds.

use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::RStr;

use super::guard::silent;
use super::object::release;
use crate::author::context::{Host, Level};

object! {
    /// A handle to the host's services. Every handle is owned: it may outlive the call that gave it.
    FfiHost, HostTable, HostTableRef, HostTablePrefix {
        share: unsafe extern "C" fn(*const ()) -> *mut (),
        log_enabled: unsafe extern "C" fn(*const (), u32) -> bool,
        log: unsafe extern "C" fn(*const (), u32, RStr<'_>),
        now_ns: unsafe extern "C" fn(*const ()) -> u64,
        #[sabi(last_prefix_field)]
        derive_seed: unsafe extern "C" fn(*const (), RStr<'_>) -> u64,
    }
}

/// What an object of this kind points to.
type Shared = Box<dyn Host>;

struct Table;

impl Table {
    abi_stable::staticref! {
        const VALUE: WithMetadata<HostTable> = WithMetadata::new(HostTable {
            release: release::<Shared>,
            share,
            log_enabled,
            log,
            now_ns,
            derive_seed,
        })
    }
}

impl FfiHost {
    pub(crate) fn of(host: Box<dyn Host>) -> Self {
        Self { object: Box::into_raw(Box::new(host)).cast(), table: HostTableRef(Table::VALUE.as_prefix()) }
    }
}

impl Host for FfiHost {
    fn log_enabled(&self, level: Level) -> bool {
        // SAFETY: here and below, `table` was made for `object`, which lives as long as `self`.
        unsafe { (self.table.log_enabled())(self.object, level as u32) }
    }

    fn log(&self, level: Level, message: &str) {
        // SAFETY: as above; the message is borrowed for the call only.
        unsafe { (self.table.log())(self.object, level as u32, message.into()) }
    }

    fn now_ns(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (self.table.now_ns())(self.object) }
    }

    fn derive_seed(&self, purpose: &str) -> u64 {
        // SAFETY: as above.
        unsafe { (self.table.derive_seed())(self.object, purpose.into()) }
    }

    fn share(&self) -> Box<dyn Host> {
        // SAFETY: as above; `share` answers with a new object for the same table.
        Box::new(Self { object: unsafe { (self.table.share())(self.object) }, table: self.table })
    }
}

/// The level of a number; a plugin's unknown one is taken for the least important.
fn level(number: u32) -> Level {
    match number {
        1 => Level::Error,
        2 => Level::Warn,
        3 => Level::Info,
        4 => Level::Debug,
        _ => Level::Trace,
    }
}

// The thunks of the host's side.
//
// SAFETY (all): the table is only ever paired with a live `Shared`, and texts are borrowed for the call.

unsafe extern "C" fn share(object: *const ()) -> *mut () {
    // SAFETY: see above.
    let host = unsafe { &*object.cast::<Shared>() };
    // A handle has to be given; if making one fails, it is one that does nothing.
    let shared = silent(None, || Some(host.share())).unwrap_or_else(|| Box::new(Mute));
    Box::into_raw(Box::new(shared)).cast()
}

unsafe extern "C" fn log_enabled(object: *const (), number: u32) -> bool {
    // SAFETY: see above.
    silent(false, || unsafe { &*object.cast::<Shared>() }.log_enabled(level(number)))
}

unsafe extern "C" fn log(object: *const (), number: u32, message: RStr<'_>) {
    // SAFETY: see above.
    silent((), || unsafe { &*object.cast::<Shared>() }.log(level(number), message.as_str()));
}

unsafe extern "C" fn now_ns(object: *const ()) -> u64 {
    // SAFETY: see above.
    silent(0, || unsafe { &*object.cast::<Shared>() }.now_ns())
}

unsafe extern "C" fn derive_seed(object: *const (), purpose: RStr<'_>) -> u64 {
    // SAFETY: see above.
    silent(0, || unsafe { &*object.cast::<Shared>() }.derive_seed(purpose.as_str()))
}

/// Stands in for a host whose `share` panicked.
struct Mute;

impl Host for Mute {
    fn log_enabled(&self, _: Level) -> bool {
        false
    }

    fn log(&self, _: Level, _: &str) {}

    fn now_ns(&self) -> u64 {
        0
    }

    fn derive_seed(&self, _: &str) -> u64 {
        0
    }

    fn share(&self) -> Box<dyn Host> {
        Box::new(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MockHost;

    #[test]
    fn a_handle_and_its_shares_reach_the_same_host() {
        let mock = MockHost::default();
        let first = FfiHost::of(mock.share());
        let second = first.share();
        drop(first);
        second.log(Level::Warn, "still here");
        assert_eq!(mock.logs(), [(Level::Warn, "still here".to_owned())]);
        assert_eq!(second.derive_seed("x"), mock.derive_seed("x"));
        assert_eq!(second.now_ns(), mock.now_ns());
        assert!(second.log_enabled(Level::Trace));
    }
}
