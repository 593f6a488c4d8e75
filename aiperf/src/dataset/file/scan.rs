//! Where the rows of a file begin and end. Reads a file of any size from start to end and holds one row at a time; knows
//! nothing of what is in a row beyond brackets and quotes.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// How rows stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One per line; blank lines are none.
    Lines,
    /// One per line after a line of column names.
    Table,
    /// The elements of a JSON list: the file itself, or what stands under this key of its object.
    List(&'static str),
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) len: u32,
    /// Line of the first byte, from 1.
    pub(super) line: u32,
}

/// Why a file could not be gone through.
#[derive(Debug)]
pub(super) enum ScanError<E> {
    /// It cannot be read, or has no rows where they should be.
    File(String),
    /// Whoever looks at the rows does not go on.
    Row(E),
}

impl<E> From<io::Error> for ScanError<E> {
    fn from(error: io::Error) -> Self {
        Self::File(error.to_string())
    }
}

/// Shows every row of a file to `each`, in order. The line of column names of a table comes first, as a row of length 0.
pub(super) fn rows<E>(
    path: &Path,
    shape: Shape,
    mut each: impl FnMut(Span, &[u8]) -> Result<(), E>,
) -> Result<(), ScanError<E>> {
    let mut file = BufReader::with_capacity(1 << 18, File::open(path)?);
    let mut at = 0;
    if file.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        file.consume(3);
        at = 3;
    }
    match shape {
        Shape::Lines => lines(file, at, None, &mut each),
        Shape::Table => lines(file, at, Some(()), &mut each),
        Shape::List(key) => list(file, at, key, &mut each),
    }
}

/// Whoever looks at rows.
type Each<'a, E> = dyn FnMut(Span, &[u8]) -> Result<(), E> + 'a;

fn lines<E>(
    mut file: impl BufRead,
    mut offset: u64,
    mut header: Option<()>,
    each: &mut Each<'_, E>,
) -> Result<(), ScanError<E>> {
    let mut row = Vec::new();
    for line in 1.. {
        row.clear();
        let read = file.read_until(b'\n', &mut row)?;
        if read == 0 {
            break;
        }
        let text = row.trim_ascii();
        if !text.is_empty() {
            let lead = row.len() - row.trim_ascii_start().len();
            let len = if header.take().is_some() { 0 } else { length(text.len(), line)? };
            each(Span { offset: offset + lead as u64, len, line }, text).map_err(ScanError::Row)?;
        }
        offset += read as u64;
    }
    Ok(())
}

fn length<E>(bytes: usize, line: u32) -> Result<u32, ScanError<E>> {
    u32::try_from(bytes).map_err(|_| ScanError::File(format!("the row of line {line} is larger than 4 GiB")))
}

/// What the reader of a list is inside of.
#[derive(Default)]
struct Nest {
    depth: usize,
    /// Depth of the list's elements, once it has begun.
    elements: Option<usize>,
    in_string: bool,
    escaped: bool,
    /// The last string outside of the list: a key, when a list follows.
    key: Vec<u8>,
    /// The element being read, and where it began.
    row: Vec<u8>,
    start: (u64, u32),
}

fn list<E>(mut file: impl BufRead, mut offset: u64, key: &str, each: &mut Each<'_, E>) -> Result<(), ScanError<E>> {
    let mut nest = Nest::default();
    let mut line = 1;
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        let length_of_piece = piece.len();
        for &byte in piece {
            match nest.take(byte, key) {
                Taken::Inside => {
                    if nest.row.is_empty() {
                        nest.start = (offset, line);
                    }
                    nest.row.push(byte);
                }
                Taken::RowEnds | Taken::ListEnds if nest.row.is_empty() => {}
                taken @ (Taken::RowEnds | Taken::ListEnds) => {
                    let row = nest.row.trim_ascii_end();
                    let (offset, line) = nest.start;
                    each(Span { offset, len: length(row.len(), line)?, line }, row).map_err(ScanError::Row)?;
                    nest.row.clear();
                    if matches!(taken, Taken::ListEnds) {
                        return Ok(());
                    }
                }
                Taken::Outside => {}
            }
            if nest.elements.is_some_and(|elements| nest.depth + 1 == elements) {
                return Ok(());
            }
            offset += 1;
            line += u32::from(byte == b'\n');
        }
        file.consume(length_of_piece);
    }
    Err(ScanError::File(match nest.elements {
        None => format!("has no JSON list, neither as a whole nor under the key `{key}`"),
        Some(_) => {
            format!("ends in the middle of its list; the row that begins on line {} is cut off", nest.start.1.max(1))
        }
    }))
}

enum Taken {
    Outside,
    Inside,
    RowEnds,
    ListEnds,
}

impl Nest {
    fn take(&mut self, byte: u8, key: &str) -> Taken {
        let inside = self.elements.is_some();
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            if !inside && self.in_string {
                self.key.push(byte);
            }
            return if inside { Taken::Inside } else { Taken::Outside };
        }
        let top = self.elements == Some(self.depth);
        match byte {
            b'"' => {
                self.in_string = true;
                self.key.clear();
            }
            b'[' | b'{' => {
                let wanted = byte == b'[' && (self.depth == 0 || (self.depth == 1 && self.key == key.as_bytes()));
                self.depth += 1;
                if !inside && wanted {
                    self.elements = Some(self.depth);
                    return Taken::Outside;
                }
            }
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                if top {
                    return Taken::ListEnds;
                }
            }
            b',' if top => return Taken::RowEnds,
            _ if top && self.row.is_empty() && byte.is_ascii_whitespace() => return Taken::Outside,
            _ => {}
        }
        if inside { Taken::Inside } else { Taken::Outside }
    }
}
