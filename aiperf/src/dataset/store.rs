//! The built-in places where conversations are kept: in memory, and in a file of which only the places are in memory.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::{Context, DatasetBackingStore, Error, ErrorKind, Plugin, Result};
use serde::Deserialize;

/// Keeps conversations as they are.
#[derive(Default)]
pub struct MemoryStore {
    all: Vec<Arc<Conversation>>,
}

impl Plugin for MemoryStore {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self::default())
    }
}

impl DatasetBackingStore for MemoryStore {
    fn add(&mut self, conversations: Vec<Conversation>) -> Result<()> {
        self.all.extend(conversations.into_iter().map(Arc::new));
        Ok(())
    }

    fn get(&self, number: u64) -> Result<Arc<Conversation>> {
        let kept = usize::try_from(number).ok().and_then(|number| self.all.get(number));
        kept.cloned().ok_or_else(|| not_kept(number, self.all.len()))
    }

    fn is_at_hand(&self) -> bool {
        true
    }
}

/// Keeps conversations in a file without a name, which is gone with the process.
pub struct FileStore {
    file: BufWriter<File>,
    folder: PathBuf,
    /// Where each begins, and where the last one ends.
    places: Vec<u64>,
}

/// What a [`FileStore`] can be told.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileStoreConfig {
    /// Where its file is.
    folder: Option<PathBuf>,
}

impl Plugin for FileStore {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: FileStoreConfig = cx.config()?;
        let folder = config.folder.unwrap_or_else(large_folder);
        let file = unnamed(&folder).map_err(|error| written(&folder, &error))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), folder, places: vec![0] })
    }
}

impl DatasetBackingStore for FileStore {
    fn add(&mut self, conversations: Vec<Conversation>) -> Result<()> {
        for conversation in conversations {
            let line = serde_json::to_vec(&conversation)?;
            self.file.write_all(&line).map_err(|error| written(&self.folder, &error))?;
            let end = self.places[self.places.len() - 1];
            self.places.push(end + line.len() as u64);
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.places.shrink_to_fit();
        self.file.flush().map_err(|error| written(&self.folder, &error))
    }

    fn get(&self, number: u64) -> Result<Arc<Conversation>> {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let (Some(begin), Some(end)) = (self.places.get(at), self.places.get(at.saturating_add(1))) else {
            return Err(not_kept(number, self.places.len() - 1));
        };
        let mut line = vec![0; (end - begin) as usize];
        self.file.get_ref().read_exact_at(&mut line, *begin)?;
        Ok(Arc::new(serde_json::from_slice(&line)?))
    }
}

fn not_kept(number: u64, kept: usize) -> Error {
    Error::invalid_input(format!("conversation {number} is asked for, but only {kept} are kept"))
}

fn written(folder: &std::path::Path, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::Io,
        format!(
            "cannot keep the dataset in a file in {}: {error}; --plugin-option file.folder=PATH puts it elsewhere, \
             --dataset-backing-store memory needs none",
            folder.display()
        ),
    )
}

/// Where large files belong: what `TMPDIR` says, else `/var/tmp`, which is on a disk also where `/tmp` is in memory.
fn large_folder() -> PathBuf {
    let disk = PathBuf::from("/var/tmp");
    match std::env::var_os("TMPDIR") {
        None if disk.is_dir() => disk,
        _ => std::env::temp_dir(),
    }
}

/// A file that nobody else can open and that needs no cleaning up: it loses its name at once.
fn unnamed(folder: &std::path::Path) -> std::io::Result<File> {
    let path = folder.join(format!("aiperf-{}", uuid::Builder::from_random_bytes(random()).into_uuid()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Bytes for a name that nobody has yet; the seed of the run has no part in it.
fn random() -> [u8; 16] {
    let half = || crate::random::RootSeed::from_entropy().value().to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half());
    bytes[8..].copy_from_slice(&half());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use aiperf_abi::data::conversation::Turn;
    use aiperf_abi::testing::construct;
    use serde_json::json;

    fn conversation(number: usize) -> Conversation {
        Conversation {
            session_id: format!("s{number}"),
            turns: vec![Turn::text("x".repeat(number)), Turn::of_tokens(7)],
            ..Conversation::default()
        }
    }

    fn keeps(mut store: impl DatasetBackingStore) {
        for batch in [0..3, 3..3, 3..40] {
            store.add(batch.map(conversation).collect()).unwrap();
        }
        store.finish().unwrap();
        for number in [39, 0, 17, 17] {
            assert_eq!(*store.get(number).unwrap(), conversation(number as usize));
        }
        let error = store.get(40).unwrap_err().to_string();
        assert_eq!(error, "conversation 40 is asked for, but only 40 are kept");
    }

    #[test]
    fn what_is_kept_comes_back_by_its_number() {
        keeps(construct::<MemoryStore>(json!({})).unwrap());
        let folder = tempfile::tempdir().unwrap();
        keeps(construct::<FileStore>(json!({"folder": folder.path()})).unwrap());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_with_what_to_do() {
        let Err(error) = construct::<FileStore>(json!({"folder": "/no/such"})) else { panic!("it is not there") };
        assert!(error.to_string().contains("--plugin-option file.folder=PATH"), "{error}");
    }
}
