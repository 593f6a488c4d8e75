//! Who has a name: the package that was installed, the one that was chosen for good, the one that was chosen for once.

use serde_json::json;

use crate::place::Place;

/// The echo library under the names of a package that replaces built-in endpoints.
fn with_optimized() -> Place {
    let place = Place::new();
    place.built_echo("own");
    let manifest = place.path("own/plugins.yaml");
    let text = std::fs::read_to_string(&manifest).expect("text");
    let text = text.replace("name: aiperf-plugin-echo", "name: optimized").replace("\n  echo:", "\n  chat:");
    std::fs::write(&manifest, text.replace("aiperf-plugin-echo", "optimized")).expect("written");
    std::fs::create_dir_all(place.path("data/aiperf/plugins")).expect("a folder");
    std::fs::rename(place.path("own"), place.path("data/aiperf/plugins/optimized")).expect("moved");
    place
}

#[test]
fn three_users_of_one_name() {
    let mut told = Vec::new();
    let alone = Place::new();
    let place = with_optimized();
    let mut tell =
        |place: &Place, line: &str| told.push(format!("$ aiperf plugins {line}\n{}", place.plugins(line).quiet()));
    // Nothing but aiperf.
    tell(&alone, "which endpoint chat");
    // A package that is installed has the name, without another word.
    tell(&place, "which endpoint chat");
    // Its user wants what is built in: for once, for good, and no more.
    tell(&place, "which endpoint chat --use endpoint:chat=aiperf");
    tell(&place, "use endpoint chat aiperf");
    tell(&place, "which endpoint chat");
    tell(&place, "which endpoint chat --use endpoint:chat=optimized");
    tell(&place, "use endpoint chat --clear");
    tell(&place, "which endpoint chat");
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_choice_is_remembered_whatever_else_is_asked_and_told_as_json() {
    let place = with_optimized();
    let which = place.plugins("which endpoint chat --json").json();
    assert_eq!((&which["rule"], &which["winner"]["package"]), (&json!("external_beats_builtin"), &json!("optimized")));
    assert_eq!(which["shadowed"][0]["class"], "aiperf:ChatEndpoint");
    let used = place.plugins("use Endpoint CHAT aiperf --json").json();
    assert_eq!((&used["type"], &used["class"]), (&json!("chat"), &json!("aiperf:ChatEndpoint")));
    assert_eq!(used["before"], "aiperf_echo:EchoEndpoint");
    assert_eq!(place.plugins("endpoint chat --json").json()["shadows"][0]["rule"], "remembered");
    let forgotten = |line: &str| place.plugins(line).json()["forgotten"].clone();
    assert_eq!(forgotten("use endpoint Chat --clear --json"), "aiperf");
    assert_eq!(forgotten("use endpoint Chat --clear --json"), json!(null));
}

#[test]
fn a_run_takes_what_was_chosen() {
    let place = with_optimized();
    let line = "profile --model m --url sim://?ttft=0&itl=0 --request-count 1 --isl 8 --tokenizer builtin \
                --artifact-dir out";
    let of_package = place.ended(&mut place.command(line));
    let builtin = place.ended(&mut place.command(&format!("{line} --use endpoint:chat=aiperf")));
    assert_ne!(of_package.stdout, builtin.stdout);
    assert_eq!(builtin.code, Some(0), "{}", builtin.stderr);
    place.plugins("use endpoint chat aiperf").quiet();
    assert_eq!(place.ended(&mut place.command(line)).code, Some(0));
    let wrong = place.ended(&mut place.command(&format!("{line} --use endpoint:chat=optimised")));
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("did you mean `optimized`?"), "{}", wrong.stderr);
}

#[test]
fn a_disabled_package_takes_no_part_until_it_is_enabled() {
    let place = with_optimized();
    let off = place.plugins("disable Optimized");
    assert_eq!(off.quiet(), "optimized takes no part until `aiperf plugins enable optimized`.\n");
    assert!(place.plugins("").stderr.contains("note: package `optimized` is disabled"));
    assert_eq!(place.plugins("--json").json()["disabled"][0]["name"], "optimized");
    assert_eq!(place.plugins("which endpoint chat --json").json()["winner"]["package"], "aiperf");
    let chosen = place.plugins("use endpoint chat optimized");
    assert_eq!(chosen.code, Some(2));
    assert!(chosen.stderr.contains("it is disabled: `aiperf plugins enable`"), "{}", chosen.stderr);
    assert_eq!(place.plugins("enable optimized --json").json()["changed"], true);
    assert_eq!(place.plugins("enable optimized").quiet(), "optimized is not disabled.\n");
    assert_eq!(place.plugins("which endpoint chat --json").json()["winner"]["package"], "optimized");
}

#[test]
fn what_cannot_be_preferred_ends_with_2_and_what_to_do() {
    let place = with_optimized();
    let forms = [
        "use endpoint chat optimised",
        "use endpoint cha aiperf",
        "use endpoint chat",
        "which endpoint cha",
        "disable aiperf",
        "disable optimised",
        "enable optimised",
        "--use endpoint:chat=nobody",
        "--use chat=nobody",
    ];
    let told = forms.map(|form| {
        let ran = place.plugins(form);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{form}");
        format!("$ aiperf plugins {form}\n{}", ran.stderr)
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_choice_of_a_package_that_is_gone_is_a_warning() {
    let place = with_optimized();
    place.plugins("use endpoint chat optimized").quiet();
    std::fs::remove_dir_all(place.path("data/aiperf/plugins/optimized")).expect("removed");
    let ran = place.plugins("which endpoint chat");
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.contains("is       aiperf:ChatEndpoint"), "{}", ran.stdout);
    assert!(
        ran.stderr.starts_with("warning: the remembered choice of optimized for endpoint `chat` has no effect"),
        "{}",
        ran.stderr
    );
    assert_eq!(place.plugins("which endpoint chat --no-plugins").stderr, "");

    std::fs::write(place.path("home/.config/aiperf/plugins.yaml"), "usse: {}\n").expect("written");
    let broken = place.plugins("");
    assert_eq!(broken.code, Some(2));
    assert!(broken.stderr.contains("plugins.yaml: ") && broken.stderr.contains("remove it"), "{}", broken.stderr);
}
