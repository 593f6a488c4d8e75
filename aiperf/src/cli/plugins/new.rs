//! `new NAME`: a package of one's own, from the same template that `cargo generate` uses. The template is in this program:
//! neither a network nor another tool is needed, only the clone whose `aiperf-abi` the package builds against.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::text::{columns, fitted};
use super::{Failure, Form};
use crate::exit::Exit;
use crate::plugin::name;

/// A file of the template.
struct Piece {
    path: &'static str,
    text: &'static str,
    /// Whether there are placeholders in it.
    filled: Filled,
}

#[derive(PartialEq)]
enum Filled {
    In,
    AsItIs,
}

macro_rules! piece {
    ($path:literal, $filled:ident) => {
        Piece {
            path: $path,
            text: include_str!(concat!("../../../../plugin-template/", $path)),
            filled: Filled::$filled,
        }
    };
}

/// What `cargo generate` makes a package of: the template without what only that tool reads. `AsItIs` are the files its
/// `exclude` names.
const TEMPLATE: &[Piece] = &[
    piece!(".gitignore", In),
    piece!("Cargo.toml", In),
    piece!("README.md", In),
    piece!("examples/echo_server.rs", AsItIs),
    piece!("plugins.yaml", In),
    piece!("src/echo.rs", AsItIs),
    piece!("src/lib.rs", In),
    piece!("tests/echo.rs", In),
];

/// Only a clone has this file at this place.
const CLONE_HOLDS: &str = "plugin-template/hooks/clone.rhai";

#[derive(Debug, Serialize)]
struct Document {
    name: String,
    folder: PathBuf,
    aiperf: PathBuf,
    files: Vec<&'static str>,
}

/// `aiperf plugins new NAME`
pub(super) fn make(name: &str, aiperf: Option<&Path>, form: Form) -> Result<Exit, Failure> {
    let usage = |told: String| Failure::saying(Exit::Usage, told);
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !valid {
        return Err(usage(format!("`{name}` is no name for a package: it takes lower-case letters, digits and `-`"))
            .with_hint(format!("for example `{}`", suggested(name))));
    }
    let here = std::env::current_dir().map_err(|error| usage(format!("there is no current folder: {error}")))?;
    let folder = here.join(name);
    if folder.exists() {
        return Err(usage(format!("{} is there already", folder.display())).with_hint("choose another name or place"));
    }
    let nearby = clone_near(&here);
    let aiperf = match aiperf {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        None => nearby.clone().ok_or_else(|| {
            usage("there is no clone of aiperf here or in a folder above, and the package builds against its `aiperf-abi`".to_owned())
                .with_hint("say where it is: --aiperf PATH")
        })?,
    };
    if !aiperf.join(CLONE_HOLDS).is_file() {
        return Err(usage(format!("there is no clone of aiperf at {}", aiperf.display()))
            .with_hint("it would hold aiperf-abi/ and plugin-template/"));
    }
    // Inside the clone a package has to say that it is no member of the clone's workspace.
    let inside = nearby.is_some_and(|clone| folder.starts_with(clone));
    for piece in TEMPLATE {
        let text = match piece.filled {
            Filled::In => filled(piece.text, name, &aiperf, inside),
            Filled::AsItIs => piece.text.to_owned(),
        };
        let path = folder.join(piece.path);
        let parent = path.parent().unwrap_or(&folder);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
        written.map_err(|error| Failure::saying(Exit::Failed, format!("{}: {error}", path.display())))?;
    }
    let files = TEMPLATE.iter().map(|piece| piece.path).collect();
    form.tell(&Document { name: name.to_owned(), folder, aiperf, files }, |document| {
        fitted(&words(document), columns())
    });
    Ok(Exit::Success)
}

fn words(Document { name, folder, aiperf, .. }: &Document) -> String {
    format!(
        "Made {}, built against {}\n\nNext:\n  cd {name}\n  cargo test\n  cargo build --release\n  aiperf plugins add .\n  \
         aiperf plugins endpoint echo\n",
        folder.display(),
        aiperf.display()
    )
}

/// A name like the one that was given, and valid.
fn suggested(name: &str) -> String {
    let folded = name::fold(name);
    let clean: String = folded.chars().filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-').collect();
    match clean.trim_start_matches(|c: char| !c.is_ascii_lowercase()) {
        "" => "my-plugins".to_owned(),
        clean => clean.to_owned(),
    }
}

/// The clone this is in or beside: each folder upwards, and a folder `aiperf` in it.
fn clone_near(here: &Path) -> Option<PathBuf> {
    let candidates = here.ancestors().flat_map(|folder| [folder.to_owned(), folder.join("aiperf")]);
    candidates.into_iter().find(|folder| folder.join(CLONE_HOLDS).is_file())
}

/// The placeholders, as `cargo generate` fills them in.
fn filled(text: &str, name: &str, aiperf: &Path, stands_alone: bool) -> String {
    const IF: &str = "{% if stands_alone %}";
    const END: &str = "{% endif %}";
    let mut text = text
        .replace("{{project-name}}", name)
        .replace("{{crate_name}}", &name.replace('-', "_"))
        .replace("{{aiperf}}", &aiperf.display().to_string());
    if let (Some(start), Some(end)) = (text.find(IF), text.find(END)) {
        let inner = if stands_alone { text[start + IF.len()..end].to_owned() } else { String::new() };
        text.replace_range(start..end + END.len(), &inner);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of the template on the disk, without those that only `cargo generate` reads.
    fn on_disk(folder: &Path, root: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(root).unwrap().display().to_string();
            match inside.as_str() {
                "hooks" | "cargo-generate.toml" | "target" | "Cargo.lock" => {}
                _ if path.is_dir() => on_disk(&path, root, into),
                _ => into.push(inside),
            }
        }
    }

    #[test]
    fn the_program_holds_the_whole_template() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-template");
        let mut disk = Vec::new();
        on_disk(&root, &root, &mut disk);
        disk.sort();
        let mut held: Vec<_> = TEMPLATE.iter().map(|piece| piece.path).collect();
        held.sort_unstable();
        assert_eq!(held, disk);
        let settings = fs::read_to_string(root.join("cargo-generate.toml")).unwrap();
        let excluded = settings.lines().find(|line| line.starts_with("exclude")).unwrap();
        for piece in TEMPLATE {
            assert_eq!(excluded.contains(piece.path), piece.filled == Filled::AsItIs, "{}", piece.path);
        }
    }

    #[test]
    fn no_placeholder_is_left() {
        for piece in TEMPLATE.iter().filter(|piece| piece.filled == Filled::In) {
            for stands_alone in [true, false] {
                let text = filled(piece.text, "my-plugins", Path::new("/clone"), stands_alone);
                assert!(!text.contains("{{") && !text.contains("{%"), "{}: {text}", piece.path);
            }
        }
    }
}
