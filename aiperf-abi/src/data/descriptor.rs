//! The descriptor of a plugin library: what it offers, readable from the file without loading it. Both ends of the
//! format are here; finding the symbol in an ELF or Mach-O file is the host's business.
//!
//! Layout of the exported symbol [`SYMBOL`], [`SIZE`] bytes: [`MAGIC`] (16 bytes), length of the JSON (u32, little
//! endian), the JSON of a [`Descriptor`], zeros.

use serde::{Deserialize, Serialize};

/// The version of the ABI this crate speaks: its own.
pub const ABI_VERSION: &str = env!("CARGO_PKG_VERSION");

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

/// The facts of a [`Descriptor`] as the export macro knows them at compile time.
#[doc(hidden)]
pub struct Facts {
    pub package: &'static str,
    pub version: &'static str,
    pub description: &'static str,
    pub authors: &'static str,
    pub license: &'static str,
    pub homepage: &'static str,
    pub panic: &'static str,
    /// (category, type)
    pub exports: &'static [(&'static str, &'static str)],
}

impl Facts {
    /// The content of the symbol.
    pub const fn encode(&self) -> [u8; SIZE] {
        let mut out = Writer { bytes: [0; SIZE], at: JSON_AT };
        out.raw("{\"descriptor\":1");
        out.field("abi", ABI_VERSION);
        out.field("package", self.package);
        out.field("version", self.version);
        out.field("description", self.description);
        out.field("authors", self.authors);
        out.field("license", self.license);
        out.field("homepage", self.homepage);
        out.field("panic", self.panic);
        out.raw(",\"exports\":[");
        let mut i = 0;
        while i < self.exports.len() {
            let (category, class) = self.exports[i];
            out.raw(if i == 0 { "\"" } else { ",\"" });
            out.escaped(category);
            out.raw(":");
            out.escaped(class);
            out.raw("\"");
            i += 1;
        }
        out.raw("]}");
        out.finish()
    }
}

/// Writes JSON at compile time.
struct Writer {
    bytes: [u8; SIZE],
    at: usize,
}

impl Writer {
    const fn byte(&mut self, byte: u8) {
        assert!(self.at < SIZE, "the package's description, authors and exports do not fit the plugin descriptor");
        self.bytes[self.at] = byte;
        self.at += 1;
    }

    const fn raw(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            self.byte(bytes[i]);
            i += 1;
        }
    }

    const fn escaped(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            match bytes[i] {
                byte @ (b'"' | b'\\') => {
                    self.byte(b'\\');
                    self.byte(byte);
                }
                byte @ 0..0x20 => {
                    self.raw("\\u00");
                    self.byte(HEX[(byte >> 4) as usize]);
                    self.byte(HEX[(byte & 15) as usize]);
                }
                byte => self.byte(byte),
            }
            i += 1;
        }
    }

    const fn field(&mut self, key: &str, value: &str) {
        self.raw(",\"");
        self.raw(key);
        self.raw("\":\"");
        self.escaped(value);
        self.raw("\"");
    }

    const fn finish(mut self) -> [u8; SIZE] {
        let length = ((self.at - JSON_AT) as u32).to_le_bytes();
        let mut i = 0;
        while i < MAGIC.len() {
            self.bytes[i] = MAGIC[i];
            i += 1;
        }
        while i < JSON_AT {
            self.bytes[i] = length[i - MAGIC.len()];
            i += 1;
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: [u8; SIZE] = Facts {
        package: "p",
        version: "0.1.0",
        description: "says \"hi\"\\\n\tünïcode",
        authors: "A <a@b.c>:B",
        license: "Apache-2.0",
        homepage: "",
        panic: "unwind",
        exports: &[("endpoint", "Echo"), ("endpoint", "Shout"), ("transport", "Pipe")],
    }
    .encode();

    #[test]
    fn what_is_written_at_compile_time_is_read_back() {
        let read = Descriptor::decode(&BLOB).unwrap();
        assert_eq!(read.description, "says \"hi\"\\\n\tünïcode");
        assert_eq!((read.descriptor, &*read.abi, &*read.panic), (1, ABI_VERSION, "unwind"));
        assert_eq!(read.types("endpoint").collect::<Vec<_>>(), ["Echo", "Shout"]);
        assert_eq!(read.types("trans").count(), 0);
    }

    #[test]
    fn keys_of_a_newer_minor_are_ignored_and_missing_ones_are_empty() {
        let json = br#"{"descriptor":1,"abi":"1.9.0","later":[1]}"#;
        let blob = [&MAGIC[..], &(json.len() as u32).to_le_bytes(), json].concat();
        let read = Descriptor::decode(&blob).unwrap();
        assert_eq!((&*read.abi, read.exports.len()), ("1.9.0", 0));
    }

    #[test]
    fn every_truncation_and_a_wrong_length_are_errors() {
        for end in 0..JSON_AT + 20 {
            assert!(Descriptor::decode(&BLOB[..end]).is_err(), "{end}");
        }
        let mut wrong = BLOB;
        wrong[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Descriptor::decode(&wrong).unwrap_err().contains("past its end"));
    }
}
