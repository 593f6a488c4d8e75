//! Packages go in whole or not at all, and come out.

use super::*;
use crate::plugin::validate::tests::{echo, echo_with};

/// Every file below a folder, relative to it.
fn files(folder: &Path) -> Vec<String> {
    let Ok(list) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> = list
        .flat_map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.path().is_dir() {
                true => files(&entry.path()).into_iter().map(|inside| format!("{name}/{inside}")).collect(),
                false => vec![name],
            }
        })
        .collect();
    names.sort();
    names
}

fn library() -> String {
    format!("{}aiperf_echo{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

#[test]
fn a_package_goes_in_by_folder_manifest_or_library_and_comes_out() {
    let root = tempfile::tempdir().unwrap();
    let (source, user) = (root.path().join("src"), root.path().join("user/plugins"));
    echo(&source);
    for given in [source.clone(), source.join(FILE_NAME), source.join(library())] {
        let added = add(&given, &user, Existing::Keep).unwrap();
        assert_eq!((added.name.as_str(), added.version.as_str()), ("aiperf-plugin-echo", "0.1.0"));
        assert_eq!(added.entries, [("endpoint".to_owned(), "echo".to_owned())]);
        assert_eq!(
            files(&user),
            [format!("aiperf-plugin-echo/{}", library()), "aiperf-plugin-echo/plugins.yaml".to_owned()]
        );
        assert_eq!(remove("Aiperf_Plugin-Echo", &user).unwrap().name, "aiperf-plugin-echo");
        assert_eq!(files(&user), Vec::<String>::new());
    }
}

#[test]
fn the_library_is_taken_from_where_cargo_built_it() {
    let root = tempfile::tempdir().unwrap();
    let (source, user) = (root.path().join("workspace/plugins/echo"), root.path().join("user"));
    echo(&source);
    let built = root.path().join("workspace/target/release");
    fs::create_dir_all(&built).unwrap();
    fs::rename(source.join(library()), built.join(library())).unwrap();
    let added = add(&source, &user, Existing::Keep).unwrap();
    assert!(added.library.unwrap().ends_with(Path::new("workspace/target/release").join(library())));
    assert!(user.join("aiperf-plugin-echo").join(library()).is_file());
}

#[test]
fn what_is_there_is_kept_unless_it_is_to_be_replaced() {
    let root = tempfile::tempdir().unwrap();
    let (source, user) = (root.path().join("src"), root.path().join("user"));
    echo(&source);
    add(&source, &user, Existing::Keep).unwrap();
    let mark = user.join("aiperf-plugin-echo/mark");
    fs::write(&mark, "").unwrap();
    let error = add(&source, &user, Existing::Keep).unwrap_err();
    assert!(matches!(error, InstallError::Exists { .. }) && error.to_string().contains("--force"), "{error}");
    assert!(mark.exists(), "nothing was touched");
    add(&source, &user, Existing::Replace).unwrap();
    assert_eq!(files(&user).len(), 2, "the old one is gone whole: {:?}", files(&user));
}

#[test]
fn a_package_with_faults_is_not_put_in_and_leaves_nothing_behind() {
    let root = tempfile::tempdir().unwrap();
    let (source, user) = (root.path().join("src"), root.path().join("user"));
    echo_with(&source, "EchoEndpoint", "EchoEndpiont");
    let InstallError::Faulty(faults) = add(&source, &user, Existing::Keep).unwrap_err() else { panic!() };
    assert_eq!(faults.len(), 1);
    assert!(faults[0].1.to_string().contains("did you mean `EchoEndpoint`?"), "{}", faults[0].1);
    assert_eq!(files(&user), Vec::<String>::new());
    fs::write(root.path().join("lone.so"), b"\x7fELF").unwrap();
    let lone = add(&root.path().join("lone.so"), &user, Existing::Keep).unwrap_err();
    assert!(matches!(lone, InstallError::NoManifest(_)), "{lone}");
    assert!(matches!(add(&root.path().join("gone"), &user, Existing::Keep), Err(InstallError::Io { .. })));
}

#[test]
fn what_is_not_there_cannot_be_taken_out_and_a_broken_package_can() {
    let root = tempfile::tempdir().unwrap();
    let user = root.path();
    fs::create_dir(user.join("broken")).unwrap();
    fs::write(user.join("broken").join(FILE_NAME), "?").unwrap();
    let error = remove("brokn", user).unwrap_err().to_string();
    assert!(error.ends_with("(did you mean `broken`?)"), "{error}");
    assert_eq!(remove("broken", user).unwrap().version, "(broken)");
    assert!(!user.join("broken").exists());
}
