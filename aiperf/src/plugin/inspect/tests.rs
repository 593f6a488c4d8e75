//! Crafted files of both formats, byte by byte: what each says, what is said of bad ones, and that nothing panics.

use aiperf_abi::data::descriptor::{MAGIC, SIZE, SYMBOL};
use proptest::prelude::*;

use super::*;

const LINUX: Target = Target::LINUX;
const MAC: Target = Target::MAC;

/// A file under construction. Numbers are little endian, like every system this is built for.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(&mut self, number: u16) -> &mut Self {
        self.raw(&number.to_le_bytes())
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.raw(&number.to_le_bytes())
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.raw(&number.to_le_bytes())
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Goes on at this offset.
    fn at(&mut self, offset: usize) -> &mut Self {
        assert!(self.0.len() <= offset, "{} bytes stand before {offset}", self.0.len());
        self.0.resize(offset, 0);
        self
    }
}

/// The content of the descriptor's symbol.
fn symbol(json: &str) -> Vec<u8> {
    let mut bytes = Bytes::default();
    bytes.raw(&MAGIC).u32(json.len() as u32).raw(json.as_bytes()).at(SIZE);
    bytes.0
}

fn descriptor(abi: &str, panic: &str) -> Vec<u8> {
    symbol(&format!(
        r#"{{"descriptor":1,"abi":"{abi}","package":"p","version":"0.1.0","panic":"{panic}","exports":["endpoint:Echo"]}}"#
    ))
}

fn good() -> Vec<u8> {
    descriptor(ABI_VERSION, "unwind")
}

/// An ELF library: one segment of everything at address 0, and a dynamic segment.
struct Elf {
    machine: u16,
    kind: u16,
    symbol: &'static str,
    flags: u64,
    descriptor: Vec<u8>,
}

impl Default for Elf {
    fn default() -> Self {
        Self { machine: 62, kind: 3, symbol: SYMBOL, flags: 0, descriptor: good() }
    }
}

impl Elf {
    fn bytes(&self) -> Vec<u8> {
        let names = format!("\0{}\0libc.so.6\0GLIBC_2.9\0GLIBC_2.34\0", self.symbol);
        let name = |wanted: &str| names.find(&format!("\0{wanted}\0")).expect("it is a name") as u64 + 1;
        let (strings, symbols, hash, needs, dynamic) = (0x200, 0x300, 0x340, 0x380, 0x400);
        let content = 0x500;
        let end = (content + self.descriptor.len()) as u64;
        let mut file = Bytes::default();
        file.raw(b"\x7fELF\x02\x01\x01").at(16).u16(self.kind).u16(self.machine).u32(1);
        file.u64(0).u64(64).u64(0).u32(0).u16(64).u16(56).u16(2).u16(64).u16(0).u16(0);
        file.u32(1).u32(4).u64(0).u64(0).u64(0).u64(end).u64(end).u64(0x1000);
        let dynamic_size = 10 * 16;
        file.u32(2).u32(4).u64(dynamic).u64(dynamic).u64(dynamic).u64(dynamic_size).u64(dynamic_size).u64(8);
        file.at(strings).raw(names.as_bytes());
        // The empty symbol and ours: global object in section 1.
        file.at(symbols + 24).u32(name(self.symbol) as u32).raw(&[0x11, 0]).u16(1);
        file.u64(content as u64).u64(SIZE as u64);
        // One bucket, a chain of two.
        file.at(hash).u32(1).u32(2).u32(1).u32(0).u32(0);
        file.at(needs).u16(1).u16(2).u32(name("libc.so.6") as u32).u32(16).u32(0);
        for (version, next) in [("GLIBC_2.34", 16), ("GLIBC_2.9", 0)] {
            file.u32(0).u16(0).u16(2).u32(name(version) as u32).u32(next);
        }
        file.at(dynamic as usize);
        for (tag, value) in [
            (1, name("libc.so.6")),
            (4, hash as u64),
            (5, strings as u64),
            (10, names.len() as u64),
            (6, symbols as u64),
            (11, 24),
            (0x6fff_fffe, needs as u64),
            (0x6fff_ffff, 1),
            (0x6fff_fffb, self.flags),
            (0, 0),
        ] {
            file.u64(tag).u64(value);
        }
        file.at(content).raw(&self.descriptor);
        file.0
    }

