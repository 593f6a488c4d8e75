//! The categories of conversations as they cross: methods by name, and conversations as lines of JSON, many at once. While a
//! loader or a composer works, they come back to the host as it goes; nothing is gathered on either side.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::back::{Back, Silence};
use super::root::FfiNew;
use super::service::{FfiService, Service, no_method};
use crate::author::context::Plugin;
use crate::author::dataset::{
    ConversationSink, CustomDatasetLoader, DatasetBackingStore, DatasetComposer, PublicDatasetLoader,
};
use crate::author::error::{Error, ErrorKind, Result};
use crate::category::{As, Category, Class};
use crate::data::conversation::Conversation;
use crate::data::dataset::{FileSample, RemoteFile, RowFault};
use crate::host::Loaded;

/// The one question while a loader or composer works: lines, each a [`Handed`].
const TAKE: &str = "take";

/// Bytes that are handed over at once.
const BATCH: usize = 1 << 16;

/// What a line says. Unknown words are an error of the host.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Handed {
    Push(Conversation),
    Extend(Conversation),
    Fault(RowFault),
}

/// The plugin's side of a sink.
struct Outward<'a> {
    back: &'a mut dyn Back,
    lines: Vec<u8>,
}

impl<'a> Outward<'a> {
    fn new(back: &'a mut dyn Back) -> Self {
        Self { back, lines: Vec::new() }
    }

    fn hand(&mut self, handed: &Handed) -> Result<()> {
        serde_json::to_writer(&mut self.lines, handed)?;
        self.lines.push(b'\n');
        // Of a fault the host says at once whether to go on.
        match self.lines.len() >= BATCH || matches!(handed, Handed::Fault(_)) {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let taken = self.back.tell(TAKE, &self.lines);
        self.lines.clear();
        taken.map(drop)
    }
}

impl ConversationSink for Outward<'_> {
    fn push(&mut self, conversation: Conversation) -> Result<()> {
        self.hand(&Handed::Push(conversation))
    }

    fn extend(&mut self, conversation: Conversation) -> Result<()> {
        self.hand(&Handed::Extend(conversation))
    }

    fn fault(&mut self, fault: RowFault) -> Result<()> {
        self.hand(&Handed::Fault(fault))
    }
}

/// The host's side of a sink.
struct Inward<'a>(&'a mut dyn ConversationSink);

impl Back for Inward<'_> {
    fn tell(&mut self, question: &str, words: &[u8]) -> Result<Vec<u8>> {
        if question != TAKE {
            return Err(Error::new(ErrorKind::Unsupported, format!("this host has no answer to `{question}`")));
        }
        for line in words.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line)? {
                Handed::Push(conversation) => self.0.push(conversation)?,
                Handed::Extend(conversation) => self.0.extend(conversation)?,
                Handed::Fault(fault) => self.0.fault(fault)?,
            }
        }
        Ok(Vec::new())
    }
}

fn read<T: DeserializeOwned>(words: &[u8]) -> Result<T> {
    Ok(serde_json::from_slice(words)?)
}

fn write(value: &impl Serialize) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}

/// A trait that is a category of its own and crosses as a service.
macro_rules! category {
    ($name:literal: $trait:ident, $loaded:expr) => {
        impl Category for dyn $trait {
            const NAME: &'static str = $name;
            type Ffi = FfiService;

            fn loaded(value: Loaded<FfiService>) -> Box<Self> {
                Box::new($loaded(value))
            }
        }

        impl<T: Plugin + $trait> Class<dyn $trait> for T {
            fn made(new: FfiNew<'_>) -> Result<FfiService> {
                Ok(FfiService::of(As::<dyn $trait, T>::new(new.make()?)))
            }
        }
    };
}

category!("custom_dataset_loader": CustomDatasetLoader, std::convert::identity);
category!("public_dataset_loader": PublicDatasetLoader, std::convert::identity);
category!("dataset_composer": DatasetComposer, std::convert::identity);
category!("dataset_backing_store": DatasetBackingStore, LoadedStore::new);

impl<T: CustomDatasetLoader> Service for As<dyn CustomDatasetLoader, T> {
    fn call(&mut self, method: &str, words: &[u8], back: &mut dyn Back) -> Result<Vec<u8>> {
        match method {
            "can_load" => write(&self.value.can_load(&read(words)?)?),
            "load" => {
                let mut out = Outward::new(back);
                self.value.load(&read::<PathBuf>(words)?, &mut out)?;
                out.flush()?;
                write(&())
            }
            other => Err(no_method(<dyn CustomDatasetLoader>::NAME, other)),
        }
    }
}

impl CustomDatasetLoader for Loaded<FfiService> {
    fn can_load(&mut self, sample: &FileSample) -> Result<bool> {
        self.words_here(&"can_load", &write(sample)?, &mut Silence)
    }

    fn load(&mut self, path: &Path, out: &mut dyn ConversationSink) -> Result<()> {
        self.words_here(&"load", &write(&path)?, &mut Inward(out))
    }
}

impl<T: PublicDatasetLoader> Service for As<dyn PublicDatasetLoader, T> {
    fn call(&mut self, method: &str, words: &[u8], back: &mut dyn Back) -> Result<Vec<u8>> {
        match method {
            "files" => write(&self.value.files()?),
            "load" => {
                let mut out = Outward::new(back);
                self.value.load(&read::<Vec<PathBuf>>(words)?, &mut out)?;
                out.flush()?;
                write(&())
            }
            other => Err(no_method(<dyn PublicDatasetLoader>::NAME, other)),
        }
    }
}

