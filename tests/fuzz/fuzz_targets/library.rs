//! The target `library` for the fuzzer, which learns here where the numbers of a library stand: most changes of any other
//! byte end at the first check.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| aiperf_fuzz::call("library", bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut random = Random(u64::from(seed) + 1);
    let fields = fields(&data[..size]);
    if fields.is_empty() || random.below(3) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    for _ in 0..=random.below(3) {
        change(&mut data[..size], &fields, &mut random);
    }
    match random.below(8) {
        // Cut off, where a table begins or anywhere.
        0 => fields[random.below(fields.len())].at.min(size),
        1 => random.below(size + 1),
        _ => size,
    }
});

/// A number in a file, little endian.
#[derive(Clone, Copy)]
struct Field {
    at: usize,
    width: usize,
}

impl Field {
    fn read(self, file: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        if let Some(found) = file.get(self.at..self.at + self.width) {
            bytes[..self.width].copy_from_slice(found);
        }
        u64::from_le_bytes(bytes)
    }
}

fn change(file: &mut [u8], fields: &[Field], random: &mut Random) {
    let field = fields[random.below(fields.len())];
    let (old, length) = (field.read(file), file.len() as u64);
    let new = match random.below(14) {
        0 => 0,
        1 => 1,
        2 => u64::MAX,
        3 => u64::MAX >> 1,
        4 => length,
        5 => length - 1,
        6 => length + 1,
        7 => old.wrapping_add(1),
        8 => old.wrapping_sub(1),
        9 => old.wrapping_mul(2),
        10 => old ^ 1 << random.below(field.width * 8),
        11 => u64::from(u32::MAX),
        12 => random.below(file.len()) as u64,
        _ => fields[random.below(fields.len())].read(file),
    };
    if let Some(bytes) = file.get_mut(field.at..field.at + field.width) {
        bytes.copy_from_slice(&new.to_le_bytes()[..field.width]);
    }
}

/// The numbers of a file by which its parts are found; none where it is of no known kind.
fn fields(file: &[u8]) -> Vec<Field> {
    let mut found = Vec::new();
    match file {
        [0x7f, b'E', b'L', b'F', 2, ..] => elf(file, &ELF_64, &mut found),
        [0x7f, b'E', b'L', b'F', ..] => elf(file, &ELF_32, &mut found),
        [0xcf, 0xfa, 0xed, 0xfe, ..] => mach_o(file, &mut found),
        [0xca, 0xfe, 0xba, 0xbe, ..] => {
            row(4, &[4; 6], &mut found);
        }
        _ => {}
    }
    found.retain(|field| field.at + field.width <= file.len());
    found
}

/// Its header, and a list of commands, each of which has its size.
fn mach_o(file: &[u8], found: &mut Vec<Field>) {
    let mut at = row(0, &[4; 8], found);
    while at + 8 <= file.len() && found.len() < 400 {
        let size = Field { at: at + 4, width: 4 }.read(file).clamp(8, 128) as usize;
        row(at, &vec![4; size / 4], found);
        at += size;
    }
}

/// Widths of the numbers in the tables of one ELF class.
struct Class {
    header: &'static [usize],
    segment: &'static [usize],
    /// Which number of the header is the offset of the segments; of a segment its offset in the file.
    segments_at: usize,
    offset_at: usize,
    dynamic: usize,
    symbol: &'static [usize],
}

const ELF_64: Class = Class {
    header: &[2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2],
    segment: &[4, 4, 8, 8, 8, 8, 8, 8],
    segments_at: 4,
    offset_at: 2,
    dynamic: 8,
    symbol: &[4, 1, 1, 2, 8, 8],
};

const ELF_32: Class = Class {
    header: &[2, 2, 4, 4, 4, 4, 4, 2, 2, 2, 2, 2, 2],
    segment: &[4; 8],
    segments_at: 4,
    offset_at: 1,
    dynamic: 4,
    symbol: &[4, 4, 4, 1, 1, 2],
};

/// A row of numbers one after the other; where it ends.
fn row(mut at: usize, widths: &[usize], found: &mut Vec<Field>) -> usize {
    for &width in widths {
        found.push(Field { at, width });
        at += width;
    }
    at
}

/// As if every address were an offset, which it is in small files.
fn elf(file: &[u8], class: &Class, found: &mut Vec<Field>) {
    const HEADER_AT: usize = 16;
    row(HEADER_AT, class.header, found);
    let mut at = found[class.segments_at].read(file) as usize;
    for _ in 0..10 {
        if at >= file.len() {
            break;
        }
        let first = found.len();
        at = row(at, class.segment, found);
        let is_dynamic = found[first].read(file) == 2;
        if is_dynamic {
            tables(file, class, found[first + class.offset_at].read(file) as usize, found);
        }
    }
}

fn tables(file: &[u8], class: &Class, mut at: usize, found: &mut Vec<Field>) {
    for _ in 0..32 {
        if at >= file.len() {
            break;
        }
        let first = found.len();
        at = row(at, &[class.dynamic; 2], found);
        let (tag, place) = (found[first].read(file), found[first + 1].read(file) as usize);
        match tag {
            0 => break,
            4 | 0x6fff_fef5 if place < file.len() => {
                row(place, &[4; 12], found);
            }
            6 if place < file.len() => {
                (0..6).fold(place, |at, _| row(at, class.symbol, found));
            }
            0x6fff_fffe if place < file.len() => {
                let needs = row(place, &[2, 2, 4, 4, 4], found);
                (0..3).fold(needs, |at, _| row(at, &[4, 2, 2, 4, 4], found));
            }
            _ => {}
        }
    }
}

/// Numbers from a seed: the fuzzer has to find the same again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }
}