    fn refusal(&self) -> String {
        preflight_for(LINUX, &self.bytes()).unwrap_err().to_string()
    }
}

/// A Mach-O library: one segment of everything at address 0, a needed library, a table of symbols.
struct MachO {
    cpu: u32,
    kind: u32,
    symbol: &'static str,
    descriptor: Vec<u8>,
}

impl Default for MachO {
    fn default() -> Self {
        Self { cpu: 0x0100_000c, kind: 6, symbol: "_AIPERF_PLUGIN_DESCRIPTOR", descriptor: good() }
    }
}

impl MachO {
    fn bytes(&self) -> Vec<u8> {
        let (symbols, strings, content) = (0x200, 0x220, 0x280);
        let names = format!("\0{}\0", self.symbol);
        let library = b"/usr/lib/libSystem.B.dylib\0\0\0\0\0\0";
        let end = (content + self.descriptor.len()) as u64;
        let mut file = Bytes::default();
        file.u32(0xfeed_facf).u32(self.cpu).u32(0).u32(self.kind).u32(4).u32(72 + 56 + 24 + 56).u32(0).u32(0);
        file.u32(0x19).u32(72).raw(b"__DATA\0\0\0\0\0\0\0\0\0\0").u64(0).u64(end).u64(0).u64(end);
        file.u32(3).u32(3).u32(0).u32(0);
        // LC_ID_DYLIB, its own name: not one it needs.
        file.u32(0xd).u32(56).u32(24).u32(0).u32(0).u32(0).raw(library);
        file.u32(0xc).u32(56).u32(24).u32(0).u32(0).u32(0).raw(library);
        file.u32(2).u32(24).u32(symbols as u32).u32(1).u32(strings as u32).u32(names.len() as u32);
        file.at(symbols).u32(1).raw(&[0x0f, 1]).u16(0).u64(content as u64);
        file.at(strings).raw(names.as_bytes());
        file.at(content).raw(&self.descriptor);
        file.0
    }

    fn refusal(&self) -> String {
        preflight_for(MAC, &self.bytes()).unwrap_err().to_string()
    }
}

/// A universal file of these parts.
fn fat(parts: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = Bytes::default();
    file.raw(&0xcafe_babe_u32.to_be_bytes()).raw(&(parts.len() as u32).to_be_bytes());
    let mut offset = 0x1000;
    for (cpu, part) in parts {
        for number in [*cpu, 0, offset, part.len() as u32, 12] {
            file.raw(&number.to_be_bytes());
        }
        offset += 0x2000;
    }
    for (index, (_, part)) in parts.iter().enumerate() {
        file.at(0x1000 + index * 0x2000).raw(part);
    }
    file.0
}

#[test]
fn an_elf_library_says_what_it_is_and_needs() {
    let inspection = preflight_for(LINUX, &Elf::default().bytes()).unwrap();
    assert_eq!((&*inspection.descriptor.package, &*inspection.descriptor.abi), ("p", ABI_VERSION));
    assert_eq!(inspection.descriptor.exports, ["endpoint:Echo"]);
    assert_eq!(inspection.needed, ["libc.so.6"]);
    // The newest as a version, not as a text.
    assert_eq!(inspection.glibc.as_deref(), Some("2.34"));
}

#[test]
fn a_mach_o_library_says_the_same_thin_or_universal() {
    let thin = preflight_for(MAC, &MachO::default().bytes()).unwrap();
    assert_eq!(thin.descriptor.exports, ["endpoint:Echo"]);
    assert_eq!((thin.needed.clone(), &thin.glibc), (vec!["/usr/lib/libSystem.B.dylib".to_owned()], &None));
    let intel = MachO { cpu: 0x0100_0007, descriptor: descriptor("9.0.0", "unwind"), ..MachO::default() };
    let both = fat(&[(0x0100_0007, intel.bytes()), (0x0100_000c, MachO::default().bytes())]);
    assert_eq!(preflight_for(MAC, &both).unwrap(), thin);
    let only_intel = fat(&[(0x0100_0007, intel.bytes())]);
    assert_eq!(
        preflight_for(MAC, &only_intel).unwrap_err().to_string(),
        "is built for x86_64, and this is aarch64; build it for aarch64"
    );
}

