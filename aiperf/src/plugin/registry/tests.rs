//! Who wins a name, how an entry is found, and what happens to packages with faults.

use super::*;
use crate::builtin;
use crate::plugin::discovery::Surroundings;

/// A folder of packages.
struct Packages(tempfile::TempDir, Preferences);

impl Packages {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap(), Preferences::default())
    }

    /// A package in `folder` with `body` under its head, and a file in the place of its library.
    fn add(&self, folder: &str, name: &str, body: &str) -> &Self {
        let place = self.0.path().join(folder);
        std::fs::create_dir_all(&place).unwrap();
        let head = format!("schema_version: '1.0'\nplugin: {{name: {name}, version: 0.1.0, library: lib.so}}\n");
        std::fs::write(place.join("plugins.yaml"), head + body).unwrap();
        std::fs::write(place.join("lib.so"), "not a library").unwrap();
        self
    }

    fn registry(&self) -> Registry {
        let nothing = Surroundings { variable: &|_| None, program: None, user: None };
        let options = DiscoveryOptions::new(&[self.0.path().to_owned()], &nothing).unwrap();
        Registry::discover(builtin::manifest(), &options, &self.1)
    }
}

fn exporter(name: &str, class: &str, priority: i64) -> String {
    format!("data_exporter: {{{name}: {{class: {class}, priority: {priority}}}}}\n")
}

fn transport(name: &str, class: &str, schemes: &str, priority: i64) -> String {
    format!(
        "transport: {{{name}: {{class: {class}, priority: {priority}, \
         metadata: {{transport_type: x, url_schemes: [{schemes}]}}}}}}\n"
    )
}

fn class(registry: &Registry, category: &str, wanted: &str) -> String {
    registry.entry(category, wanted).unwrap().class.to_string()
}

fn rule(standing: &Standing) -> Rule {
    match standing {
        Standing::Wins { over } => over[0].rule,
        Standing::Loses { to } => to.rule,
    }
}

#[test]
fn the_higher_priority_wins_wherever_it_is_from() {
    let packages = Packages::new();
    packages.add("a", "low", &exporter("json", "low:Json", -1)).add("b", "high", &exporter("csv", "high:Csv", 1));
    let registry = packages.registry();
    assert_eq!(class(&registry, "data_exporter", "json"), "aiperf:JsonExporter");
    assert_eq!(class(&registry, "data_exporter", "csv"), "high:Csv");
    assert_eq!(rule(&registry.entry("data_exporter", "csv").unwrap().standing), Rule::HigherPriority);
    assert_eq!(registry.warnings().count(), 0);
}

#[test]
fn at_equal_priority_a_package_beats_what_is_built_in_and_the_loser_stays_reachable() {
    let packages = Packages::new();
    packages.add("a", "mine", &exporter("JSON", "mine:Json", 0));
    let registry = packages.registry();
    let winner = registry.entry("data_exporter", "json").unwrap();
    assert_eq!(winner.class.to_string(), "mine:Json");
    assert_eq!(rule(&winner.standing), Rule::ExternalBeatsBuiltin);
    let loser = registry.entry("data_exporter", "aiperf:JsonExporter").unwrap();
    let Standing::Loses { to } = &loser.standing else { panic!("{:?}", loser.standing) };
    assert_eq!((to.package.as_str(), to.class.as_str()), ("mine", "mine:Json"));
    assert_eq!(registry.warnings().count(), 0);
    let data_exporter = category::find("data_exporter").unwrap();
    assert_eq!(registry.entries(data_exporter).count(), 5, "a name is listed once");
}

#[test]
fn of_two_equal_packages_the_first_wins_with_a_warning() {
    let packages = Packages::new();
    packages.add("b", "second", &exporter("my-log", "two:Log", 5)).add("a", "first", &exporter("my_log", "one:Log", 5));
    let registry = packages.registry();
    assert_eq!(class(&registry, "data_exporter", "My-Log"), "one:Log");
    assert_eq!(class(&registry, "data_exporter", "two:Log"), "two:Log");
    assert_eq!(
        registry.warnings().collect::<Vec<_>>(),
        ["`first` and `second` both offer data_exporter `my_log` with priority 5; \
          the first is used, the other as `two:Log`"]
    );
}

#[test]
fn names_match_without_regard_to_case_and_dashes() {
    let registry = Packages::new().add("a", "p", &exporter("x", "p:X", 0)).registry();
    for spelling in ["nim_rankings", "NIM-Rankings", "nim-rankings"] {
        assert_eq!(class(&registry, "Endpoint", spelling), "aiperf:NimRankingsEndpoint");
    }
}

#[test]
fn a_name_that_does_not_exist_is_answered_with_what_does_and_the_nearest() {
    let registry = Packages::new().add("a", "p", &exporter("influx", "p:X", 0)).registry();
    let told = |category: &str, name: &str| registry.entry(category, name).unwrap_err().to_string();
    insta::assert_snapshot!(
        [told("data_exporter", "jsonn"), told("endpoint", "my:Chat"), told("exporter", "json")].join("\n\n")
    );
}