impl PublicDatasetLoader for Loaded<FfiService> {
    fn files(&mut self) -> Result<Vec<RemoteFile>> {
        self.words_here(&"files", &[], &mut Silence)
    }

    fn load(&mut self, files: &[PathBuf], out: &mut dyn ConversationSink) -> Result<()> {
        self.words_here(&"load", &write(&files)?, &mut Inward(out))
    }
}

impl<T: DatasetComposer> Service for As<dyn DatasetComposer, T> {
    fn call(&mut self, method: &str, _: &[u8], back: &mut dyn Back) -> Result<Vec<u8>> {
        match method {
            "compose" => {
                let mut out = Outward::new(back);
                self.value.compose(&mut out)?;
                out.flush()?;
                write(&())
            }
            other => Err(no_method(<dyn DatasetComposer>::NAME, other)),
        }
    }
}

impl DatasetComposer for Loaded<FfiService> {
    fn compose(&mut self, out: &mut dyn ConversationSink) -> Result<()> {
        self.words_here(&"compose", &[], &mut Inward(out))
    }
}

impl<T: DatasetBackingStore> Service for As<dyn DatasetBackingStore, T> {
    fn call(&mut self, method: &str, words: &[u8], _: &mut dyn Back) -> Result<Vec<u8>> {
        match method {
            "add" => write(&self.value.add(read(words)?)?),
            "finish" => write(&self.value.finish()?),
            "get" => write(&*self.value.get(read(words)?)?),
            other => Err(no_method(<dyn DatasetBackingStore>::NAME, other)),
        }
    }
}

/// A store of a library. What it gives has crossed as JSON, so the host reads ahead of it, at hand or not.
struct LoadedStore(Mutex<Loaded<FfiService>>);

impl LoadedStore {
    fn new(value: Loaded<FfiService>) -> Self {
        Self(Mutex::new(value))
    }

    fn inner(&mut self) -> &mut Loaded<FfiService> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DatasetBackingStore for LoadedStore {
    fn add(&mut self, conversations: Vec<Conversation>) -> Result<()> {
        self.inner().words_here(&"add", &write(&conversations)?, &mut Silence)
    }

    fn finish(&mut self) -> Result<()> {
        self.inner().words_here(&"finish", &[], &mut Silence)
    }

    fn get(&self, number: u64) -> Result<Arc<Conversation>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.words_here(&"get", &write(&number)?, &mut Silence).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::author::context::Context;
    use crate::data::conversation::Turn;
    use crate::testing::{CollectingConversations, via_abi};

    /// Hands over as many conversations as it is told; one row of three is bad.
    struct Counting(u64);

    impl Plugin for Counting {
        fn new(cx: &Context<'_>) -> Result<Self> {
            Ok(Self(cx.config::<Vec<u64>>()?[0]))
        }
    }

    impl CustomDatasetLoader for Counting {
        fn can_load(&mut self, sample: &FileSample) -> Result<bool> {
            Ok(sample.has("count"))
        }

        fn load(&mut self, path: &Path, out: &mut dyn ConversationSink) -> Result<()> {
            for line in 0..self.0 {
                match line % 3 {
                    0 => {
                        out.push(Conversation { turns: vec![Turn::of_tokens(line as u32)], ..Conversation::default() })?
                    }
                    1 => out.extend(Conversation { session_id: "s".into(), ..Conversation::default() })?,
                    _ => out.fault(RowFault { file: path.to_owned(), line, ..RowFault::default() })?,
                }
            }
            Ok(())
        }
    }

    impl DatasetBackingStore for Counting {
        fn add(&mut self, conversations: Vec<Conversation>) -> Result<()> {
            self.0 += conversations.len() as u64;
            Ok(())
        }

        fn get(&self, number: u64) -> Result<Arc<Conversation>> {
            let session_id = format!("{number} of {}", self.0);
            Ok(Arc::new(Conversation { session_id, ..Conversation::default() }))
        }
    }

    #[test]
    fn conversations_come_over_in_order_however_many_and_a_fault_can_stop_them() {
        let mut loader = via_abi::<dyn CustomDatasetLoader, Counting>(json!([9000])).unwrap();
        let mut out = CollectingConversations::default();
        loader.load(Path::new("/a/b"), &mut out).unwrap();
        assert_eq!((out.pushed.len(), out.extended.len(), out.faults.len()), (3000, 3000, 3000));
        assert_eq!(out.pushed[2999].turns, [Turn::of_tokens(8997)]);
        assert_eq!((out.faults[1].file.to_str(), out.faults[1].line), (Some("/a/b"), 5));

        let mut out = CollectingConversations { stops_at_fault: true, ..CollectingConversations::default() };
        let error = loader.load(Path::new("/a/b"), &mut out).unwrap_err().to_string();
        assert!(error.contains("under-test 0.0.0, custom_dataset_loader `test`"), "{error}");
        assert_eq!((out.pushed.len(), out.faults.len()), (1, 1));
    }

    #[test]
    fn a_sample_and_a_store_cross_too() {
        let mut loader = via_abi::<dyn CustomDatasetLoader, Counting>(json!([1])).unwrap();
        let row = json!({"count": 1}).as_object().cloned();
        assert!(loader.can_load(&FileSample { row, ..FileSample::default() }).unwrap());
        assert!(!loader.can_load(&FileSample::default()).unwrap());
        let mut store = via_abi::<dyn DatasetBackingStore, Counting>(json!([0])).unwrap();
        store.add(vec![Conversation::default(); 3]).unwrap();
        store.finish().unwrap();
        assert_eq!(store.get(2).unwrap().session_id, "2 of 3");
        assert!(!store.is_at_hand());
    }
}