#[test]
fn what_is_no_library_is_named_for_what_it_is() {
    for (bytes, what) in [
        (&b""[..], "an empty file"),
        (b"hello\n", "a text file"),
        (b"#!/bin/sh\n", "a script"),
        (b"!<arch>\n123", "a static library"),
        (b"MZ\0\0", "a Windows program or library"),
        (b"\0asm\x01\0\0\0\x02\x03\x04\x05\x06\x07\x08\x08", "a file of another kind"),
    ] {
        let text = preflight_for(LINUX, bytes).unwrap_err().to_string();
        assert_eq!(
            text,
            format!(
                "is not a shared library but {what}; build the plugin with `crate-type = [\"cdylib\"]` and give the result"
            )
        );
    }
    for (kind, flags, what) in
        [(2, 0, "a program"), (1, 0, "an object file"), (4, 0, "a core dump"), (3, 0x0800_0000, "a program")]
    {
        let text = Elf { kind, flags, ..Elf::default() }.refusal();
        assert!(text.starts_with(&format!("is not a shared library but {what};")), "{text}");
    }
    for (kind, what) in [(2, "a program"), (1, "an object file"), (0xb, "a Mach-O file of another kind")] {
        let text = MachO { kind, ..MachO::default() }.refusal();
        assert!(text.starts_with(&format!("is not a shared library but {what};")), "{text}");
    }
}

#[test]
fn other_systems_and_processors_are_named() {
    let text = Elf { machine: 183, ..Elf::default() }.refusal();
    assert_eq!(text, "is built for aarch64, and this is x86_64; build it for x86_64");
    let text = preflight_for(LINUX, &MachO::default().bytes()).unwrap_err().to_string();
    assert_eq!(text, "is built for macOS (Mach-O), and this is Linux (ELF); build it for Linux (ELF)");
    let text = preflight_for(MAC, &Elf::default().bytes()).unwrap_err().to_string();
    assert_eq!(text, "is built for Linux (ELF), and this is macOS (Mach-O); build it for macOS (Mach-O)");
}

#[test]
fn a_library_without_our_symbol_is_not_a_plugin() {
    assert!(Elf { symbol: "SOMETHING_ELSE", ..Elf::default() }.refusal().contains("not an aiperf plugin"));
    assert!(MachO { symbol: "_SOMETHING_ELSE", ..MachO::default() }.refusal().contains("not an aiperf plugin"));
    // Without the underscore it is another symbol there.
    assert!(MachO { symbol: SYMBOL, ..MachO::default() }.refusal().contains("not an aiperf plugin"));
}

