//! The descriptor format of `aiperf_abi`, read side. Knows nothing of library files; `inspect` finds the symbol.
//! (Stands here until the contract crate carries it.)

use serde::{Deserialize, Serialize};

/// The version of the ABI this host speaks.
pub const ABI_VERSION: &str = "1.0.0";

/// Name of the exported symbol, without the underscore Mach-O puts before it.
pub const SYMBOL: &str = "AIPERF_PLUGIN_DESCRIPTOR";

/// First bytes of the symbol.
pub const MAGIC: [u8; 16] = *b"AIPERF-PLUGIN\0\0\0";

/// Size of the symbol in bytes.
pub const SIZE: usize = 4096;

/// Where the JSON starts.
const JSON_AT: usize = MAGIC.len() + 4;

/// What a library says of itself. Keys may be added in a minor version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Descriptor {
    /// Version of this format: 1.
    pub descriptor: u32,
    /// Version of the ABI the library was built with.
    pub abi: String,
    /// Package name.
    pub package: String,
    /// Package version.
    pub version: String,
    /// One line about the package.
    pub description: String,
    /// Its authors, joined by `:`.
    pub authors: String,
    /// Its licence.
    pub license: String,
    /// Its home page.
    pub homepage: String,
    /// How a panic goes: `unwind`; anything else is refused.
    pub panic: String,
    /// The classes, each `category:Type`.
    pub exports: Vec<String>,
}

impl Descriptor {
    /// Reads the content of the symbol. Bytes after [`SIZE`] are ignored.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn decode(symbol: &[u8]) -> Result<Self, String> {
        let json = symbol.strip_prefix(&MAGIC).ok_or("it does not start with the magic bytes")?;
        let (length, json) = json.split_first_chunk::<4>().ok_or("it ends before its length")?;
        let length = u32::from_le_bytes(*length) as usize;
        let json = json.get(..length).filter(|_| length <= SIZE - JSON_AT).ok_or("its length points past its end")?;
        serde_json::from_slice(json).map_err(|error| format!("its JSON cannot be read: {error}"))
    }

    /// The types it offers for a category.
    pub fn types<'a>(&'a self, category: &'a str) -> impl Iterator<Item = &'a str> {
        self.exports.iter().filter_map(move |export| export.strip_prefix(category)?.strip_prefix(':'))
    }
}
