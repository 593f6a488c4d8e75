//! ELF: looks at a file the way the system's loader does, through its segments, so that a stripped file reads the same.
//! Knows where the descriptor's symbol is, not what is in it.

use aiperf_abi::data::descriptor::{SIZE, SYMBOL};
use object::elf::{self, DT_GNU_HASH, DT_HASH, DT_NEEDED, DT_STRSZ, DT_STRTAB, DT_SYMTAB};
use object::read::ReadRef;
use object::read::elf::{Dyn, FileHeader, GnuHashTable, HashTable, ProgramHeader, SectionHeader, Sym};
use object::{Architecture, Endianness};

use super::{Contents, InspectError, Names, Target};

pub(super) fn read<Elf>(target: Target, bytes: &[u8]) -> Result<Contents<'_>, InspectError>
where
    Elf: FileHeader<Endian = Endianness>,
{
    let header = Elf::parse(bytes).map_err(|_| truncated("it ends inside its header"))?;
    let endian = header.endian().map_err(|_| damaged("its byte order is unknown"))?;
    target.expect_architecture(architecture(header, endian))?;
    if header.is_big_endian() != cfg!(target_endian = "big") {
        return Err(damaged("its byte order is not this system's"));
    }
    match header.e_type(endian) {
        elf::ET_DYN => {}
        elf::ET_EXEC => return Err(PROGRAM),
        elf::ET_REL => return Err(InspectError::NotALibrary("an object file")),
        elf::ET_CORE => return Err(InspectError::NotALibrary("a core dump")),
        _ => return Err(damaged("its type is unknown")),
    }
    let segments =
        header.program_headers(endian, bytes).map_err(|_| truncated("it ends before its table of segments"))?;
    let file = File::<Elf> { bytes, endian, segments };
    file.check_length(header)?;
    file.contents()
}

/// More than any library needs.
const MOST_NEEDED: usize = 4096;

/// More versions than any library asks for.
const MOST_VERSIONS: usize = 1 << 16;

const PROGRAM: InspectError = InspectError::NotALibrary("a program");

struct File<'a, Elf: FileHeader> {
    bytes: &'a [u8],
    endian: Endianness,
    segments: &'a [Elf::ProgramHeader],
}

impl<'a, Elf: FileHeader<Endian = Endianness>> File<'a, Elf> {
    /// The file must be there to the last byte: what the loader would map beyond the end would kill the process when
    /// touched, and a missing table of sections, which stands last, tells that a copy or download broke off.
    fn check_length(&self, header: &Elf) -> Result<(), InspectError> {
        let mut any = false;
        for segment in self.segments {
            any |= segment.p_type(self.endian) == elf::PT_LOAD;
            self.check_range("a segment", segment.file_range(self.endian))?;
        }
        if !any {
            return Err(damaged("it has no segment to load"));
        }
        let sections = header.section_headers(self.endian, self.bytes);
        for section in sections.map_err(|_| truncated("it ends before its table of sections"))? {
            if let Some(range) = section.file_range(self.endian) {
                self.check_range("a section", range)?;
            }
        }
        Ok(())
    }

    fn check_range(&self, what: &str, (offset, size): (u64, u64)) -> Result<(), InspectError> {
        let length = self.bytes.len() as u64;
        match offset.checked_add(size) {
            Some(end) if end <= length => Ok(()),
            Some(end) => Err(truncated(&format!("it has {length} bytes and {what} that ends at {end}"))),
            None => Err(damaged(&format!("{what} ends past every file"))),
        }
    }

