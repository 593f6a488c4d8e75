//! The way back during a call: what the host answers while a method of the plugin runs. Borrowed for that call.

use std::marker::PhantomData;

use abi_stable::StableAbi;
use abi_stable::prefix_type::WithMetadata;
use abi_stable::std_types::{RSlice, RSliceMut, RStr, RVec};

use super::guard::{guard, silent};
use super::values::FfiResult;
use crate::author::error::{Error, ErrorKind, Result};

/// What the host does while it waits for a method. Unknown numbers and names are answered, never a panic.
pub trait Back {
    /// A question in numbers. Returns how many numbers of `answer` were filled in.
    fn ask(&mut self, question: u32, numbers: &[u64], answer: &mut [u64]) -> usize {
        let _ = (question, numbers, answer);
        0
    }

    /// A question in words.
    ///
    /// # Errors
    /// The host's; of kind [`ErrorKind::Unsupported`] where it does not know the question.
    fn tell(&mut self, question: &str, words: &[u8]) -> Result<Vec<u8>> {
        let _ = words;
        Err(Error::new(ErrorKind::Unsupported, format!("this host has no answer to `{question}`")))
    }
}

/// Nobody is asked.
pub(crate) struct Silence;

impl Back for Silence {}

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = BackTableRef, prefix_fields = BackTablePrefix)))]
pub struct BackTable {
    pub ask: unsafe extern "C" fn(*mut (), u32, RSlice<'_, u64>, RSliceMut<'_, u64>) -> usize,
    #[sabi(last_prefix_field)]
    pub tell: unsafe extern "C" fn(*mut (), RStr<'_>, RSlice<'_, u8>) -> FfiResult<RVec<u8>>,
}

/// A borrowed [`Back`] of the host. It stays on the thread it was given to.
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiBack<'a> {
    object: *mut (),
    table: BackTableRef,
    lifetime: PhantomData<&'a mut ()>,
}

/// What the object of an [`FfiBack`] points to.
type Borrowed<'a> = &'a mut dyn Back;

struct Table;

impl Table {
    abi_stable::staticref! {
        const VALUE: WithMetadata<BackTable> = WithMetadata::new(BackTable { ask, tell })
    }
}

impl<'a> FfiBack<'a> {
    /// A handle to what `back` points to, for as long as that is borrowed.
    pub(crate) fn of(back: &'a mut Borrowed<'_>) -> Self {
        let object = std::ptr::from_mut(back).cast();
        Self { object, table: BackTableRef(Table::VALUE.as_prefix()), lifetime: PhantomData }
    }
}

impl Back for FfiBack<'_> {
    fn ask(&mut self, question: u32, numbers: &[u64], answer: &mut [u64]) -> usize {
        let most = answer.len();
        // SAFETY: here and below, `table` was made for `object`, which is borrowed for the life of `self`.
        let filled = unsafe { (self.table.ask())(self.object, question, numbers.into(), answer.into()) };
        filled.min(most)
    }

    fn tell(&mut self, question: &str, words: &[u8]) -> Result<Vec<u8>> {
        // SAFETY: as above.
        let answer = unsafe { (self.table.tell())(self.object, question.into(), words.into()) };
        Ok(answer.into_result()?.into_vec())
    }
}

// The thunks of the host's side.
//
// SAFETY (all): the table is only ever paired with a live `Borrowed`, which nobody else uses during the call.

unsafe extern "C" fn ask(
    object: *mut (),
    question: u32,
    numbers: RSlice<'_, u64>,
    answer: RSliceMut<'_, u64>,
) -> usize {
    silent(0, || {
        // SAFETY: see above.
        let back = unsafe { &mut *object.cast::<Borrowed<'_>>() };
        back.ask(question, numbers.as_slice(), answer.into_mut_slice())
    })
}

unsafe extern "C" fn tell(object: *mut (), question: RStr<'_>, words: RSlice<'_, u8>) -> FfiResult<RVec<u8>> {
    guard(|| {
        // SAFETY: see above.
        let back = unsafe { &mut *object.cast::<Borrowed<'_>>() };
        Ok(back.tell(question.as_str(), words.as_slice())?.into())
    })
}
