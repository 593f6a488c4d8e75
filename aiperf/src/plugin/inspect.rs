//! What a library file is and offers, read from its bytes. Loads nothing and runs nothing: a file is read, not mapped,
//! and every number in it is checked before it is used. Knows nothing of manifests.

use std::borrow::Cow;
use std::path::Path;

use aiperf_abi::data::descriptor::{ABI_VERSION, Descriptor};
use object::{Architecture, FileKind};
use semver::Version;
use serde::Serialize;

mod elf;
mod macho;

/// Larger than any plugin; a file of this size was given by mistake.
const SIZE_LIMIT: u64 = 4 << 30;

/// A library this host can load, as far as can be told without loading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// What the library says of itself.
    pub descriptor: Descriptor,
    /// The libraries it needs, by file name.
    pub needed: Vec<String>,
    /// The newest version of the C library it asks for, e.g. `2.34`; none where it asks for none.
    pub glibc: Option<String>,
}

/// Why a file is no library this host can use. The path is the caller's to say.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file cannot be read.
    #[error("cannot be read: {0}; check the path and its permissions")]
    Unreadable(#[source] std::io::Error),
    /// Libraries cannot be loaded here.
    #[error(
        "cannot be used: plugin libraries are supported on Linux and macOS, not on {}; only the built-in plugins work here",
        std::env::consts::OS
    )]
    System,
    /// It is something else.
    #[error("is not a shared library but {0}; build the plugin with `crate-type = [\"cdylib\"]` and give the result")]
    NotALibrary(&'static str),
    /// It ends too early.
    #[error("is truncated: {0}; copy or build it again")]
    Truncated(String),
    /// Its inner structure makes no sense.
    #[error("is damaged: {0}; copy or build it again")]
    Damaged(String),
    /// It was built for another system or processor.
    #[error("is built for {library}, and this is {host}; build it for {host}")]
    WrongSystem {
        /// What it is for.
        library: String,
        /// What this is.
        host: String,
    },
    /// A library, but not one of ours.
    #[error(
        "is a shared library but not an aiperf plugin: it exports no plugin descriptor; \
         export its types with aiperf_abi's `export_plugin!`"
    )]
    NotAPlugin,
    /// The descriptor cannot be understood.
    #[error("has a broken plugin descriptor: {0}; build it again with a released aiperf-abi")]
    BrokenDescriptor(String),
    /// Built with another major version of the contract.
    #[error(
        "is built with aiperf-abi {library}, which does not fit the {ABI_VERSION} of this aiperf; \
         build it with aiperf-abi {ABI_VERSION}"
    )]
    OtherMajor {
        /// The library's version; ours is [`ABI_VERSION`].
        library: Version,
    },
    /// Built with a newer minor version of the contract.
    #[error(
        "is built with aiperf-abi {library}, newer than the {ABI_VERSION} of this aiperf; \
         update aiperf, or build the plugin with aiperf-abi {ABI_VERSION}"
    )]
    NewerMinor {
        /// The library's version; ours is [`ABI_VERSION`].
        library: Version,
    },
    /// A panic in it would end the run.
    #[error("is built with panic = \"{0}\", so that a panic in it would end the run; build it with panic = \"unwind\"")]
    Panics(String),
}

/// What a library has to be made for. Only tests name another than this system, so that every reader is tested everywhere.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    format: Format,
    architecture: Architecture,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Elf,
    MachO,
}

/// What the reader of one file format found.
#[derive(Debug, Default)]
struct Contents<'a> {
    /// The bytes from the descriptor's symbol on.
    descriptor: Option<&'a [u8]>,
    needed: Vec<String>,
    glibc: Option<String>,
}

/// A table of names, each ended by a zero. Of whatever a file says, a look at it costs little: many entries may point at one
/// name, and a name may be as long as the file.
#[derive(Clone, Copy)]
struct Names<'a>(&'a [u8]);

impl<'a> Names<'a> {
    /// Longer than any path is.
    const LONGEST: usize = 4096;

    /// The part of a file from `offset` on, `size` bytes; none where it lies outside.
    fn within(bytes: &'a [u8], offset: u64, size: u64) -> Option<Self> {
        let end = offset.checked_add(size)?;
        bytes.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?).map(Self)
    }

    /// The name that begins at `at`; none where it is too long, or has no end.
    fn name(self, at: u32) -> Option<Cow<'a, str>> {
        let rest = self.0.get(at as usize..)?;
        let rest = &rest[..rest.len().min(Self::LONGEST + 1)];
        Some(String::from_utf8_lossy(&rest[..memchr::memchr(0, rest)?]))
    }

    /// Whether the name that begins at `at` is `prefix` and `name`.
    fn is(self, at: u32, prefix: &str, name: &str) -> bool {
        let rest = self.0.get(at as usize..).and_then(|rest| rest.strip_prefix(prefix.as_bytes()));
        rest.and_then(|rest| rest.strip_prefix(name.as_bytes())).is_some_and(|rest| rest.first() == Some(&0))
    }
}

/// Reads a library file without loading it, and judges whether this host can use it.
///
/// # Errors
/// What is wrong with it, in the order in which it matters: the file, its kind, its system, its descriptor, its version.
pub fn inspect(path: &Path) -> Result<Inspection, InspectError> {
    if cfg!(not(unix)) {
        return Err(InspectError::System);
    }
    preflight(&read(path)?)
}

/// The same for bytes that were read already.
///
/// # Errors
/// As [`inspect`].
pub fn preflight(bytes: &[u8]) -> Result<Inspection, InspectError> {
    preflight_for(Target::host(), bytes)
}

