//! The files of the clone: all of them but what `.gitignore` names at the root, and `.git`.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the clone.
pub(crate) struct Source {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Its number of lines.
    pub(crate) fn length(&self) -> usize {
        self.text.lines().count()
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the workspace").to_owned()
}

/// The text of one file.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text file, by path.
pub(crate) fn all() -> Vec<Source> {
    let root = root();
    let ignored: Vec<String> =
        read(".gitignore").lines().filter_map(|line| line.strip_prefix('/')).map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
            if inside == ".git" || ignored.contains(&inside) || inside.ends_with("/target") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push(Source { path: inside, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Every Rust file.
pub(crate) fn rust() -> Vec<Source> {
    all().into_iter().filter(Source::is_rust).collect()
}

/// Rust files that are shipped: not tests, benches or examples of their own.
pub(crate) fn shipped() -> Vec<Source> {
    let shipped = |source: &Source| {
        let path = source.path.as_str();
        let package = ["aiperf/", "aiperf-abi/", "plugins/", "plugin-template/"].iter().any(|p| path.starts_with(p));
        package && path.contains("/src/")
    };
    rust().into_iter().filter(shipped).collect()
}
