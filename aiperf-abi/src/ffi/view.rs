//! Views: a borrowed object of one side, read by the other through keyed getters. Nothing is copied, and a new field is
//! a new key: a side that does not know a key answers "absent".

use std::marker::PhantomData;

use abi_stable::StableAbi;
use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{ROption, RSlice, RStr};

/// Keys of the fields of all views. Numbers are never reused.
pub mod field {
    /// Key of one field.
    pub type Field = u32;

    /// The three keys of a turn's contents of one modality.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Modality {
        /// How many (turn).
        pub count: Field,
        /// Name (turn, item).
        pub name: Field,
        /// Content (turn, item).
        pub content: Field,
    }

    // Request, text.
    /// The model to ask.
    pub const MODEL: Field = 1;
    /// System message.
    pub const SYSTEM_MESSAGE: Field = 2;
    /// User context message.
    pub const USER_CONTEXT_MESSAGE: Field = 3;
    /// Conversation id.
    pub const CONVERSATION_ID: Field = 4;
    /// Request id.
    pub const X_REQUEST_ID: Field = 5;
    /// Correlation id.
    pub const X_CORRELATION_ID: Field = 6;
    /// JSON object of extra body fields.
    pub const EXTRA: Field = 7;
    /// Role (turn).
    pub const TURN_ROLE: Field = 8;
    /// Model (turn).
    pub const TURN_MODEL: Field = 9;

    // Request, numbers.
    /// How many turns.
    pub const TURN_COUNT: Field = 100;
    /// Index of the turn being sent.
    pub const TURN_INDEX: Field = 101;
    /// 1 if the conversation ends here.
    pub const IS_FINAL_TURN: Field = 102;
    /// 1 if a stream is wanted.
    pub const STREAMING: Field = 103;
    /// Token limit (turn).
    pub const TURN_MAX_TOKENS: Field = 104;

    // Request, contents.
    /// Texts of a turn.
    pub const TEXTS: Modality = Modality { count: 200, name: 201, content: 202 };
    /// Images of a turn.
    pub const IMAGES: Modality = Modality { count: 210, name: 211, content: 212 };
    /// Audio clips of a turn.
    pub const AUDIOS: Modality = Modality { count: 220, name: 221, content: 222 };
    /// Videos of a turn.
    pub const VIDEOS: Modality = Modality { count: 230, name: 231, content: 232 };

    // Response.
    /// Number: arrival, nanoseconds.
    pub const PERF_NS: Field = 300;
    /// Number: 1 for an event of a stream.
    pub const IS_EVENT: Field = 301;
    /// Text: event name.
    pub const EVENT: Field = 302;
    /// Text: content type.
    pub const CONTENT_TYPE: Field = 303;
    /// Bytes: body or event data.
    pub const DATA: Field = 304;

    // Request of a transport.
    /// Text: method.
    pub const METHOD: Field = 400;
    /// Text: URL.
    pub const URL: Field = 401;
    /// Number: how many headers.
    pub const HEADER_COUNT: Field = 402;
    /// Text: name (header).
    pub const HEADER_NAME: Field = 403;
    /// Text: value (header).
    pub const HEADER_VALUE: Field = 404;
    /// Bytes: body.
    pub const BODY: Field = 405;
    /// Number: time limit, nanoseconds from the call.
    pub const TIMEOUT_NS: Field = 406;
}

/// What the owner of a viewed object implements. Unknown keys and indices out of range are `None`, never a panic.
pub trait ViewSource: Sync {
    /// A text field.
    fn text(&self, field: u32, a: u32, b: u32) -> Option<&str>;
    /// A number field.
    fn number(&self, field: u32, a: u32, b: u32) -> Option<u64>;
    /// A field of bytes.
    fn bytes(&self, field: u32, a: u32, b: u32) -> Option<&[u8]>;
}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ViewVTableRef, prefix_fields = ViewVTablePrefix)))]
pub struct ViewVTable {
    pub text: unsafe extern "C" fn(*const (), u32, u32, u32) -> ROption<RStr<'static>>,
    pub number: unsafe extern "C" fn(*const (), u32, u32, u32) -> ROption<u64>,
    #[sabi(last_prefix_field)]
    pub bytes: unsafe extern "C" fn(*const (), u32, u32, u32) -> ROption<RSlice<'static, u8>>,
}

