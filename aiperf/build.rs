//! Writes the embedded vocabularies as tables that are used where they lie (`src/tokenizer/table.rs`).

use std::path::Path;

use tiktoken_rs::CoreBPE;

#[path = "src/tokenizer/table.rs"]
mod table;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/tokenizer/table.rs");
    let out = std::env::var("OUT_DIR").expect("cargo names the folder");
    for (name, tables) in [
        ("o200k_base", tiktoken_rs::o200k_base()),
        ("cl100k_base", tiktoken_rs::cl100k_base()),
        ("r50k_base", tiktoken_rs::r50k_base()),
    ] {
        let tokens = ordinary(&tables.expect("the crate's own vocabulary is whole"));
        let written: &'static [u8] = Box::leak(written(&tokens).into_boxed_slice());
        let read = table::Table::of(written);
        for (id, bytes) in (0..).zip(&tokens) {
            assert_eq!((read.token(bytes), read.bytes(id)), (Some(id), Some(&bytes[..])), "token {id} of {name}");
        }
        let path = Path::new(&out).join(format!("{name}.table"));
        std::fs::write(&path, written).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

/// The bytes of every token that text can become, by number. Special tokens come after them.
fn ordinary(tables: &CoreBPE) -> Vec<Vec<u8>> {
    let special = tables.special_tokens();
    (0..)
        .map_while(|token| tables.decode_bytes(&[token]).ok())
        .take_while(|bytes| !std::str::from_utf8(bytes).is_ok_and(|text| special.contains(text)))
        .collect()
}

fn written(tokens: &[Vec<u8>]) -> Vec<u8> {
    let mut slots = vec![0u32; (2 * tokens.len()).next_power_of_two()];
    let mut end = 0;
    let mut ends = Vec::with_capacity(tokens.len());
    for (token, bytes) in (1..).zip(tokens) {
        end += bytes.len() as u32;
        ends.push(end);
        let mut slot = table::hash(bytes) as usize;
        while slots[slot % slots.len()] != 0 {
            slot += 1;
        }
        let slot = slot % slots.len();
        slots[slot] = token;
    }
    let head = [tokens.len() as u32, slots.len() as u32];
    let words = head.iter().chain(&ends).chain(&slots);
    words.flat_map(|word| word.to_le_bytes()).chain(tokens.concat()).collect()
}
