//! Draws what console exporters say, on a screen or into a file: tables as wide as there is room, sentences wrapped, nothing
//! that could disturb a terminal. Makes text; whoever calls it prints it. Knows no number.

use std::fmt::Write;

use aiperf_abi::{Align, Block, Column, Page, TableBlock};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use comfy_table::{ContentLineStyle, LineStyle, TableStyle};
use console::Style;

use crate::export::Consoles;

/// Width of the file that keeps what the console showed.
const FILE_WIDTH: usize = 140;
/// Width below which a table would have nothing left.
const NARROWEST: usize = 50;

/// Where text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Characters of a line.
    pub width: usize,
    /// Whether colours mean anything there.
    pub colour: Colour,
}

/// Whether colours mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// A file, a pipe, or somebody who does not want them.
    Plain,
    /// A terminal.
    Ansi,
}

impl Screen {
    /// The standard output of this process. Colours only on a terminal, and not against `NO_COLOR`.
    pub fn stdout() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match console::Term::stdout().size_checked() {
            // Some terminals do not know how wide they are.
            Some((_, width)) => Self {
                width: usize::from(width).max(NARROWEST),
                colour: if unwanted || !console::colors_enabled() { Colour::Plain } else { Colour::Ansi },
            },
            None => Self::file(),
        }
    }

    /// A text file.
    pub fn file() -> Self {
        Self { width: FILE_WIDTH, colour: Colour::Plain }
    }

    fn paint(self, style: Style, text: &str) -> String {
        match self.colour {
            Colour::Plain => text.to_owned(),
            Colour::Ansi => style.force_styling(true).apply_to(text).to_string(),
        }
    }
}

/// Everything about a finished run, and what could not be said.
pub fn results(consoles: &mut Consoles, page: &mut Page, screen: Screen) -> (String, Vec<String>) {
    page.width = screen.width as u64;
    let (blocks, failures) = consoles.render(page);
    let mut text = String::new();
    let mut blocks = blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        match block {
            Block::Table(table) => section(&mut text, screen, &harmless(&table.title), &fitted(table, screen)),
            Block::Text(lines) => text.push_str(&harmless(lines)),
            Block::Notice(sentence) => {
                let wrapped = wrapped("! ", &harmless(sentence), screen.width);
                let _ = writeln!(text, "{}", screen.paint(Style::new().yellow(), &wrapped));
                if !matches!(blocks.peek(), Some(Block::Notice(_))) {
                    text.push('\n');
                }
            }
            Block::Rule(words) => {
                let _ = writeln!(text, "{}", rule(&harmless(words), screen.width));
            }
            _ => {}
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
    }
    (text, failures)
}

/// Text of others goes to a terminal without its control characters.
fn harmless(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', " ")
}

fn rule(words: &str, width: usize) -> String {
    let middle = if words.is_empty() { String::new() } else { format!(" {words} ") };
    let left = width.saturating_sub(middle.chars().count()) / 2;
    let right = width.saturating_sub(left + middle.chars().count());
    format!("{}{middle}{}", "─".repeat(left), "─".repeat(right))
}

/// A table under its centred title.
fn section(text: &mut String, screen: Screen, title: &str, table: &str) {
    let width = width_of(table);
    let indent = width.saturating_sub(title.chars().count()) / 2;
    let _ = writeln!(text, "{:indent$}{}", "", screen.paint(Style::new().bold(), title));
    for line in table.lines() {
        let _ = writeln!(text, "{}", painted(line, screen));
    }
    text.push('\n');
}

/// Names and headers stand out; numbers stay as they are, so that they can be read on any background.
fn painted(line: &str, screen: Screen) -> String {
    if screen.colour == Colour::Plain {
        return line.to_owned();
    }
    if line.starts_with('┃') {
        return screen.paint(Style::new().bold(), line);
    }
    match line.strip_prefix('│').and_then(|rest| rest.split_once('│')) {
        Some((name, rest)) => format!("│{}│{rest}", screen.paint(Style::new().cyan(), name)),
        None => line.to_owned(),
    }
}

/// As many columns as there is room for; where even those that have to be there are too wide, their texts are wrapped.
fn fitted(block: &TableBlock, screen: Screen) -> String {
    let mut ranks: Vec<u32> = block.columns.iter().map(|column| column.dispensable).filter(|rank| *rank > 0).collect();
    ranks.sort_unstable();
    let mut most = u32::MAX;
    loop {
        let mut drawn = table(block, |column| column.dispensable < most);
        if width_of(&drawn.to_string()) <= screen.width {
            return drawn.to_string();
        }
        match ranks.pop() {
            Some(rank) => most = rank,
            None => {
                drawn.set_content_arrangement(ContentArrangement::Dynamic);
                drawn.set_width(u16::try_from(screen.width).unwrap_or(u16::MAX));
                return drawn.to_string();
            }
        }
    }
}

fn table(block: &TableBlock, keeps: impl Fn(&Column) -> bool) -> Table {
    let kept: Vec<usize> = (0..block.columns.len()).filter(|place| keeps(&block.columns[*place])).collect();
    let cell = |place: usize, text: &str| {
        let aligned = match block.columns[place].align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        };
        Cell::new(harmless(text)).set_alignment(aligned)
    };
    let mut table = heavy_table();
    table.set_header(kept.iter().map(|place| cell(*place, &block.columns[*place].head)).collect::<Vec<_>>());
    for row in &block.rows {
        let texts = kept.iter().map(|place| cell(*place, row.get(*place).map_or("", String::as_str)));
        table.add_row(texts.collect::<Vec<_>>());
    }
    table
}

fn heavy_table() -> Table {
    let mut table = Table::new();
    table.load_style(
        TableStyle::new()
            .top_border(LineStyle::new('┏', '━', '┳', '┓'))
            .header_lines(ContentLineStyle::new('┃', '┃', '┃'))
            .header_separator(LineStyle::new('┡', '━', '╇', '┩'))
            .content_lines(ContentLineStyle::new('│', '│', '│'))
            .bottom_border(LineStyle::new('└', '─', '┴', '┘')),
    );
    table
}

fn width_of(table: &str) -> usize {
    // The first line is drawn of characters one cell wide.
    table.lines().next().map_or(0, |line| line.chars().count())
}

fn wrapped(bullet: &str, sentence: &str, width: usize) -> String {
    let (mut text, mut column) = (bullet.to_owned(), bullet.len());
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if column > bullet.len() {
            if column + 1 + length > width {
                let _ = write!(text, "\n{:indent$}", "", indent = bullet.len());
                column = bullet.len();
            } else {
                text.push(' ');
                column += 1;
            }
        }
        text.push_str(word);
        column += length;
    }
    text
}

#[cfg(test)]
mod tests;