/// A borrowed [`ViewSource`] of whichever side, valid for `'a`.
#[repr(C)]
#[derive(StableAbi)]
pub struct View<'a> {
    object: *const (),
    vtable: ViewVTableRef,
    lifetime: PhantomData<&'a ()>,
}

impl Clone for View<'_> {
    fn clone(&self) -> Self {
        *self
    }
}

impl Copy for View<'_> {}

// SAFETY: a view is a shared borrow of a `ViewSource`, which is `Sync`.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    /// A view of `source`.
    pub fn of<S: ViewSource>(source: &'a S) -> Self {
        Self { object: std::ptr::from_ref(source).cast(), vtable: Table::<S>::REF, lifetime: PhantomData }
    }

    /// A text field; absent where the owner does not know the key.
    pub fn text(self, field: u32, a: u32, b: u32) -> Option<&'a str> {
        // SAFETY: `object` is what `vtable` was made for and lives for `'a`; the answer borrows from it.
        unsafe { (self.vtable.text())(self.object, field, a, b) }.into_option().map(|text| text.as_str())
    }

    /// A number field; absent where the owner does not know the key.
    pub fn number(self, field: u32, a: u32, b: u32) -> Option<u64> {
        // SAFETY: as in `text`.
        unsafe { (self.vtable.number())(self.object, field, a, b) }.into_option()
    }

    /// A field of bytes; absent where the owner does not know the key.
    pub fn bytes(self, field: u32, a: u32, b: u32) -> Option<&'a [u8]> {
        // SAFETY: as in `text`.
        unsafe { (self.vtable.bytes())(self.object, field, a, b) }.into_option().map(|bytes| bytes.as_slice())
    }

    /// A number field read as yes or no.
    pub fn flag(self, field: u32) -> bool {
        self.number(field, 0, 0).unwrap_or(0) != 0
    }
}

struct Table<S>(PhantomData<S>);

impl<S: ViewSource> Table<S> {
    abi_stable::staticref! {
        const VALUE: WithMetadata<ViewVTable> = WithMetadata::new(ViewVTable {
            text: text::<S>,
            number: number::<S>,
            bytes: bytes::<S>,
        })
    }
    const REF: ViewVTableRef = ViewVTableRef(Self::VALUE.as_prefix());
}

// The three thunks behind every view.
//
// SAFETY (all): `View::of` pairs them with a live `S`, and `View` shortens the answer's lifetime back to that borrow.

unsafe extern "C" fn text<S: ViewSource>(object: *const (), field: u32, a: u32, b: u32) -> ROption<RStr<'static>> {
    // SAFETY: see above.
    guard(|| unsafe { (*object.cast::<S>()).text(field, a, b).map(|t| RStr::from_raw_parts(t.as_ptr(), t.len())) })
}

unsafe extern "C" fn number<S: ViewSource>(object: *const (), field: u32, a: u32, b: u32) -> ROption<u64> {
    // SAFETY: see above.
    guard(|| unsafe { (*object.cast::<S>()).number(field, a, b) })
}

unsafe extern "C" fn bytes<S: ViewSource>(
    object: *const (),
    field: u32,
    a: u32,
    b: u32,
) -> ROption<RSlice<'static, u8>> {
    // SAFETY: see above.
    guard(|| unsafe { (*object.cast::<S>()).bytes(field, a, b).map(|t| RSlice::from_raw_parts(t.as_ptr(), t.len())) })
}

/// A getter that panics answers "absent": it runs on the other side's thread.
fn guard<T>(read: impl FnOnce() -> Option<T>) -> ROption<T> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)) {
        Ok(value) => value.into(),
        Err(payload) => {
            std::mem::forget(payload);
            ROption::RNone
        }
    }
}
