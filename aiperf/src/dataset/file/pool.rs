//! `random_pool`: a file, or each file of a folder, is a pool of contents; a conversation is one turn of one content of each.

use std::path::Path;

use aiperf_abi::data::conversation::{Conversation, Turn};
use aiperf_abi::{Context, ConversationSink, CustomDatasetLoader, FileSample, LoaderConfig, Plugin, Result};
use rand::RngExt;

use super::loaders::{config, has_content};
use super::rows::{Reader, Source, stem};
use super::sample::files_at;
use super::scan::{Shape, Span};
use super::single_turn;
use crate::random::RootSeed;

/// Pools to draw contents from.
pub struct RandomPoolLoader(LoaderConfig);

impl Plugin for RandomPoolLoader {
    fn new(cx: &Context<'_>) -> Result<Self> {
        Ok(Self(config(cx)?))
    }
}

/// One file, and where its rows are.
struct Pool {
    name: String,
    source: Source,
    rows: Vec<Span>,
}

impl CustomDatasetLoader for RandomPoolLoader {
    fn can_load(&mut self, sample: &FileSample) -> Result<bool> {
        Ok(!sample.is_list && sample.is_folder && has_content(sample))
    }

    fn load(&mut self, path: &Path, out: &mut dyn ConversationSink) -> Result<()> {
        let mut pools = Vec::new();
        for file in files_at(path)? {
            let mut rows = Vec::new();
            let source = Source::walk(
                &file,
                Reader::Rows(single_turn::parse_pool),
                |_| Shape::Lines,
                |span, parsed| match parsed {
                    Ok(conversation) if self.0.entries.is_none() => out.push(conversation),
                    Ok(_) => {
                        rows.push(span);
                        Ok(())
                    }
                    Err(fault) => out.fault(fault.at(&file, span.line.into())),
                },
            )?;
            if !rows.is_empty() {
                pools.push(Pool { name: stem(&file), source, rows });
            }
        }
        match pools.is_empty() {
            true => Ok(()),
            false => (0..self.0.entries.unwrap_or(0)).try_for_each(|index| out.push(self.drawn(index, &pools)?)),
        }
    }
}

impl RandomPoolLoader {
    /// One content of each pool, as one turn.
    fn drawn(&self, index: u64, pools: &[Pool]) -> Result<Conversation> {
        let mut stream = RootSeed::new(self.0.seed).stream_at("dataset.random_pool", index);
        let mut whole = Turn::default();
        for pool in pools {
            let row = pool.rows[stream.random_range(0..pool.rows.len())];
            for mut turn in pool.source.read(row)?.turns {
                if pools.len() > 1 {
                    let modalities = [&mut turn.texts, &mut turn.images, &mut turn.audios, &mut turn.videos];
                    modalities.into_iter().flatten().for_each(|media| media.name.clone_from(&pool.name));
                }
                whole.texts.append(&mut turn.texts);
                whole.images.append(&mut turn.images);
                whole.audios.append(&mut turn.audios);
                whole.videos.append(&mut turn.videos);
                whole.max_tokens = whole.max_tokens.or(turn.max_tokens);
            }
        }
        Ok(Conversation { turns: vec![whole], ..Conversation::default() })
    }
}
