//! The readers of what others wrote, each as a function of bytes that panics where a promise does not hold. `scripts/fuzz`
//! looks for such bytes; `cargo test` calls the same functions with all that were kept in `tests/fuzz/corpus`.

mod dataset;
mod files;
mod library;
mod response;
mod stream;

use std::path::PathBuf;

/// A target by its name, which is also that of its folder of kept inputs.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("manifest", files::manifest),
    ("benchmark", files::benchmark),
    ("lock", files::lock),
    ("library", library::library),
    ("stream", stream::stream),
    ("response", response::response),
    ("dataset", dataset::dataset),
];

/// Calls the target of that name.
pub fn call(name: &str, bytes: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target has a row in the table");
    target(bytes);
}

/// Numbers before the bytes that are read: they choose what reads them, and how they came.
struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    fn of(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    /// 0 where there is nothing left.
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *first
    }

    /// Up to seven places where the bytes behind them are cut, and these bytes.
    fn cut_bytes(&mut self) -> (Vec<usize>, &'a [u8]) {
        let count = self.byte() % 8;
        let places: Vec<usize> = (0..count).map(|_| usize::from(self.byte()) | usize::from(self.byte()) << 8).collect();
        let bytes = self.rest;
        let mut ends: Vec<usize> = places.into_iter().map(|place| place % (bytes.len() + 1)).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        (ends, bytes)
    }
}

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder can be made");
}

/// A file with these bytes, the same one again and again.
fn written(name: &str, bytes: &[u8]) -> PathBuf {
    FOLDER.with(|folder| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file can be written");
        path
    })
}

/// Lines of a text, as an editor counts them.
fn lines(bytes: &[u8]) -> usize {
    1 + bytes.iter().filter(|byte| **byte == b'\n').count()
}
