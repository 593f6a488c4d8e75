//! From what the user said to a tokenizer: the order in which a name is looked up, and what is said when it fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::embedded::NAMES;
use super::file::locate;
use super::{Embedded, Hub, Tokenizer, TokenizerError};

/// What the user said about the tokenizer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenizerChoice {
    /// `--tokenizer`: an embedded name, a folder, a `tokenizer.json`, or a hub name. `None`: go by the model.
    pub name: Option<String>,
    /// `--tokenizer-revision`: branch, tag or commit of a hub name. `None`: `main`.
    pub revision: Option<String>,
    /// The model under test; its name is looked at where no tokenizer was named.
    pub model: String,
}

/// A tokenizer, and what the user should know about how it was come by.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The tokenizer.
    pub tokenizer: Arc<Tokenizer>,
    /// One sentence to show, where the tokenizer is not the one the model is known to use.
    pub notice: Option<String>,
}

/// The tokenizer of a choice, with the hub's cache and address as the environment says ([`Hub::from_env`]).
/// Blocks, on files and perhaps on the network: not for an async task.
///
/// # Errors
/// When a named tokenizer cannot be had. Where none was named there is always one.
pub fn load(choice: &TokenizerChoice) -> Result<Loaded, TokenizerError> {
    load_with(choice, &Hub::from_env())
}

/// [`load`] with a given hub.
///
/// # Errors
/// As [`load`].
pub fn load_with(choice: &TokenizerChoice, hub: &Hub) -> Result<Loaded, TokenizerError> {
    match &choice.name {
        Some(name) => {
            let revision = choice.revision.as_deref().unwrap_or(Hub::MAIN);
            Ok(Loaded { tokenizer: Arc::new(named(name, revision, hub)?), notice: None })
        }
        None => Ok(by_model(&choice.model, choice.revision.as_deref().unwrap_or(Hub::MAIN), hub)),
    }
}

fn named(name: &str, revision: &str, hub: &Hub) -> Result<Tokenizer, TokenizerError> {
    if let Some(embedded) = Embedded::of_name(name) {
        return Ok(Tokenizer::embedded(embedded));
    }
    let path = expand_home(name);
    if looks_like_path(name) || path.exists() {
        return Tokenizer::file(name, &locate(&path)?);
    }
    if let Some(embedded) = Embedded::of_openai_model(name) {
        return Ok(Tokenizer::embedded(embedded));
    }
    match hub.cached(name, revision) {
        Some(file) => Tokenizer::file(name, &file),
        None => match hub.download(name, revision) {
            Ok(file) => Tokenizer::file(name, &file),
            Err(failure) => Err(not_found(name, revision, hub, &failure.to_string())),
        },
    }
}