    fn contents(&self) -> Result<Contents<'a>, InspectError> {
        let dynamic = self.dynamic()?;
        let interpreted = self.segments.iter().any(|segment| segment.p_type(self.endian) == elf::PT_INTERP);
        let flags = value(&dynamic, elf::DT_FLAGS_1).unwrap_or(0);
        if interpreted || flags & u64::from(elf::DF_1_PIE) != 0 {
            return Err(PROGRAM);
        }
        let names = self.names(&dynamic)?;
        let needed = || dynamic.iter().filter(|(tag, _)| *tag == DT_NEEDED);
        if needed().count() > MOST_NEEDED {
            return Err(damaged(&format!("it needs more than {MOST_NEEDED} libraries")));
        }
        let needed = needed().filter_map(|(_, at)| Some(names.name(u32::try_from(*at).ok()?)?.into_owned())).collect();
        Ok(Contents { descriptor: self.descriptor(&dynamic, names)?, needed, glibc: self.glibc(&dynamic, names) })
    }

    /// (tag, value) of the dynamic segment, up to its end mark.
    fn dynamic(&self) -> Result<Vec<(u32, u64)>, InspectError> {
        for segment in self.segments {
            let entries = segment.dynamic(self.endian, self.bytes);
            if let Some(entries) = entries.map_err(|_| damaged("its dynamic segment lies outside the file"))? {
                let pairs =
                    entries.iter().map(|entry| (entry.d_tag(self.endian).into(), entry.d_val(self.endian).into()));
                let until_end = pairs.take_while(|(tag, _)| *tag != u64::from(elf::DT_NULL));
                return Ok(until_end.filter_map(|(tag, value)| Some((u32::try_from(tag).ok()?, value))).collect());
            }
        }
        Err(damaged("it has no dynamic segment"))
    }

    fn names(&self, dynamic: &[(u32, u64)]) -> Result<Names<'a>, InspectError> {
        let place = value(dynamic, DT_STRTAB).zip(value(dynamic, DT_STRSZ));
        let names = place.and_then(|(address, size)| Names::within(self.bytes, self.offset(address)?, size));
        names.ok_or_else(|| damaged("its table of names lies outside the file"))
    }

    /// The bytes from the descriptor's symbol to the end of its segment, at most as many as a descriptor has.
    fn descriptor(&self, dynamic: &[(u32, u64)], names: Names<'a>) -> Result<Option<&'a [u8]>, InspectError> {
        let symbols = self.symbols(dynamic).ok_or_else(|| damaged("its table of symbols lies outside the file"))?;
        let wanted = symbols.iter().find(|symbol| {
            !symbol.is_undefined(self.endian) && !symbol.is_local() && names.is(symbol.st_name(self.endian), "", SYMBOL)
        });
        let Some(symbol) = wanted else { return Ok(None) };
        let bytes = self
            .from(symbol.st_value(self.endian).into())
            .ok_or_else(|| InspectError::BrokenDescriptor("its symbol points outside the file".to_owned()))?;
        Ok(Some(&bytes[..bytes.len().min(SIZE)]))
    }

    fn symbols(&self, dynamic: &[(u32, u64)]) -> Option<&'a [Elf::Sym]> {
        let table = self.offset(value(dynamic, DT_SYMTAB)?)?;
        // The table has no length of its own; the hash tables, made to look names up in it, know it.
        let count = if let Some(hash) = value(dynamic, DT_HASH) {
            HashTable::<Elf>::parse(self.endian, self.from(hash)?).ok()?.symbol_table_length()
        } else {
            let hash = GnuHashTable::<Elf>::parse(self.endian, self.from(value(dynamic, DT_GNU_HASH)?)?).ok()?;
            // From a first symbol that the file has no room for, its reader would count past the largest number.
            let room = self.bytes.len() / size_of::<Elf::Sym>();
            usize::try_from(hash.symbol_base()).ok().filter(|first| *first <= room)?;
            // None: it exports nothing.
            hash.symbol_table_length(self.endian).unwrap_or(0)
        };
        self.bytes.read_slice_at(table, count as usize).ok()
    }

    /// The newest `GLIBC_x.y` among the versions the library asks for.
    fn glibc(&self, dynamic: &[(u32, u64)], names: Names<'a>) -> Option<String> {
        let mut at = self.offset(value(dynamic, elf::DT_VERNEED)?)?;
        let mut newest: Option<(Vec<u32>, String)> = None;
        let mut left = MOST_VERSIONS;
        for _ in 0..value(dynamic, elf::DT_VERNEEDNUM)? {
            let need: &elf::Verneed<Endianness> = self.bytes.read_at(at).ok()?;
            let mut aux_at = at.checked_add(need.vn_aux.get(self.endian).into())?;
            for _ in 0..need.vn_cnt.get(self.endian) {
                // Links may go in circles, and the counts be large.
                left = left.checked_sub(1)?;
                let aux: &elf::Vernaux<Endianness> = self.bytes.read_at(aux_at).ok()?;
                let name = names.name(aux.vna_name.get(self.endian));
                if let Some(version) = name.as_deref().and_then(|name| name.strip_prefix("GLIBC_")) {
                    let numbers: Option<Vec<u32>> = version.split('.').map(|number| number.parse().ok()).collect();
                    if let Some(numbers) = numbers
                        && newest.as_ref().is_none_or(|(known, _)| *known < numbers)
                    {
                        newest = Some((numbers, version.to_owned()));
                    }
                }
                aux_at = aux_at.checked_add(aux.vna_next.get(self.endian).into())?;
            }
            left = left.checked_sub(1)?;
            at = at.checked_add(need.vn_next.get(self.endian).into())?;
        }
        newest.map(|(_, version)| version)
    }

    /// Where an address of the loaded library is in the file.
    fn offset(&self, address: u64) -> Option<u64> {
        let loads = self.segments.iter().filter(|segment| segment.p_type(self.endian) == elf::PT_LOAD);
        loads.into_iter().find_map(|segment| {
            let (offset, size) = segment.file_range(self.endian);
            let inside = address.checked_sub(segment.p_vaddr(self.endian).into()).filter(|inside| *inside < size)?;
            offset.checked_add(inside)
        })
    }

    /// The bytes of the file from an address on, to the end of its segment.
    fn from(&self, address: u64) -> Option<&'a [u8]> {
        let loads = self.segments.iter().filter(|segment| segment.p_type(self.endian) == elf::PT_LOAD);
        loads.into_iter().find_map(|segment| {
            let inside = address.checked_sub(segment.p_vaddr(self.endian).into())?;
            segment.data(self.endian, self.bytes).ok()?.get(usize::try_from(inside).ok()?..)
        })
    }
}

fn value(dynamic: &[(u32, u64)], tag: u32) -> Option<u64> {
    dynamic.iter().find(|(one, _)| *one == tag).map(|(_, value)| *value)
}

fn architecture<Elf: FileHeader>(header: &Elf, endian: Elf::Endian) -> Architecture {
    match (header.e_machine(endian), header.is_class_64()) {
        (elf::EM_X86_64, true) => Architecture::X86_64,
        (elf::EM_X86_64, false) => Architecture::X86_64_X32,
        (elf::EM_AARCH64, true) => Architecture::Aarch64,
        (elf::EM_386, _) => Architecture::I386,
        (elf::EM_ARM, _) => Architecture::Arm,
        (elf::EM_RISCV, true) => Architecture::Riscv64,
        (elf::EM_RISCV, false) => Architecture::Riscv32,
        (elf::EM_PPC64, _) => Architecture::PowerPc64,
        (elf::EM_S390, true) => Architecture::S390x,
        (elf::EM_LOONGARCH, true) => Architecture::LoongArch64,
        _ => Architecture::Unknown,
    }
}

fn truncated(what: &str) -> InspectError {
    InspectError::Truncated(what.to_owned())
}

fn damaged(what: &str) -> InspectError {
    InspectError::Damaged(what.to_owned())
}
