//! The digest of a file: what a lock pins and a report names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use ring::digest::{Context, Digest, SHA256};

/// The SHA-256 of a file, as 64 hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            length => context.update(&piece[..length]),
        }
    }
    Ok(digits(&context.finish()))
}

/// The same of bytes that were read already.
pub fn sha256_of(bytes: &[u8]) -> String {
    digits(&ring::digest::digest(&SHA256, bytes))
}

fn digits(digest: &Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_digest_that_every_other_tool_gives() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("abc");
        std::fs::write(&file, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((sha256(&file).unwrap(), sha256_of(b"abc")), (known.to_owned(), known.to_owned()));
        assert!(sha256(place.path()).is_err(), "a folder has none");
    }
}
