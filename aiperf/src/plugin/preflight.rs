//! What can be said of a library file before the system's loader touches it. A file that is cut off would end the process
//! there, and a library that does not fit would run its constructors first.

use std::path::Path;

use aiperf_abi::data::descriptor::{self, Descriptor};
use object::{Architecture, BinaryFormat, File, FileKind, Object, ObjectSection, ObjectSegment, ObjectSymbol};
use semver::Version;

use super::library::LibraryError;

/// The ABI this host speaks.
pub(super) const HOST_ABI: &str = descriptor::ABI_VERSION;

#[cfg(target_os = "macos")]
const FORMAT: (BinaryFormat, &str) = (BinaryFormat::MachO, "Mach-O");
#[cfg(not(target_os = "macos"))]
const FORMAT: (BinaryFormat, &str) = (BinaryFormat::Elf, "ELF");

/// Checks the bytes of a library and reads its descriptor.
pub(super) fn preflight(path: &Path, bytes: &[u8]) -> Result<Descriptor, LibraryError> {
    let path = || path.to_owned();
    if FileKind::parse(bytes).is_err() {
        let reason = if bytes.is_empty() { "it is empty" } else { "its first bytes are of no format that is known" };
        return Err(LibraryError::NotALibrary { path: path(), reason: reason.to_owned() });
    }
    let file = File::parse(bytes)
        .map_err(|error| LibraryError::Truncated { path: path(), reason: error.to_string().to_lowercase() })?;
    if file.format() != FORMAT.0 {
        let reason = format!("it is of the format {:?}, and this system loads {}", file.format(), FORMAT.1);
        return Err(LibraryError::NotALibrary { path: path(), reason });
    }
    if !machine_fits(file.architecture()) {
        let found = format!("{:?}", file.architecture()).to_lowercase();
        return Err(LibraryError::Architecture { path: path(), found, ours: std::env::consts::ARCH });
    }
    for segment in file.segments() {
        let (start, length) = segment.file_range();
        if start.checked_add(length).is_none_or(|end| end > bytes.len() as u64) {
            let reason =
                format!("it should have {} bytes or more, and has {}", start.saturating_add(length), bytes.len());
            return Err(LibraryError::Truncated { path: path(), reason });
        }
    }
    if file.kind() != object::ObjectKind::Dynamic {
        let reason = format!("it is an {:?} file", file.kind()).to_lowercase();
        return Err(LibraryError::NotALibrary { path: path(), reason });
    }
    let symbol = symbol(&file).ok_or_else(|| LibraryError::NotAPlugin { path: path() })?;
    let descriptor = Descriptor::decode(symbol).map_err(|reason| LibraryError::Descriptor { path: path(), reason })?;
    speaks(&descriptor, path)?;
    Ok(descriptor)
}

/// Versions and panics.
fn speaks(descriptor: &Descriptor, path: impl Fn() -> std::path::PathBuf) -> Result<(), LibraryError> {
    let theirs = Version::parse(&descriptor.abi).map_err(|error| LibraryError::Descriptor {
        path: path(),
        reason: format!("its ABI version `{}` cannot be read: {error}", descriptor.abi),
    })?;
    let ours = Version::parse(HOST_ABI).expect("cargo lets no crate have another kind of version");
    let library = descriptor.abi.clone();
    if theirs.major != ours.major {
        return Err(LibraryError::OtherMajor { path: path(), library });
    }
    if theirs.minor > ours.minor {
        return Err(LibraryError::NewerMinor { path: path(), library });
    }
    if descriptor.panic != "unwind" {
        return Err(LibraryError::Abort { path: path() });
    }
    Ok(())
}

fn machine_fits(found: Architecture) -> bool {
    match std::env::consts::ARCH {
        "x86_64" => found == Architecture::X86_64,
        "aarch64" => found == Architecture::Aarch64,
        // Left to the system's loader.
        _ => true,
    }
}

/// The bytes of the exported descriptor.
fn symbol<'d>(file: &File<'d>) -> Option<&'d [u8]> {
    let symbol =
        file.dynamic_symbols().chain(file.symbols()).filter(|symbol| symbol.is_definition()).find(|symbol| {
            symbol.name().is_ok_and(|name| name.strip_prefix('_').unwrap_or(name) == descriptor::SYMBOL)
        })?;
    let section = file.section_by_index(symbol.section_index()?).ok()?;
    section.data_range(symbol.address(), descriptor::SIZE as u64).ok()?
}
