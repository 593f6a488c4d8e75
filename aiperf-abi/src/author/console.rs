//! `console_exporter`: what a person sees at the end of a run. It makes blocks; the host draws them as wide and as colourful
//! as the screen is, and keeps them in a file. No exporter prints.

use serde::{Deserialize, Serialize};

use super::error::Result;
use crate::data::report::{FileInfo, Report};

/// Says what the results of a run look like.
///
#[cfg_attr(doc, doc = include_str!("../../reference/console_exporter.md"))]
pub trait ConsoleExporter: Send + 'static {
    /// The blocks to show, in order; none where there is nothing to say.
    ///
    /// # Errors
    /// When it cannot say it; the others are shown, and the failure.
    fn render(&mut self, page: &Page) -> Result<Vec<Block>>;
}

service! {
    "console_exporter": ConsoleExporter {
        render(page: &Page) -> Vec<Block>;
    }
}

/// What there is to show.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Page {
    /// The numbers.
    pub report: Report,
    /// The files that were written.
    pub files: Vec<FileInfo>,
    /// Characters of a line of the screen.
    pub width: u64,
}

impl Page {
    /// A page for a screen of this width.
    pub fn new(report: Report, files: Vec<FileInfo>, width: u64) -> Self {
        Self { report, files, width }
    }
}

/// A piece of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// A table under its title.
    Table(TableBlock),
    /// Lines as they are, but for control characters.
    Text(String),
    /// A sentence that the reader should not miss, wrapped to the screen.
    Notice(String),
    /// A line across, with words in it where there are any.
    Rule(String),
}

/// A table. Where the screen is too narrow, columns go, the ones with the largest [`Column::dispensable`] first; where
/// that does not do, texts are wrapped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableBlock {
    /// Stands centred above it.
    pub title: String,
    /// From left to right.
    pub columns: Vec<Column>,
    /// A text for each column. What is missing is left blank.
    pub rows: Vec<Vec<String>>,
}

/// A column of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Column {
    /// Its head.
    pub head: String,
    /// How its texts stand.
    pub align: Align,
    /// 0: it is always there. Else it goes where the screen is too narrow, the largest number first.
    pub dispensable: u32,
}

/// How texts of a column stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// For words.
    #[default]
    Left,
    /// For numbers.
    Right,
}

impl TableBlock {
    /// An empty table.
    pub fn new(title: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Self { title: title.into(), columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// With a row more.
    #[must_use]
    pub fn row<T: Into<String>>(mut self, texts: impl IntoIterator<Item = T>) -> Self {
        self.rows.push(texts.into_iter().map(Into::into).collect());
        self
    }
}

impl Column {
    /// For words.
    pub fn left(head: impl Into<String>) -> Self {
        Self { head: head.into(), align: Align::Left, dispensable: 0 }
    }

    /// For numbers.
    pub fn right(head: impl Into<String>) -> Self {
        Self { head: head.into(), align: Align::Right, dispensable: 0 }
    }

    /// The same, but to go on a narrow screen; the largest number goes first.
    #[must_use]
    pub fn dispensable(mut self, rank: u32) -> Self {
        self.dispensable = rank;
        self
    }
}
