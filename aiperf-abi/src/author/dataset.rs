//! The categories that say what is sent: `custom_dataset_loader`, `public_dataset_loader`, `dataset_composer`, and where
//! conversations are kept, `dataset_backing_store`.
//!
//! Loaders and composers hand over conversations one by one and keep none. They need no tokenizer: what they give no words
//! for, they describe by a [`Recipe`](crate::data::conversation::Recipe), and the host makes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Result;
use crate::data::conversation::Conversation;
use crate::data::dataset::{FileSample, RemoteFile, RowFault};

/// Where conversations go. An error it returns is the host's wish to stop: hand it on with `?`.
pub trait ConversationSink {
    /// A whole conversation; the host names it where its `session_id` is empty. One without turns is passed over.
    ///
    /// # Errors
    /// When no more are wanted.
    fn push(&mut self, conversation: Conversation) -> Result<()>;

    /// More turns of the conversation of the same `session_id`, or a new conversation where there is none yet.
    ///
    /// # Errors
    /// When no more are wanted.
    fn extend(&mut self, conversation: Conversation) -> Result<()>;

    /// A row that cannot be used. Whoever only looks at a file goes on after it.
    ///
    /// # Errors
    /// When the dataset is to be sent: then one bad row is too many.
    fn fault(&mut self, fault: RowFault) -> Result<()>;
}

/// `custom_dataset_loader`: reads files of one sort. Its configuration is
/// [`LoaderConfig`](crate::data::dataset::LoaderConfig), and its manifest may have a
/// [`CustomDatasetLoaderMetadata`](crate::data::dataset::CustomDatasetLoaderMetadata).
///
#[cfg_attr(doc, doc = include_str!("../../reference/custom_dataset_loader.md"))]
pub trait CustomDatasetLoader: Send + 'static {
    /// Whether a file that begins like this is of its sort. Asked of all loaders where the user does not say what a file is;
    /// only one of them may say yes.
    ///
    /// # Errors
    /// When it cannot be told; that is taken for a no.
    fn can_load(&mut self, sample: &FileSample) -> Result<bool>;

    /// Goes through a file, or all files of a folder. May be called again for the same.
    ///
    /// # Errors
    /// The sink's, and when the file as a whole cannot be read. A bad row goes to [`ConversationSink::fault`].
    fn load(&mut self, path: &Path, out: &mut dyn ConversationSink) -> Result<()>;
}

/// `public_dataset_loader`: reads a dataset that everybody can get.
///
#[cfg_attr(doc, doc = include_str!("../../reference/public_dataset_loader.md"))]
pub trait PublicDatasetLoader: Send + 'static {
    /// What has to be fetched. The host does it, once, and keeps the files.
    ///
    /// # Errors
    /// When that cannot be said.
    fn files(&mut self) -> Result<Vec<RemoteFile>>;

    /// Goes through the files, which are in the order of [`files`](Self::files).
    ///
    /// # Errors
    /// The sink's, and when a file cannot be read.
    fn load(&mut self, files: &[PathBuf], out: &mut dyn ConversationSink) -> Result<()>;
}

/// `dataset_composer`: makes conversations up. Its configuration is
/// [`ComposerConfig`](crate::data::dataset::ComposerConfig).
///
#[cfg_attr(doc, doc = include_str!("../../reference/dataset_composer.md"))]
pub trait DatasetComposer: Send + 'static {
    /// Makes all of them.
    ///
    /// # Errors
    /// The sink's, and when they cannot be made.
    fn compose(&mut self, out: &mut dyn ConversationSink) -> Result<()>;
}

/// `dataset_backing_store`: keeps the conversations of a run.
///
#[cfg_attr(doc, doc = include_str!("../../reference/dataset_backing_store.md"))]
pub trait DatasetBackingStore: Send + Sync + 'static {
    /// Keeps some more. They are numbered from 0, in order.
    ///
    /// # Errors
    /// When they cannot be kept; the run then does not start.
    fn add(&mut self, conversations: Vec<Conversation>) -> Result<()>;

    /// Nothing is added after this.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    /// The conversation of a number. Called from many threads at once.
    ///
    /// # Errors
    /// When it is lost; its request then fails.
    fn get(&self, number: u64) -> Result<Arc<Conversation>>;

    /// Whether [`get`](Self::get) takes no time worth mentioning, so that it can be called at the moment of sending. Of any
    /// other store the host reads ahead.
    fn is_at_hand(&self) -> bool {
        false
    }
}