#[test]
fn a_broken_descriptor_says_where() {
    let refusal = |descriptor| Elf { descriptor, ..Elf::default() }.refusal();
    for (descriptor, words) in [
        (vec![0; SIZE], "it does not start with the magic bytes"),
        (MAGIC.to_vec(), "it ends before its length"),
        (symbol(r#"{"descriptor":1,"#), "its JSON cannot be read: EOF"),
        (symbol(r#"{"descriptor":2,"abi":"1.0.0"}"#), "its format is 2, this aiperf reads 1"),
        (symbol(r#"{"descriptor":1,"abi":"one"}"#), "its ABI version `one`: "),
        (symbol(r#"{"descriptor":1}"#), "its ABI version ``: "),
        ([&MAGIC[..], &[0xff; 4], b"{}"].concat(), "its length points past its end"),
    ] {
        let text = refusal(descriptor);
        assert!(text.starts_with(&format!("has a broken plugin descriptor: {words}")), "{text}");
        assert!(text.ends_with("; build it again with a released aiperf-abi"), "{text}");
    }
}

#[test]
fn the_same_major_and_no_newer_minor_fits() {
    let host = Version::parse(ABI_VERSION).unwrap();
    let judged = |major, minor, patch| {
        let abi = format!("{major}.{minor}.{patch}");
        judge_for(&host, &Descriptor { descriptor: 1, abi, panic: "unwind".to_owned(), ..Descriptor::default() })
    };
    assert!(judged(host.major, host.minor, 99).is_ok());
    assert!(matches!(judged(host.major, host.minor + 1, 0), Err(InspectError::NewerMinor { .. })));
    for major in [host.major + 1, host.major - 1] {
        assert!(matches!(judged(major, host.minor, 0), Err(InspectError::OtherMajor { .. })));
    }
    // A host of tomorrow and a library of today.
    let later = Version::new(host.major, host.minor + 3, 0);
    let today = Descriptor::decode(&good()).unwrap();
    assert!(judge_for(&later, &today).is_ok());
}

#[test]
fn versions_are_told_with_what_to_do() {
    let refusal = |abi: &str| Elf { descriptor: descriptor(abi, "unwind"), ..Elf::default() }.refusal();
    assert_eq!(
        refusal("9.2.0"),
        format!(
            "is built with aiperf-abi 9.2.0, which does not fit the {ABI_VERSION} of this aiperf; build it with \
             aiperf-abi {ABI_VERSION}"
        )
    );
    assert!(refusal("1.999.0").contains("; update aiperf, or build the plugin with aiperf-abi"));
    let text = Elf { descriptor: descriptor(ABI_VERSION, "abort"), ..Elf::default() }.refusal();
    assert!(text.starts_with("is built with panic = \"abort\""), "{text}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    for (target, bytes) in [(LINUX, Elf::default().bytes()), (MAC, MachO::default().bytes())] {
        for length in 0..bytes.len() {
            assert!(preflight_for(target, &bytes[..length]).is_err(), "{target:?} {length}");
        }
        for length in 64..bytes.len() {
            let error = preflight_for(target, &bytes[..length]).unwrap_err();
            assert!(matches!(error, InspectError::Truncated(_) | InspectError::Damaged(_)), "{length}: {error}");
        }
    }
}

#[test]
fn a_file_without_its_table_of_sections_is_cut_off() {
    let mut bytes = Elf::default().bytes();
    // e_shoff and e_shnum: a table of two, right after the end.
    let end = bytes.len() as u64;
    bytes[40..48].copy_from_slice(&end.to_le_bytes());
    bytes[60] = 2;
    let text = preflight_for(LINUX, &bytes).unwrap_err().to_string();
    assert_eq!(text, "is truncated: it ends before its table of sections; copy or build it again");
    bytes.resize(bytes.len() + 2 * 64, 0);
    preflight_for(LINUX, &bytes).unwrap();
}

/// Where the dynamic segment, the versions and the symbol's name of [`Elf`] stand.
const DYNAMIC: usize = 0x400;
const VERSIONS: usize = 0x380;

#[test]
fn links_that_go_in_circles_and_counts_beyond_sense_come_to_an_end() {
    let mut bytes = Elf::default().bytes();
    let put = |bytes: &mut Vec<u8>, at: usize, new: &[u8]| bytes[at..at + new.len()].copy_from_slice(new);
    // 65535 versions, the first of which is followed by itself, of a library that is followed by itself, without end.
    put(&mut bytes, VERSIONS + 2, &[0xff; 2]);
    put(&mut bytes, VERSIONS + 12, &[0; 4]);
    put(&mut bytes, VERSIONS + 28, &[0; 4]);
    put(&mut bytes, DYNAMIC + 7 * 16 + 8, &[0xff; 8]);
    assert_eq!(preflight_for(LINUX, &bytes).unwrap().glibc, None);
}

#[test]
fn a_hash_table_that_begins_with_the_largest_number_is_damage() {
    let mut bytes = Elf::default().bytes();
    bytes[DYNAMIC + 16..DYNAMIC + 24].copy_from_slice(&0x6fff_fef5_u64.to_le_bytes());
    // One bucket, the first symbol, no filter; the bucket, and a chain that goes on.
    let table = [1, u32::MAX, 0, 0, u32::MAX, 0, 0].map(u32::to_le_bytes).concat();
    bytes[0x340..0x340 + table.len()].copy_from_slice(&table);
    let text = preflight_for(LINUX, &bytes).unwrap_err().to_string();
    assert_eq!(text, "is damaged: its table of symbols lies outside the file; copy or build it again");
}

#[test]
fn many_entries_that_name_one_long_text_are_refused_and_not_copied() {
    let mut bytes = Elf::default().bytes();
    let end = bytes.len();
    // A dynamic segment at the end: all of the first one but its end mark, then needed libraries, all of one name.
    let grown = |bytes: &mut Vec<u8>, needed: usize| {
        bytes.truncate(end);
        let first = bytes[DYNAMIC..DYNAMIC + 9 * 16].to_vec();
        bytes.extend(first);
        for _ in 0..needed {
            bytes.extend([1_u64, 1].map(u64::to_le_bytes).concat());
        }
        bytes.extend([0; 16]);
        let (length, size) = (bytes.len() as u64, (bytes.len() - end) as u64);
        for at in [64 + 32, 64 + 40] {
            bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
        }
        for (at, number) in [(8, end as u64), (16, end as u64), (24, end as u64), (32, size), (40, size)] {
            bytes[64 + 56 + at..64 + 56 + at + 8].copy_from_slice(&number.to_le_bytes());
        }
    };
    grown(&mut bytes, 2);
    assert_eq!(preflight_for(LINUX, &bytes).unwrap().needed, ["libc.so.6", SYMBOL, SYMBOL]);
    grown(&mut bytes, 5000);
    let text = preflight_for(LINUX, &bytes).unwrap_err().to_string();
    assert_eq!(text, "is damaged: it needs more than 4096 libraries; copy or build it again");
}

#[test]
fn a_name_ends_and_is_no_longer_than_a_path() {
    let names = [&b"\0a\0"[..], &[b'x'; 5000], b"\0end"].concat();
    let names = Names(&names);
    assert_eq!((names.name(1).as_deref(), names.name(0).as_deref()), (Some("a"), Some("")));
    assert_eq!((names.name(3), names.name(3 + 5000 + 1), names.name(u32::MAX)), (None, None, None));
    assert!(names.is(1, "", "a") && !names.is(0, "", "a") && !names.is(5004, "", "end"));
}

#[test]
fn a_mac_library_has_one_table_of_symbols() {
    let mut bytes = MachO::default().bytes();
    // The name of the library itself, as a second table.
    let (at, table) = (32 + 72 + 56 * 2, 32 + 72);
    let second = bytes[at..at + 24].to_vec();
    bytes[table..table + 24].copy_from_slice(&second);
    bytes[table + 4] = 56;
    let text = preflight_for(MAC, &bytes).unwrap_err().to_string();
    assert_eq!(text, "is damaged: it has two tables of symbols; copy or build it again");
}

#[test]
fn folders_and_missing_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    assert!(inspect(folder.path()).unwrap_err().to_string().starts_with("is not a shared library but a folder;"));
    let missing = inspect(&folder.path().join("gone.so")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot be read: "), "{missing}");
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        mac in any::<bool>(),
        changes in prop::collection::vec((0_usize..0x500, any::<u8>()), 0..20),
        cut in 0_usize..0x2000,
    ) {
        let (target, mut bytes) = match mac {
            true => (MAC, fat(&[(0x0100_000c, MachO::default().bytes())])),
            false => (LINUX, Elf::default().bytes()),
        };
        let start = if mac { 0x1000 } else { 0 };
        for (at, byte) in changes {
            bytes[start + at] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut.saturating_sub(0x1000)));
        let _ = preflight_for(target, &bytes);
    }

    #[test]
    fn nor_does_any_text(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(preflight(&bytes).is_err());
    }
}