#[test]
fn a_transport_is_chosen_by_the_scheme_of_the_url() {
    let packages = Packages::new();
    packages.add("a", "zmq", &transport("pipe", "zmq:Pipe", "ipc, INPROC", 0));
    packages.add("b", "fast", &transport("fast_http", "fast:Http", "http", 1));
    let registry = packages.registry();
    let chosen = |url: &str| registry.transport_for_url(url).map(|entry| entry.name.clone());
    assert_eq!(chosen("sim://x").unwrap(), "in_engine");
    assert_eq!(chosen("HTTPS://host").unwrap(), "http");
    assert_eq!(chosen("inproc://a").unwrap(), "pipe");
    assert_eq!(chosen("http://host").unwrap(), "fast_http", "the higher priority");
    assert_eq!(chosen("localhost:8000").unwrap(), "fast_http", "without a scheme it is http");
    insta::assert_snapshot!(chosen("htp://host").unwrap_err());
}

#[test]
fn a_package_with_faults_is_set_aside_and_disturbs_nobody() {
    let packages = Packages::new();
    packages.add("a", "broken", "data_exporter: {x: {klass: a:B}}\n");
    packages.add("b", "aiperf", &exporter("y", "y:Y", 0));
    packages.add("c", "empty", "");
    packages.add("d", "gone", &exporter("z", "z:Z", 0));
    std::fs::remove_file(packages.0.path().join("d/lib.so")).unwrap();
    packages.add("e", "good", &exporter("good", "good:Good", 0));
    let registry = packages.registry();
    assert_eq!(registry.packages().map(Package::name).collect::<Vec<_>>(), ["aiperf", "good"]);
    assert_eq!(class(&registry, "data_exporter", "good"), "good:Good");
    let root = packages.0.path().canonicalize().unwrap();
    let told = registry.faults().iter().flat_map(|package| &package.faults).map(ToString::to_string);
    let told = told.collect::<Vec<_>>().join("\n");
    let told =
        told.replace(&root.display().to_string(), "[root]").replace(&packages.0.path().display().to_string(), "[root]");
    insta::assert_snapshot!(told);
    assert_eq!(registry.faults()[3].name.as_deref(), Some("gone"));
}

#[test]
fn of_two_packages_of_one_name_the_first_hides_the_other() {
    let packages = Packages::new();
    packages.add("a", "same", &exporter("one", "one:X", 0)).add("b", "Same", &exporter("two", "two:X", 0));
    let registry = packages.registry();
    assert_eq!(class(&registry, "data_exporter", "one"), "one:X");
    assert!(registry.entry("data_exporter", "two").is_err());
    let [hidden] = registry.hidden() else { panic!("{:?}", registry.hidden()) };
    assert_eq!(hidden.name, "Same");
    assert!(hidden.manifest.ends_with("b/plugins.yaml") && hidden.used.ends_with("a/plugins.yaml"), "{hidden:?}");
}

#[test]
fn the_order_is_by_category_and_name_and_always_the_same() {
    let packages = Packages::new();
    for number in (0..20).rev() {
        let body =
            exporter("shared", &format!("l{number}:X"), number % 3) + &transport(&format!("t{number}"), "l:T", "x", 0);
        packages.add(&format!("p{number:02}"), &format!("package{number}"), &body);
    }
    let order = || -> Vec<String> {
        packages.registry().all().map(|entry| format!("{} {} {}", entry.category, entry.name, entry.class)).collect()
    };
    let first = order();
    assert_eq!(first, order());
    assert_eq!(
        first[..2],
        ["endpoint audio_transcription aiperf:AudioTranscriptionEndpoint", "endpoint chat aiperf:ChatEndpoint"]
    );
    let shared: Vec<_> = first.iter().filter(|line| line.contains("shared")).collect();
    assert_eq!((shared.len(), shared[0].as_str()), (20, "data_exporter shared l2:X"), "the first of the highest");
}

#[test]
fn a_remembered_choice_beats_priority_and_one_for_this_run_beats_both() {
    let mut packages = Packages::new();
    packages.add("a", "high", &exporter("csv", "high:Csv", 9)).add("b", "low", &exporter("CSV", "low:Csv", 1));
    packages.1.remember("data_exporter", "csv", "Low");
    let mut registry = packages.registry();
    let winner = registry.entry("data_exporter", "csv").unwrap();
    assert_eq!((winner.class.to_string().as_str(), rule(&winner.standing)), ("low:Csv", Rule::Remembered));
    let winner = registry.use_implementation("Data-Exporter", "csv", "aiperf").unwrap();
    assert_eq!((&*winner.class.type_name, rule(&winner.standing)), ("CsvExporter", Rule::ChosenForThisRun));
    let all = registry.list_implementations("data_exporter", "csv").unwrap();
    let all: Vec<_> = all.iter().map(|entry| entry.package.name()).collect();
    assert_eq!(all, ["aiperf", "high", "low"]);
    assert_eq!(registry.warnings().count(), 0);
}

