//! `new NAME`: a package of one's own, from the same template that `cargo generate` uses. The template is in this program:
//! neither a network nor another tool is needed, only the clone whose `aiperf-abi` the package builds against.

use std::fs;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior, context};
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

/// What there is of one category: an entry, and the files of it alone.
struct Skeleton {
    category: &'static str,
    entry: &'static str,
    class: &'static str,
    pieces: &'static [Piece],
}

macro_rules! piece {
    ($path:expr, $filled:ident) => {
        Piece {
            path: $path,
            text: include_str!(concat!("../../../../plugin-template/", $path)),
            filled: Filled::$filled,
        }
    };
}

macro_rules! skeletons {
    ($($category:literal: $entry:literal $class:literal $(, $more:literal)?;)*) => {&[$(
        Skeleton {
            category: $category,
            entry: $entry,
            class: $class,
            pieces: &[
                piece!(concat!("src/", $entry, ".rs"), AsItIs),
                piece!(concat!("tests/", $entry, ".rs"), In),
                $(piece!($more, AsItIs),)?
            ],
        },
    )*]};
}

/// What `cargo generate` makes every package of: the template without what only that tool reads. `AsItIs` are the files its
/// `exclude` names.
const SHARED: &[Piece] = &[
    piece!(".gitignore", In),
    piece!("Cargo.toml", In),
    piece!("README.md", In),
    piece!("plugins.yaml", In),
    piece!("rustfmt.toml", In),
    piece!("src/lib.rs", In),
];

/// As `hooks/choose-skeleton.rhai` has them: category, entry, class, and what there is beside its source and its tests.
const SKELETONS: &[Skeleton] = skeletons! {
    "custom_dataset_loader": "transcript" "TranscriptLoader";
    "data_exporter": "markdown" "MarkdownExporter";
    "endpoint": "echo" "EchoEndpoint", "examples/echo_server.rs";
    "record_processor": "cost" "CostProcessor";
    "result_handler": "baseline" "BaselineHandler";
    "timing_strategy": "batches" "BatchStrategy";
    "transport": "unix" "UnixTransport";
};

/// The category of a package where nobody says one.
pub(super) const DEFAULT_CATEGORY: &str = "endpoint";

/// The categories there is a skeleton of.
pub(super) fn categories() -> PossibleValuesParser {
    PossibleValuesParser::new(SKELETONS.iter().map(|skeleton| skeleton.category))
}

/// Only a clone has this file at this place.
const CLONE_HOLDS: &str = "plugin-template/hooks/clone.rhai";

#[derive(Debug, Serialize)]
struct Document {
    name: String,
    category: &'static str,
    entry: &'static str,
    folder: PathBuf,
    aiperf: PathBuf,
    files: Vec<&'static str>,
}

/// `aiperf plugins new NAME`
pub(super) fn make(name: &str, category: &str, aiperf: Option<&Path>, form: Form) -> Result<Exit, Failure> {
    let skeleton = SKELETONS.iter().find(|skeleton| skeleton.category == category).expect("clap knows them all");
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
    let stands_alone = nearby.is_some_and(|clone| folder.starts_with(clone));
    let told = Told { name, skeleton, aiperf: &aiperf, stands_alone };
    let pieces = || SHARED.iter().chain(skeleton.pieces);
    for piece in pieces() {
        let text = match piece.filled {
            Filled::In => told.filled(piece),
            Filled::AsItIs => piece.text.to_owned(),
        };
        let path = folder.join(piece.path);
        let parent = path.parent().unwrap_or(&folder);
        let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
        written.map_err(|error| Failure::saying(Exit::Failed, format!("{}: {error}", path.display())))?;
    }
    let files = pieces().map(|piece| piece.path).collect();
    let Skeleton { category, entry, .. } = *skeleton;
    form.tell(&Document { name: name.to_owned(), category, entry, folder, aiperf, files }, |document| {
        fitted(&words(document), columns())
    });
    Ok(Exit::Success)
}

fn words(Document { name, category, entry, folder, aiperf, .. }: &Document) -> String {
    format!(
        "Made {}, built against {}\n\nNext:\n  cd {name}\n  cargo test\n  cargo build --release\n  aiperf plugins add .\n  \
         aiperf plugins {category} {entry}\n\nREADME.md has the command that uses it.\n",
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

/// What the placeholders stand for, as the hooks of `cargo generate` set them.
struct Told<'a> {
    name: &'a str,
    skeleton: &'a Skeleton,
    aiperf: &'a Path,
    stands_alone: bool,
}

impl Told<'_> {
    /// The template keeps to what Liquid, which `cargo generate` speaks, and Jinja have in common.
    fn filled(&self, piece: &Piece) -> String {
        let mut jinja = Environment::new();
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        jinja.set_syntax(syntax.expect("the delimiters are the usual ones"));
        jinja.set_undefined_behavior(UndefinedBehavior::Strict);
        let values = context! {
            package => self.name,
            crate_name => self.name.replace('-', "_"),
            aiperf => self.aiperf.display().to_string(),
            stands_alone => self.stands_alone,
            category => self.skeleton.category,
            entry => self.skeleton.entry,
            class => self.skeleton.class,
        };
        jinja.render_str(piece.text, values).expect("a test renders every file of the template")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::category;

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

    fn all() -> impl Iterator<Item = &'static Piece> {
        SHARED.iter().chain(SKELETONS.iter().flat_map(|skeleton| skeleton.pieces))
    }

    #[test]
    fn the_program_holds_the_whole_template() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-template");
        let mut disk = Vec::new();
        on_disk(&root, &root, &mut disk);
        disk.sort();
        let mut held: Vec<_> = all().map(|piece| piece.path).collect();
        held.sort_unstable();
        assert_eq!(held, disk);
        let settings = fs::read_to_string(root.join("cargo-generate.toml")).unwrap();
        for piece in all() {
            let excluded = settings.contains(&format!("\"{}\",", piece.path));
            assert_eq!(excluded, piece.filled == Filled::AsItIs, "{}", piece.path);
        }
    }

    #[test]
    fn each_skeleton_is_of_a_category_and_the_hook_has_the_same() {
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-template/hooks/choose-skeleton.rhai");
        let hook = fs::read_to_string(hook).unwrap();
        for Skeleton { category, entry, class, .. } in SKELETONS {
            assert!(category::find(category).is_ok(), "{category}");
            let line = format!("    {category}: [\"{entry}\", \"{class}\"],");
            assert!(hook.lines().any(|other| other == line), "{line}");
        }
        assert!(SKELETONS.iter().any(|skeleton| skeleton.category == DEFAULT_CATEGORY));
    }

    #[test]
    fn no_placeholder_is_left() {
        for skeleton in SKELETONS {
            for piece in SHARED.iter().chain(skeleton.pieces).filter(|piece| piece.filled == Filled::In) {
                for stands_alone in [true, false] {
                    let told = Told { name: "my-plugins", skeleton, aiperf: Path::new("/clone"), stands_alone };
                    let text = told.filled(piece);
                    assert!(!text.contains("{{") && !text.contains("{%"), "{}: {text}", piece.path);
                }
            }
        }
    }
}
