//! Fixtures as installed packages, for real runs of the program.

use std::path::{Path, PathBuf};

use crate::harness::{Place, Ran};
use crate::support::fixture;

/// Makes a package of a fixture: its library, and a manifest with these entries.
pub(crate) fn package(place: &Place, library: &str, entries: &str) -> PathBuf {
    package_of(place, library, &fixture(library), entries)
}

/// Makes a package of the library in a file.
pub(crate) fn package_of(place: &Place, library: &str, file: &Path, entries: &str) -> PathBuf {
    let folder = place.path().join("packages").join(library);
    std::fs::create_dir_all(&folder).unwrap();
    let name = Path::new(file.file_name().unwrap());
    std::fs::copy(file, folder.join(name)).unwrap();
    let head = format!(
        "schema_version: \"1.0\"\nplugin:\n  name: {library}\n  version: 0.3.0\n  library: {}\n",
        name.display()
    );
    std::fs::write(folder.join("plugins.yaml"), head + entries).unwrap();
    place.path().join("packages")
}

/// `aiperf profile` against the engine inside, with the packages of this place.
pub(crate) fn profile(place: &Place, args: &[&str]) -> Ran {
    let packages = place.path().join("packages");
    let mut all = vec!["--plugin-path", packages.to_str().unwrap()];
    if !args.contains(&"--url") {
        all.extend(["--url", "sim://?ttft=0&itl=0", "--isl", "8", "--osl", "2"]);
    }
    all.extend(args);
    place.profile(&all)
}
