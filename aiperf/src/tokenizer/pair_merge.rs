//! Byte pair encoding: a piece of text into tokens by merging, again and again, the neighbours that make the token with
//! the lowest number, the leftmost first (Sennrich et al. 2016, in the order of OpenAI's tiktoken).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::table::Table;

/// The tokens of a piece, in order. The vocabulary must have every single byte.
pub(super) fn encode(table: &Table, piece: &[u8], tokens: &mut Vec<u32>) {
    match table.token(piece) {
        Some(token) => tokens.push(token),
        None => merge(table, piece, tokens),
    }
}

/// A part that has become the tail of another.
const GONE: usize = usize::MAX;

/// Parts are known by where they start; a heap of possible merges, where those of parts that have changed since are passed
/// over, keeps it at n log n for a piece of any length.
fn merge(table: &Table, piece: &[u8], tokens: &mut Vec<u32>) {
    let length = piece.len();
    let mut ends: Vec<usize> = (1..=length).collect();
    let mut befores: Vec<usize> = (0..length).map(|start| start.wrapping_sub(1)).collect();
    let possible = |start: usize, middle: usize, end: usize| {
        table.token(&piece[start..end]).map(|token| Reverse((token, start, middle, end)))
    };
    let mut merges: BinaryHeap<_> = (2..=length).filter_map(|end| possible(end - 2, end - 1, end)).collect();
    while let Some(Reverse((_, start, middle, end))) = merges.pop() {
        if ends[start] != middle || ends[middle] != end {
            continue;
        }
        ends[start] = end;
        ends[middle] = GONE;
        if end < length {
            befores[end] = start;
            merges.extend(possible(start, end, ends[end]));
        }
        if start > 0 {
            merges.extend(possible(befores[start], start, end));
        }
    }
    let mut start = 0;
    while start < length {
        tokens.extend(table.token(&piece[start..ends[start]]));
        start = ends[start];
    }
}
