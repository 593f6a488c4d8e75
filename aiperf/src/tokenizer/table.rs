//! A vocabulary as one run of bytes that is used where it lies: token to bytes by an offset, bytes to token by an open
//! hash. Nothing is read or built at the start, and only what is looked at comes into memory. `build.rs` writes it.
//!
//! Little-endian `u32`s: number of tokens, number of slots (a power of two), the end of every token's bytes, the slots
//! (token + 1, or 0); then the bytes of all tokens in order.

/// A vocabulary.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    ends: &'static [u8],
    slots: &'static [u8],
    bytes: &'static [u8],
}

const WORD: usize = 4;

impl Table {
    /// What `build.rs` wrote.
    pub(super) fn of(data: &'static [u8]) -> Self {
        let (tokens, slots) = (word(data, 0) as usize, word(data, 1) as usize);
        let (ends, rest) = data[2 * WORD..].split_at(tokens * WORD);
        let (slots, bytes) = rest.split_at(slots * WORD);
        Self { ends, slots, bytes }
    }

    /// The bytes of a token; `None` where there is no such token.
    pub(super) fn bytes(&self, token: u32) -> Option<&'static [u8]> {
        let token = token as usize;
        if token >= self.ends.len() / WORD {
            return None;
        }
        let start = if token == 0 { 0 } else { word(self.ends, token - 1) };
        self.bytes.get(start as usize..word(self.ends, token) as usize)
    }

    /// The token that is exactly these bytes.
    pub(super) fn token(&self, bytes: &[u8]) -> Option<u32> {
        let mask = self.slots.len() / WORD - 1;
        let mut slot = hash(bytes) as usize & mask;
        loop {
            let token = word(self.slots, slot).checked_sub(1)?;
            if self.bytes(token) == Some(bytes) {
                return Some(token);
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// FNV-1a, its halves folded: the low bits choose the slot.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let all = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    all ^ (all >> 32)
}

fn word(words: &[u8], index: usize) -> u32 {
    let bytes = &words[index * WORD..(index + 1) * WORD];
    u32::from_le_bytes(bytes.try_into().expect("a word has four bytes"))
}