#[test]
fn a_choice_of_a_package_that_does_not_offer_the_name_is_refused_or_without_effect() {
    let mut packages = Packages::new();
    packages.add("a", "mine", &exporter("csv", "mine:Csv", 0)).add("b", "other", &exporter("csv", "other:Csv", 0));
    packages.1.remember("data_exporter", "json", "mine");
    packages.1.disable("other");
    let mut registry = packages.registry();
    assert_eq!(class(&registry, "data_exporter", "json"), "aiperf:JsonExporter");
    insta::assert_snapshot!(registry.warnings().collect::<Vec<_>>().join("\n"));
    assert_eq!(registry.disabled()[0].name, "other");
    let told = |told: Result<&Entry, RegistryError>| told.unwrap_err().to_string();
    let gone = told(registry.use_implementation("data_exporter", "csv", "mines"));
    let off = told(registry.use_implementation("data_exporter", "csv", "other"));
    insta::assert_snapshot!([gone, off].join("\n\n"));
}

#[test]
fn a_manifest_is_loaded_later_or_refused_with_its_faults() {
    let packages = Packages::new();
    packages.add("a", "mine", &exporter("csv", "mine:Csv", 0)).add("b", "broken", "data_exporter: {x: {klass: a:B}}\n");
    let mut registry = builtin::only();
    let path = |folder: &str| packages.0.path().join(folder).join("plugins.yaml");
    assert_eq!(registry.load(&path("a")).unwrap().name(), "mine");
    assert_eq!(class(&registry, "data_exporter", "csv"), "mine:Csv");
    assert!(registry.load(&path("a")).unwrap_err()[0].contains("`mine` is there already"));
    assert!(registry.load(&path("b")).unwrap_err()[0].contains("unknown key `klass`"));
    let faults: Vec<_> =
        registry.validate_all().into_iter().filter_map(|one| Some((one.entry.name.clone(), one.fault?))).collect();
    assert!(
        matches!(&faults[..], [(name, fault)] if name == "csv" && fault.contains("is not a shared library")),
        "{faults:?}"
    );
    assert_eq!(
        registry.find_registered_name("data_exporter", "aiperf:CsvExporter"),
        Some("csv"),
        "though it lost its name"
    );
    registry.reset();
    assert_eq!(class(&registry, "data_exporter", "csv"), "aiperf:CsvExporter");
    assert!(registry.package("mine").is_none() && registry.faults().is_empty());
}

/// An endpoint of this program.
struct Own;

impl aiperf_abi::Endpoint for Own {
    fn format_payload(&self, _: aiperf_abi::RequestInfo<'_>) -> aiperf_abi::Result<aiperf_abi::Payload> {
        Ok(aiperf_abi::json!({}).into())
    }

    fn parse_response(&self, _: aiperf_abi::Response<'_>) -> aiperf_abi::Result<Option<aiperf_abi::ParsedResponse>> {
        Ok(None)
    }
}

fn own(name: &str) -> Registration<dyn aiperf_abi::Endpoint> {
    Registration::<dyn aiperf_abi::Endpoint>::new::<Own>(name, |_| Ok(Box::new(Own)))
}

#[test]
fn a_class_of_the_program_competes_for_its_name_and_is_made_like_any_other() {
    let mut registry = builtin::only();
    registry.register(own("Chat").priority(-1));
    assert_eq!(class(&registry, "endpoint", "chat"), "aiperf:ChatEndpoint", "the higher priority");
    registry.register(own("mine").description("My own.").metadata(aiperf_abi::json!({"endpoint_path": "/mine"})));
    let entry = registry.entry("endpoint", "mine").unwrap();
    assert_eq!((entry.package.name(), &entry.metadata["endpoint_path"]), ("program", &"/mine".into()));
    let host = aiperf_abi::testing::MockHost::default();
    assert!(builtin::table::make::<dyn aiperf_abi::Endpoint>(entry, Default::default(), &host).is_ok());
    assert_eq!(registry.name_of::<Own>("endpoint"), Some("Chat"), "the first of its names");
    registry.reset();
    assert!(registry.entry("endpoint", "mine").is_err());
}

#[test]
fn a_mock_is_there_as_long_as_its_guard() {
    let mut registry = builtin::only();
    let before: Vec<_> = registry.all().map(|entry| entry.class.to_string()).collect();
    {
        let mocked = registry.mock(own("chat"));
        let winner = mocked.entry("endpoint", "chat").unwrap();
        assert_eq!(
            (winner.class.to_string().as_str(), rule(&winner.standing)),
            ("program:Own", Rule::ChosenForThisRun)
        );
    }
    assert_eq!(before, registry.all().map(|entry| entry.class.to_string()).collect::<Vec<_>>());
    assert!(registry.package("program").is_none());
}