fn not_found(name: &str, revision: &str, hub: &Hub, failure: &str) -> TokenizerError {
    TokenizerError::NotFound {
        name: name.to_owned(),
        suggestion: nearest(name),
        tried: vec![
            format!("it is none of {}", NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")),
            "no file or folder of that name".to_owned(),
            format!("not in the hub cache {} (revision {revision})", hub.cache_dir().display()),
            failure.to_owned(),
        ],
    }
}

/// No tokenizer was named: the model's own if it is at hand, else the builtin one with a word about it. Never waits for
/// a network.
fn by_model(model: &str, revision: &str, hub: &Hub) -> Loaded {
    let builtin = |why: String| Loaded {
        tokenizer: Arc::new(Tokenizer::embedded(Embedded::O200kBase)),
        notice: Some(format!(
            "tokens are counted with builtin o200k_base because {why}; choose with --tokenizer (a folder, a hub name or an embedded name)"
        )),
    };
    if model.is_empty() {
        return builtin("no model was named".to_owned());
    }
    if let Some(embedded) = Embedded::of_openai_model(model).or_else(|| Embedded::of_name(model)) {
        return Loaded { tokenizer: Arc::new(Tokenizer::embedded(embedded)), notice: None };
    }
    let local = Path::new(model).exists().then(|| locate(&expand_home(model)).ok()).flatten();
    let Some(file) = local.or_else(|| hub.cached(model, revision)) else {
        return builtin(format!("the tokenizer of model `{model}` is neither a local folder nor in the hub cache"));
    };
    match Tokenizer::file(model, &file) {
        Ok(tokenizer) => Loaded { tokenizer: Arc::new(tokenizer), notice: None },
        Err(error) => builtin(error.to_string()),
    }
}

fn looks_like_path(name: &str) -> bool {
    ["/", "./", "../", "~/"].iter().any(|start| name.starts_with(start))
        || matches!(name, "." | "..")
        || Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

fn expand_home(name: &str) -> PathBuf {
    match (name.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(name),
    }
}

fn nearest(name: &str) -> Option<String> {
    let wanted = name.to_ascii_lowercase();
    NAMES
        .iter()
        .map(|(known, _)| (strsim::damerau_levenshtein(&wanted, known), *known))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offline(cache: &Path) -> Hub {
        Hub::offline_at(cache)
    }

    fn choose(name: &str) -> TokenizerChoice {
        TokenizerChoice { name: Some(name.to_owned()), ..TokenizerChoice::default() }
    }

    fn bert() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/tokenizers/bert-minilm")
    }

    #[test]
    fn embedded_names_need_neither_file_nor_network() {
        let hub = offline(Path::new("/nowhere"));
        for (name, count) in [("builtin", 4), ("gpt2", 4), ("cl100k_base", 4)] {
            let loaded = load_with(&choose(name), &hub).unwrap();
            assert_eq!(loaded.tokenizer.count("Hello, world!"), count);
            assert_eq!(loaded.notice, None);
        }
    }

    #[test]
    fn a_folder_and_its_file_count_the_same_and_do_not_pad() {
        let hub = offline(Path::new("/nowhere"));
        for path in [bert(), bert().join("tokenizer.json")] {
            let tokenizer = load_with(&choose(path.to_str().unwrap()), &hub).unwrap().tokenizer;
            // The file itself asks for padding and truncation to 128.
            assert_eq!(tokenizer.count("hello world"), 2);
            assert_eq!(tokenizer.count(&"hello ".repeat(300)), 300);
            assert_eq!(tokenizer.decode(&tokenizer.encode("hello world")), "hello world");
        }
    }

    #[test]
    fn a_misspelt_name_is_an_error_that_names_the_nearest_and_what_was_tried() {
        let error = load_with(&choose("cl100_base"), &offline(Path::new("/cache"))).unwrap_err().to_string();
        for part in ["did you mean `cl100k_base`?", "/cache", "HF_HUB_OFFLINE", "--tokenizer builtin"] {
            assert!(error.contains(part), "{part} missing in: {error}");
        }
        let far = load_with(&choose("org/some-model"), &offline(Path::new("/cache"))).unwrap_err().to_string();
        assert!(!far.contains("did you mean"), "{far}");
    }

    #[test]
    fn a_path_without_a_tokenizer_says_what_is_there_instead() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.model"), "x").unwrap();
        let hub = offline(folder.path());
        let message = |name: &str| load_with(&choose(name), &hub).unwrap_err().to_string();
        assert!(message(folder.path().to_str().unwrap()).contains("older form"));
        assert!(message("./no/such/folder").contains("no such file or folder"));
        let broken = folder.path().join("tokenizer.json");
        std::fs::write(&broken, "{").unwrap();
        assert!(message(broken.to_str().unwrap()).contains("cannot be used"));
    }

    #[test]
    fn without_a_choice_the_model_decides_and_falling_back_is_said() {
        let hub = offline(Path::new("/nowhere"));
        let by =
            |model: &str| load_with(&TokenizerChoice { model: model.to_owned(), ..Default::default() }, &hub).unwrap();
        assert_eq!((by("gpt-4").tokenizer.name(), by("gpt-4").notice), ("cl100k_base", None));
        let unknown = by("org/unknown");
        assert_eq!(unknown.tokenizer.name(), "o200k_base");
        assert!(unknown.notice.unwrap().contains("because the tokenizer of model `org/unknown`"));
        let local = by(bert().to_str().unwrap());
        assert_eq!((local.tokenizer.count("hello world"), local.notice), (2, None));
    }

    #[test]
    fn a_vocabulary_that_cannot_hold_every_text_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokenizer.json");
        let json = r#"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,
            "pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
            "model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"[UNK]"}}"#;
        std::fs::write(&file, json).unwrap();
        let error = load_with(&choose(file.to_str().unwrap()), &offline(folder.path())).unwrap_err().to_string();
        assert!(error.contains("cannot encode"), "{error}");
    }
}
