//! The look of the texts of `aiperf plugins`: tables that fit the screen, sentences that are wrapped, and what authors
//! wrote without the control characters that a terminal would obey.

use std::fmt::Write;
use std::io::IsTerminal;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use comfy_table::{ContentLineStyle, LineStyle, TableStyle};
use console::Style;

use crate::cli::console::{Colour, Screen};

/// Width where nobody says how wide it is.
const PIPE_WIDTH: usize = 80;
/// Longer lines are hard to read.
const WIDEST: usize = 120;

/// The standard output of this process.
pub(super) fn screen() -> Screen {
    let screen = Screen::stdout();
    let width = if std::io::stdout().is_terminal() { screen.width.min(WIDEST) } else { PIPE_WIDTH };
    Screen { width, ..screen }
}

/// Text in a style, where styles mean anything.
pub(super) fn paint(screen: Screen, style: Style, text: &str) -> String {
    match screen.colour {
        Colour::Plain => text.to_owned(),
        Colour::Ansi => style.force_styling(true).apply_to(text).to_string(),
    }
}

/// Rows under heads, drawn so that they fit the screen; a head that starts with `#` is of a column of numbers.
pub(super) fn table(heads: &[&str], rows: Vec<Vec<String>>, screen: Screen) -> String {
    let mut table = Table::new();
    table.load_style(
        TableStyle::new()
            .top_border(LineStyle::new('┌', '─', '┬', '┐'))
            .header_lines(ContentLineStyle::new('│', '│', '│'))
            .header_separator(LineStyle::new('├', '─', '┼', '┤'))
            .content_lines(ContentLineStyle::new('│', '│', '│'))
            .bottom_border(LineStyle::new('└', '─', '┴', '┘')),
    );
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(screen.width).unwrap_or(u16::MAX));
    let aligned = |text: &str, head: &str| {
        let side = if head.starts_with('#') { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    table.set_header(heads.iter().map(|head| aligned(head.trim_start_matches('#'), head)).collect::<Vec<_>>());
    for row in rows {
        let cells = row.iter().zip(heads).map(|(text, head)| aligned(&one_line(text), head));
        table.add_row(cells.collect::<Vec<_>>());
    }
    let mut text = String::new();
    for (number, line) in table.to_string().lines().enumerate() {
        let line = if number == 1 { paint(screen, Style::new().bold(), line) } else { named(line, screen) };
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The first column stands out.
fn named(line: &str, screen: Screen) -> String {
    match line.strip_prefix('│').and_then(|rest| rest.split_once('│')) {
        Some((name, rest)) => format!("│{}│{rest}", paint(screen, Style::new().cyan(), name)),
        None => line.to_owned(),
    }
}

/// Text of others on one line, without control characters.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text of several lines in a row, with something between them.
pub(super) fn in_a_row(text: &str) -> String {
    let lines = text.lines().map(one_line).filter(|line| !line.is_empty());
    lines.fold(String::new(), |row, line| match row.as_str() {
        "" => line,
        begun if begun.ends_with([':', ',', ';']) => row + " " + &line,
        _ => row + "; " + &line,
    })
}

/// What a list has room for: the first sentence, or the first line. A small letter begins no sentence: `e.g.` ends none.
pub(in crate::cli) fn first_sentence(text: &str) -> String {
    let line = one_line(text);
    let mut ends = line.match_indices(". ").map(|(end, _)| end);
    match ends.find(|end| !line[end + 2..].starts_with(char::is_lowercase)) {
        Some(end) => line[..=end].to_owned(),
        None => line,
    }
}

/// Words in lines of at most `screen.width`, all but the first indented. A word that is too long stays whole: it may be
/// a path.
pub(in crate::cli) fn wrapped(first: &str, words: &str, screen: Screen) -> String {
    let indent = first.chars().count();
    let (mut text, mut column) = (first.to_owned(), indent);
    for word in one_line(words).split(' ') {
        let length = word.chars().count();
        if column > indent {
            if column + 1 + length > screen.width {
                let _ = write!(text, "\n{:indent$}", "");
                column = indent;
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

/// Lines as a person at a terminal of this width reads them: broken between words, under their start. Where there is no
/// terminal they stay whole, for who searches them.
pub(in crate::cli) fn fitted(text: &str, columns: Option<usize>) -> String {
    let Some(width) = columns else { return text.to_owned() };
    let page = Screen { width: width.min(WIDEST), colour: Colour::Plain };
    // A line in colours is one of ours, and short.
    let fits = |line: &str| line.chars().count() <= page.width || line.contains('\u{1b}');
    let lines = text.split('\n').map(|line| match fits(line) {
        true => line.to_owned(),
        false => wrapped(&" ".repeat(line.len() - line.trim_start().len()), line, page),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Columns of the standard output, if it is a terminal.
pub(super) fn columns() -> Option<usize> {
    std::io::stdout().is_terminal().then(|| Screen::stdout().width)
}

/// `1 entry`, `2 entries`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Screen = Screen { width: 20, colour: Colour::Plain };

    #[test]
    fn what_an_author_wrote_cannot_command_the_terminal() {
        assert_eq!(one_line("a\u{1b}[31m\nb\u{9b}2J\t c"), "a [31m b 2J c");
    }

    #[test]
    fn a_list_shows_the_first_sentence() {
        assert_eq!(first_sentence("Speaks v1.2 of it. And more."), "Speaks v1.2 of it.");
        assert_eq!(first_sentence("no end\nand on"), "no end and on");
        assert_eq!(first_sentence("A program, e.g. the server. `run` is it."), "A program, e.g. the server.");
    }

    #[test]
    fn lines_in_a_row_have_something_between_them() {
        assert_eq!(in_a_row("What differs:\n  one\n  two\n"), "What differs: one; two");
    }

    #[test]
    fn words_are_wrapped_under_their_start_and_a_long_one_stays_whole() {
        assert_eq!(wrapped("  of ", "one two three four", NARROW), "  of one two three\n     four");
        assert_eq!(wrapped("", "/a/path/that/is/longer/than/that x", NARROW), "/a/path/that/is/longer/than/that\nx");
    }

    #[test]
    fn long_lines_are_broken_for_a_terminal_only() {
        let text = "error: short\n  a line that is too long\n";
        assert_eq!(fitted(text, None), text);
        assert_eq!(fitted(text, Some(20)), "error: short\n  a line that is too\n  long\n");
    }

    #[test]
    fn a_table_fits_its_screen_in_every_line() {
        let rows = vec![vec!["chat".to_owned(), "a sentence of several words".to_owned(), "12".to_owned()]];
        let text = table(&["Type", "Description", "#n"], rows, Screen { width: 34, colour: Colour::Plain });
        assert!(text.lines().all(|line| line.chars().count() <= 34), "{text}");
        assert!(text.contains("│ 12 │"), "{text}");
    }
}
