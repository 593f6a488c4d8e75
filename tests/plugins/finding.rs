//! Where packages are found, and what happens to those that are not in order.

use crate::place::Place;

fn names(json: &serde_json::Value) -> Vec<&str> {
    json["packages"].as_array().expect("a list").iter().map(|one| one["name"].as_str().expect("a name")).collect()
}

#[test]
fn packages_come_from_flags_the_environment_and_data_folders_in_this_order() {
    let place = Place::new();
    for (folder, name) in [
        ("data/aiperf/plugins/u", "user"),
        ("share/aiperf/plugins/s", "system"),
        ("env1", "env1"),
        ("env2/deep", "env2"),
        ("flag", "flag"),
    ] {
        place.package(folder, name, &[(name, 0, "x:X")]);
    }
    let with = |line: &str| {
        let list = std::env::join_paths([place.path("env1"), place.path("env2")]).expect("paths");
        let mut command = place.command(line);
        command.env("AIPERF_PLUGIN_PATH", list).env("XDG_DATA_DIRS", place.path("share"));
        place.ended(&mut command).json()
    };
    assert_eq!(names(&with("plugins --json --plugin-path flag")), ["aiperf", "flag", "env1", "env2", "user", "system"]);
    let origins = with("plugins --json");
    let origins =
        origins["packages"].as_array().expect("a list")[1..].iter().map(|one| one["source"]["origin"].as_str());
    assert_eq!(
        origins.flatten().collect::<Vec<_>>(),
        ["AIPERF_PLUGIN_PATH", "AIPERF_PLUGIN_PATH", "the user's data folder", "a system data folder"]
    );
    assert_eq!(names(&with("plugins --no-plugins --json")), ["aiperf"]);
    assert_eq!(names(&with("plugins list-plugins --json --plugin-path flag/plugins.yaml"))[1], "flag");
}

#[test]
fn what_is_not_in_order_is_told_and_all_else_works() {
    let place = Place::new();
    let user = |name: &str| format!("data/aiperf/plugins/{name}");
    place.manifest(&user("a-broken"), "schema_version: '1.0'\nplugin: {name: x, verzion: 1}\nendpiont: {}\n");
    place.manifest(&user("b-text"), "- not\n- a manifest\n");
    place.package(&user("c-good"), "good", &[("log", 0, "good:Log")]);
    place.package(&user("d-again"), "good", &[("other", 0, "other:Log")]);
    place.package(&user("e-same"), "same", &[("LOG", 0, "same:Log")]);
    place.package(&user("f-gone"), "gone", &[("z", 0, "gone:Z")]);
    std::fs::remove_file(place.path(&user("f-gone/lib.so"))).expect("removed");
    let ran = place.plugins("");
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(ran.whole());

    let json = place.plugins("data_exporter log --json");
    assert_eq!((json.json()["class"].as_str(), json.stderr.as_str()), (Some("good:Log"), ""));
    let json = place.plugins("--json").json();
    let set_aside = &json["set_aside"];
    assert_eq!((&set_aside[0]["faults"][0]["line"], &set_aside[0]["faults"][0]["column"]), (&2.into(), &19.into()));
    assert_eq!(set_aside[2]["name"], "gone");
    assert_eq!(json["hidden"][0]["name"], "good");
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(1));
}

#[test]
fn validate_names_each_fault_and_ends_with_1() {
    let place = Place::new();
    place.built_echo("data/aiperf/plugins/echo");
    let ran = place.plugins("--validate");
    assert!(ran.quiet().ends_with("\nAll checks passed\n"), "{}", ran.stdout);

    place.package("data/aiperf/plugins/none", "none", &[("x", 0, "none:X")]);
    place.manifest("data/aiperf/plugins/wrong", "schema_version: '1.0'\nplugin: {name: x, verzion: 1}\nendpiont: {}\n");
    place.built_echo("data/aiperf/plugins/yecho");
    let manifest = place.path("data/aiperf/plugins/yecho/plugins.yaml");
    let text = std::fs::read_to_string(&manifest).expect("text");
    let text = text.replace("version: 0.1.0", "version: 0.2.0").replace(":EchoEndpoint", ":EchoEndpont");
    std::fs::write(&manifest, text).expect("written");
    let ran = place.plugins("--validate");
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.whole());

    let json = place.plugins("--validate --json");
    assert_eq!(json.code, Some(1));
    let json = json.json();
    assert_eq!((&json["passed"], &json["packages"]), (&false.into(), &4.into()));
    let checks =
        json["checks"].as_array().expect("a list").iter().map(|check| check["faults"].as_array().map(Vec::len));
    assert_eq!(checks.flatten().collect::<Vec<_>>(), [0, 0, 2, 0, 0, 1, 1, 1]);
    assert_eq!(json["checks"][2]["number"], 3);
}

#[test]
fn validate_takes_a_path_to_anything_of_a_package() {
    let place = Place::new();
    place.built_echo("packages/echo");
    let library = format!("packages/echo/{}", crate::place::library("aiperf_echo"));
    for path in ["packages", "packages/echo", "packages/echo/plugins.yaml", library.as_str()] {
        let ran = place.plugins(&format!("validate {path}"));
        assert!(ran.quiet().contains("Validating plugins: 1 package\n"), "{path}: {}", ran.stdout);
        assert!(ran.stdout.ends_with("\nAll checks passed\n"), "{path}: {}", ran.stdout);
    }
    assert_eq!(place.plugins("validate packages --json").json()["passed"], true);
}

#[test]
fn a_run_warns_of_a_package_that_is_set_aside_in_one_line() {
    let place = Place::new();
    place.manifest("data/aiperf/plugins/wrong", "schema_version: '1.0'\nplugin: {name: x, verzion: 1}\nendpiont: {}\n");
    let ran = place.ended(&mut place.command(
        "profile --model m --url sim://?ttft=0&itl=0 --endpoint-type chat --request-count 1 --isl 8 --tokenizer builtin",
    ));
    let lines: Vec<_> = ran.stderr.lines().filter(|line| line.contains("is set aside")).collect();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(lines.len(), 1, "{}", ran.stderr);
    assert!(lines[0].contains("wrong/plugins.yaml:2:19: plugin: unknown key `verzion`"), "{}", lines[0]);
    assert!(lines[0].ends_with("(and 1 more; `aiperf plugins --validate` names them)"), "{}", lines[0]);
}

#[test]
fn two_hundred_packages_are_listed_in_the_order_of_their_folders() {
    let place = Place::new();
    for number in 0..200 {
        let name = format!("package-{number:03}");
        place.package(&format!("data/aiperf/plugins/{number:03}"), &name, &[(&name, 0, "x:X")]);
    }
    let json = place.plugins("--json").json();
    let expected: Vec<_> = (0..200).map(|number| format!("package-{number:03}")).collect();
    assert_eq!(names(&json)[1..], expected.iter().map(String::as_str).collect::<Vec<_>>());
}