/// The bytes of a file that may be a library.
///
/// # Errors
/// When it cannot be read, or is no regular file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, InspectError> {
    let meta = std::fs::metadata(path).map_err(InspectError::Unreadable)?;
    if meta.is_dir() {
        return Err(InspectError::NotALibrary("a folder"));
    }
    if !meta.is_file() {
        return Err(InspectError::NotALibrary("no regular file"));
    }
    if meta.len() > SIZE_LIMIT {
        return Err(InspectError::NotALibrary("a file of more than 4 GiB"));
    }
    std::fs::read(path).map_err(InspectError::Unreadable)
}

/// As [`preflight`] for a host that is such a system.
#[doc(hidden)]
pub fn preflight_for(target: Target, bytes: &[u8]) -> Result<Inspection, InspectError> {
    let contents = match kind(bytes)? {
        kind @ (FileKind::Elf32 | FileKind::Elf64) => {
            target.expect_format(Format::Elf)?;
            match kind {
                FileKind::Elf32 => elf::read::<object::elf::FileHeader32<_>>(target, bytes)?,
                _ => elf::read::<object::elf::FileHeader64<_>>(target, bytes)?,
            }
        }
        kind => {
            target.expect_format(Format::MachO)?;
            macho::read(target, kind, bytes)?
        }
    };
    let descriptor = contents.descriptor.ok_or(InspectError::NotAPlugin)?;
    let descriptor = Descriptor::decode(descriptor).map_err(InspectError::BrokenDescriptor)?;
    judge(&descriptor)?;
    Ok(Inspection { descriptor, needed: contents.needed, glibc: contents.glibc })
}

/// The kind of a file that may be a library; everything else is named for what it is.
fn kind(bytes: &[u8]) -> Result<FileKind, InspectError> {
    use InspectError::NotALibrary;
    match bytes {
        [] => return Err(NotALibrary("an empty file")),
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', ..] => return Err(NotALibrary("a static library")),
        [b'#', b'!', ..] => return Err(NotALibrary("a script")),
        [b'M', b'Z', ..] => return Err(NotALibrary("a Windows program or library")),
        _ => {}
    }
    match FileKind::parse(bytes) {
        Ok(
            kind @ (FileKind::Elf32
            | FileKind::Elf64
            | FileKind::MachO32
            | FileKind::MachO64
            | FileKind::MachOFat32
            | FileKind::MachOFat64),
        ) => Ok(kind),
        _ if bytes.starts_with(b"\x7fELF") => Err(InspectError::Truncated("it ends inside its header".to_owned())),
        _ if bytes.iter().take(4096).all(|byte| !matches!(byte, 0..=8 | 14..=26)) => Err(NotALibrary("a text file")),
        _ => Err(NotALibrary("a file of another kind")),
    }
}

fn judge(descriptor: &Descriptor) -> Result<(), InspectError> {
    judge_for(&Version::parse(ABI_VERSION).expect("a crate's version is a version"), descriptor)
}

/// Whether a host of this version can work with what the descriptor says.
fn judge_for(host: &Version, descriptor: &Descriptor) -> Result<(), InspectError> {
    if descriptor.descriptor != 1 {
        let text = format!("its format is {}, this aiperf reads 1", descriptor.descriptor);
        return Err(InspectError::BrokenDescriptor(text));
    }
    let library = Version::parse(&descriptor.abi)
        .map_err(|error| InspectError::BrokenDescriptor(format!("its ABI version `{}`: {error}", descriptor.abi)))?;
    if library.major != host.major {
        return Err(InspectError::OtherMajor { library });
    }
    if library.minor > host.minor {
        return Err(InspectError::NewerMinor { library });
    }
    match descriptor.panic.as_str() {
        "unwind" => Ok(()),
        other => Err(InspectError::Panics(other.to_owned())),
    }
}

impl Target {
    /// Linux on a usual processor.
    pub const LINUX: Self = Self { format: Format::Elf, architecture: Architecture::X86_64 };
    /// Linux on an old one, whose files are laid out otherwise.
    pub const LINUX_32: Self = Self { format: Format::Elf, architecture: Architecture::I386 };
    /// macOS.
    pub const MAC: Self = Self { format: Format::MachO, architecture: Architecture::Aarch64 };

    fn host() -> Self {
        let format = if cfg!(target_vendor = "apple") { Format::MachO } else { Format::Elf };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => Architecture::X86_64,
            "aarch64" => Architecture::Aarch64,
            "x86" => Architecture::I386,
            "arm" => Architecture::Arm,
            "riscv64" => Architecture::Riscv64,
            "powerpc64" => Architecture::PowerPc64,
            "s390x" => Architecture::S390x,
            "loongarch64" => Architecture::LoongArch64,
            _ => Architecture::Unknown,
        };
        Self { format, architecture }
    }

    fn expect_format(self, format: Format) -> Result<(), InspectError> {
        let name = |format| match format {
            Format::Elf => "Linux (ELF)",
            Format::MachO => "macOS (Mach-O)",
        };
        match self.format == format {
            true => Ok(()),
            false => {
                Err(InspectError::WrongSystem { library: name(format).to_owned(), host: name(self.format).to_owned() })
            }
        }
    }

    /// An unknown architecture on our side is not held against the library; the system's loader has the last word.
    fn expect_architecture(self, found: Architecture) -> Result<(), InspectError> {
        match self.architecture == Architecture::Unknown || self.architecture == found {
            true => Ok(()),
            false => Err(InspectError::WrongSystem {
                library: format!("{found:?}").to_lowercase(),
                host: format!("{:?}", self.architecture).to_lowercase(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
