//! Mach-O: thin and universal files, through their load commands. Knows where the descriptor's symbol is, not what is
//! in it.

use aiperf_abi::data::descriptor::{SIZE, SYMBOL};
use object::macho;
use object::read::macho::{FatArch, LoadCommandVariant, MachHeader, MachOFatFile, Nlist, Segment};
use object::{Architecture, Endianness, FileKind};

use super::{Contents, InspectError, Names, Target};

pub(super) fn read(target: Target, kind: FileKind, bytes: &[u8]) -> Result<Contents<'_>, InspectError> {
    match kind {
        FileKind::MachOFat32 => fat::<macho::FatArch32>(target, bytes),
        FileKind::MachOFat64 => fat::<macho::FatArch64>(target, bytes),
        FileKind::MachO32 => thin::<macho::MachHeader32<Endianness>>(target, bytes),
        _ => thin::<macho::MachHeader64<Endianness>>(target, bytes),
    }
}

/// The slice of a universal file that is for this processor.
fn fat<Fat: FatArch>(target: Target, bytes: &[u8]) -> Result<Contents<'_>, InspectError> {
    let file = MachOFatFile::<Fat>::parse(bytes).map_err(|_| truncated("it ends inside its list of processors"))?;
    let slice = file.arches().iter().find(|slice| target.expect_architecture(slice.architecture()).is_ok());
    let Some(slice) = slice else {
        let found = file.arches().first().map_or(Architecture::Unknown, FatArch::architecture);
        target.expect_architecture(found)?;
        return Err(InspectError::Damaged("it is for no processor at all".to_owned()));
    };
    let slice = slice.data(bytes).map_err(|_| truncated("it ends before the part for this processor"))?;
    match FileKind::parse(slice) {
        Ok(FileKind::MachO32) => thin::<macho::MachHeader32<Endianness>>(target, slice),
        Ok(FileKind::MachO64) => thin::<macho::MachHeader64<Endianness>>(target, slice),
        _ => Err(InspectError::Damaged("its part for this processor is no library".to_owned())),
    }
}

fn thin<Mach>(target: Target, bytes: &[u8]) -> Result<Contents<'_>, InspectError>
where
    Mach: MachHeader<Endian = Endianness>,
{
    let header = Mach::parse(bytes, 0).map_err(|_| truncated("it ends inside its header"))?;
    let endian = header.endian().map_err(|_| InspectError::Damaged("its byte order is unknown".to_owned()))?;
    target.expect_architecture(architecture(header.cputype(endian)))?;
    match header.filetype(endian) {
        macho::MH_DYLIB | macho::MH_BUNDLE => {}
        macho::MH_EXECUTE => return Err(InspectError::NotALibrary("a program")),
        macho::MH_OBJECT => return Err(InspectError::NotALibrary("an object file")),
        _ => return Err(InspectError::NotALibrary("a Mach-O file of another kind")),
    }
    let mut commands =
        header.load_commands(endian, bytes, 0).map_err(|_| truncated("it ends before its load commands"))?;
    let mut needed = Vec::new();
    let mut segments = Vec::new();
    let (mut has_symbols, mut address) = (false, None);
    while let Some(command) = commands.next().map_err(|_| damaged("a load command has no end"))? {
        if let Ok(Some((segment, _))) = Mach::Segment::from_command(command) {
            let (offset, size) = segment.file_range(endian);
            match offset.checked_add(size) {
                Some(end) if end <= bytes.len() as u64 => segments.push(segment),
                _ => return Err(truncated("a segment ends past the end of the file")),
            }
        }
        match command.variant() {
            Ok(LoadCommandVariant::Dylib(dylib)) if command.cmd() != macho::LC_ID_DYLIB => {
                let name =
                    command.string(endian, dylib.dylib.name).map_err(|_| damaged("a needed library has no name"))?;
                needed.push(String::from_utf8_lossy(name).into_owned());
            }
            Ok(LoadCommandVariant::Symtab(table)) => {
                if std::mem::replace(&mut has_symbols, true) {
                    return Err(damaged("it has two tables of symbols"));
                }
                let names = Names::within(bytes, table.stroff.get(endian).into(), table.strsize.get(endian).into());
                let symbols = table.symbols::<Mach, _>(endian, bytes).ok().zip(names);
                let (symbols, names) = symbols.ok_or_else(|| truncated("it ends before its table of symbols"))?;
                let wanted = symbols.iter().find(|symbol| {
                    symbol.is_definition()
                        && symbol.n_type() & macho::N_EXT != 0
                        && names.is(symbol.n_strx(endian), "_", SYMBOL)
                });
                address = wanted.map(|symbol| symbol.n_value(endian).into());
            }
            _ => {}
        }
    }
    let descriptor = address.map(|address: u64| {
        let segment = segments.iter().find_map(|segment| {
            let inside = address.checked_sub(segment.vmaddr(endian).into())?;
            segment.data(endian, bytes).ok()?.get(usize::try_from(inside).ok()?..)
        });
        segment.map(|bytes| &bytes[..bytes.len().min(SIZE)])
    });
    match descriptor {
        Some(None) => Err(InspectError::BrokenDescriptor("its symbol points outside the file".to_owned())),
        found => Ok(Contents { descriptor: found.flatten(), needed, glibc: None }),
    }
}

fn architecture(cpu: u32) -> Architecture {
    match cpu {
        macho::CPU_TYPE_X86_64 => Architecture::X86_64,
        macho::CPU_TYPE_ARM64 => Architecture::Aarch64,
        macho::CPU_TYPE_X86 => Architecture::I386,
        macho::CPU_TYPE_ARM => Architecture::Arm,
        _ => Architecture::Unknown,
    }
}

fn truncated(what: &str) -> InspectError {
    InspectError::Truncated(what.to_owned())
}

fn damaged(what: &str) -> InspectError {
    InspectError::Damaged(what.to_owned())
}
