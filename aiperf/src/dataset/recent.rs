//! Conversations that were asked for lately, so that who plans a session and who sends it do not make it twice. Each has
//! the slot of its index, which the next one of that slot takes over.

use std::sync::{Arc, Mutex, PoisonError};

use aiperf_abi::data::conversation::Conversation;

use super::DatasetError;

/// A conversation and its index.
type Kept = (u64, Arc<Conversation>);

/// Slots of conversations.
#[derive(Debug)]
pub(super) struct Recent {
    slots: Vec<Mutex<Option<Kept>>>,
}

impl Recent {
    /// Keeps so many, at least 1.
    pub(super) fn new(count: u64) -> Self {
        Self { slots: (0..count.max(1)).map(|_| Mutex::default()).collect() }
    }

    /// The conversation of an index, made where it is not kept. Two threads may make the same one; nobody waits for that.
    pub(super) fn of(
        &self,
        index: u64,
        make: impl FnOnce() -> Result<Conversation, DatasetError>,
    ) -> Result<Arc<Conversation>, DatasetError> {
        let slot = &self.slots[(index % self.slots.len() as u64) as usize];
        if let Some((known, conversation)) = &*slot.lock().unwrap_or_else(PoisonError::into_inner)
            && *known == index
        {
            return Ok(Arc::clone(conversation));
        }
        let conversation = Arc::new(make()?);
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((index, Arc::clone(&conversation)));
        Ok(conversation)
    }
}
