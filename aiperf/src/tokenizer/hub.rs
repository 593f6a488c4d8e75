//! The Hugging Face hub and its local cache: finding a model's `tokenizer.json` there, fetching it once. Knows the
//! layout of the cache and the hub's addresses; knows nothing of what is in the file.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap};
use reqwest::redirect::Policy;

const FILE: &str = "tokenizer.json";
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Where models' files are looked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Hub {
    cache: PathBuf,
    endpoint: String,
    token: Option<String>,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Online,
    /// The variable that forbids the network.
    Offline(&'static str),
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "<redacted>");
        f.debug_struct("Hub")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("token", &token)
            .field("access", &self.access)
            .finish()
    }
}

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum HubError {
    #[error("not fetched from the hub, as {0} forbids it")]
    Offline(&'static str),
    #[error("`{0}` is no name a hub could have (NAME or ORGANISATION/NAME, of letters, digits, `.`, `-`, `_`)")]
    NotAName(String),
    #[error("`{0}` is no revision a hub could have")]
    NotARevision(String),
    #[error("{url} answered {status}{hint}")]
    Status { url: String, status: u16, hint: &'static str },
    #[error("{url} answered without {header}; is it a hub?")]
    NotAHub { url: String, header: &'static str },
    #[error("{url}: {reason}")]
    Network { url: String, reason: String },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl Hub {
    /// The branch looked at where no revision was asked for.
    pub const MAIN: &'static str = "main";

    /// As the environment says, by the hub's own variables: `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HF_ENDPOINT`,
    /// `HF_TOKEN`, `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`.
    pub fn from_env() -> Self {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let home = set("HF_HOME").map(PathBuf::from).unwrap_or_else(|| {
            let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
            cache.unwrap_or_else(|| etcetera::home_dir().unwrap_or_default().join(".cache")).join("huggingface")
        });
        let on = |name: &&str| set(name).is_some_and(|value| is_true(&value));
        Self {
            cache: set("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from),
            endpoint: set("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned()),
            token: set("HF_TOKEN").or_else(|| Some(fs::read_to_string(home.join("token")).ok()?.trim().to_owned())),
            access: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
                .into_iter()
                .find(on)
                .map_or(Access::Online, Access::Offline),
        }
    }

    /// A hub that is only its cache.
    pub fn offline_at(cache: &Path) -> Self {
        Self {
            cache: cache.to_owned(),
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            token: None,
            access: Access::Offline("HF_HUB_OFFLINE"),
        }
    }

    /// A hub at an address, with its cache, and no token.
    pub fn at(endpoint: impl Into<String>, cache: &Path) -> Self {
        Self { cache: cache.to_owned(), endpoint: endpoint.into(), token: None, access: Access::Online }
    }

    /// The folder of cached models.
    pub fn cache_dir(&self) -> &Path {
        &self.cache
    }

    /// The `tokenizer.json` of a model and revision, if the cache holds it.
    pub fn cached(&self, model: &str, revision: &str) -> Option<PathBuf> {
        if !is_model_name(model) || !is_revision(revision) {
            return None;
        }
        let folder = self.folder(model);
        let commit = fs::read_to_string(folder.join("refs").join(revision));
        let commit = commit.as_deref().map_or(revision, str::trim);
        let file = folder.join("snapshots").join(commit).join(FILE);
        file.is_file().then_some(file)
    }

    /// Fetches the `tokenizer.json` of a model into the cache, where the hub's other clients find it too. Blocks.
    pub(super) fn download(&self, model: &str, revision: &str) -> Result<PathBuf, HubError> {
        if let Access::Offline(variable) = self.access {
            return Err(HubError::Offline(variable));
        }
        if !is_model_name(model) {
            return Err(HubError::NotAName(model.to_owned()));
        }
        if !is_revision(revision) {
            return Err(HubError::NotARevision(revision.to_owned()));
        }
        let url = format!("{}/{model}/resolve/{revision}/{FILE}", self.endpoint.trim_end_matches('/'));
        // Its own thread, as the caller may stand in a runtime, where another one cannot be entered.
        let fetched = std::thread::scope(|scope| {
            let fetch = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| network(&url, &error))?;
                runtime.block_on(self.fetch(&url))
            });
            fetch.join().unwrap_or_else(|_| Err(network(&url, &io::Error::other("the download panicked"))))
        })?;
        self.store(model, revision, &fetched)
    }

    async fn fetch(&self, url: &str) -> Result<Fetched, HubError> {
        let head = self.ask(reqwest::Method::HEAD, url, Policy::none()).await?;
        // A file kept elsewhere is answered with a redirect, whose headers still name commit and content.
        if !head.status().is_success() && !head.status().is_redirection() {
            return Err(status(url, head.status().as_u16()));
        }
        let header = |names: &[&str]| names.iter().find_map(|name| text_of(head.headers(), name));
        let missing = |header| HubError::NotAHub { url: url.to_owned(), header };
        let commit = header(&["x-repo-commit"]).filter(|commit| is_revision(commit));
        let commit = commit.ok_or_else(|| missing("x-repo-commit"))?;
        let etag = header(&["x-linked-etag", ETAG.as_str()]).filter(|etag| is_revision(etag));
        let etag = etag.ok_or_else(|| missing("an etag"))?;
        let body = self.ask(reqwest::Method::GET, url, Policy::limited(10)).await?;
        if !body.status().is_success() {
            return Err(status(url, body.status().as_u16()));
        }
        let bytes = body.bytes().await.map_err(|error| network(url, &error))?;
        Ok(Fetched { commit, etag, bytes: bytes.to_vec() })
    }

    async fn ask(&self, method: reqwest::Method, url: &str, policy: Policy) -> Result<reqwest::Response, HubError> {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(policy)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .user_agent(concat!("aiperf/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| network(url, &error))?;
        let mut request = client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        request.send().await.map_err(|error| network(url, &error))
    }

    fn store(&self, model: &str, revision: &str, fetched: &Fetched) -> Result<PathBuf, HubError> {
        let folder = self.folder(model);
        let blob = folder.join("blobs").join(&fetched.etag);
        write_whole(&blob, &fetched.bytes)?;
        let file = folder.join("snapshots").join(&fetched.commit).join(FILE);
        if !file.is_file() {
            let parent = file.parent().unwrap_or(&folder);
            fs::create_dir_all(parent).map_err(|source| HubError::Write { path: parent.to_owned(), source })?;
            if link(&Path::new("../../blobs").join(&fetched.etag), &file).is_err() {
                write_whole(&file, &fetched.bytes)?;
            }
        }
        if revision != fetched.commit {
            write_whole(&folder.join("refs").join(revision), fetched.commit.as_bytes())?;
        }
        Ok(file)
    }

    fn folder(&self, model: &str) -> PathBuf {
        self.cache.join(format!("models--{}", model.replace('/', "--")))
    }
}

struct Fetched {
    commit: String,
    etag: String,
    bytes: Vec<u8>,
}

/// Writes beside the target and renames, so that a reader never finds half a file.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HubError> {
    let failed = |source| HubError::Write { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed)?;
    let partial = path.with_extension(format!("{}.incomplete", std::process::id()));
    let written = fs::File::create(&partial).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| fs::rename(&partial, path)).map_err(failed)
}

#[cfg(unix)]
fn link(target: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, at)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.trim_start_matches("W/").trim_matches('"').to_owned())
}

fn status(url: &str, status: u16) -> HubError {
    let hint = match status {
        401 | 403 => " (private, gated or misspelt: set HF_TOKEN, or check the name)",
        404 => " (no such model or revision, or it has no tokenizer.json)",
        _ => "",
    };
    HubError::Status { url: url.to_owned(), status, hint }
}

fn network(url: &str, error: &dyn std::error::Error) -> HubError {
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    HubError::Network { url: url.to_owned(), reason }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")
}

/// Names become folders: nothing that could lead out of the cache.
fn is_model_name(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    parts.len() <= 2 && parts.iter().all(|part| is_path_part(part))
}

fn is_revision(revision: &str) -> bool {
    revision.split('/').all(is_path_part)
}

fn is_path_part(part: &str) -> bool {
    !part.is_empty()
        && !part.starts_with('.')
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    /// Answers `answers.len()` requests, each on its own connection, and returns their request lines.
    fn serve(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let answer = |answer: String| {
                let (stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                lines.find(String::is_empty);
                (&stream).write_all(answer.as_bytes()).unwrap();
                first
            };
            answers.into_iter().map(answer).collect()
        });
        (url, thread)
    }

    fn reply(head: &str, body: &str, length: usize) -> String {
        format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
    }

    #[test]
    fn a_fetched_file_lies_in_the_cache_where_other_clients_look() {
        let named = "200 OK\r\nX-Repo-Commit: c0ffee\r\nETag: \"e7a9\"";
        let (url, server) = serve(vec![reply(named, "", 4), reply("200 OK", "{}\n\n", 4)]);
        let cache = tempfile::tempdir().unwrap();
        let hub = Hub::at(url, cache.path());
        assert_eq!(hub.cached("org/name", "main"), None);
        let file = hub.download("org/name", "main").unwrap();
        let model = cache.path().join("models--org--name");
        assert_eq!(file, model.join("snapshots/c0ffee/tokenizer.json"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}\n\n");
        assert_eq!(fs::read_to_string(model.join("refs/main")).unwrap(), "c0ffee");
        assert_eq!(fs::read_to_string(model.join("blobs/e7a9")).unwrap(), "{}\n\n");
        for revision in ["main", "c0ffee"] {
            assert_eq!(Hub::offline_at(cache.path()).cached("org/name", revision).as_ref(), Some(&file));
        }
        let asked = server.join().unwrap();
        assert!(asked[0].starts_with("HEAD /org/name/resolve/main/tokenizer.json "), "{asked:?}");
        assert!(asked[1].starts_with("GET /org/name/resolve/main/tokenizer.json "), "{asked:?}");
    }

    #[test]
    fn refusals_say_what_was_asked_and_why_it_may_have_failed() {
        let cache = tempfile::tempdir().unwrap();
        let message = |answer: String| {
            let (url, server) = serve(vec![answer]);
            let error = Hub::at(url, cache.path()).download("org/name", "v1").unwrap_err().to_string();
            server.join().unwrap();
            error
        };
        assert!(
            message(reply("404 Not Found", "", 0))
                .contains("/org/name/resolve/v1/tokenizer.json answered 404 (no such")
        );
        assert!(message(reply("401 Unauthorized", "", 0)).contains("HF_TOKEN"));
        assert!(message(reply("200 OK", "", 0)).contains("without x-repo-commit"));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = Hub::at(format!("http://{closed}"), cache.path()).download("a", "main").unwrap_err();
        assert!(error.to_string().contains("refused"), "{error}");
    }

    #[test]
    fn no_name_leads_out_of_the_cache_and_none_of_those_is_asked_for() {
        let hub = Hub::at("http://127.0.0.1:1", Path::new("/cache"));
        for name in ["../../etc", "a/b/c", "/etc", "", "a/", ".hidden", "what is this"] {
            assert_eq!(hub.cached(name, "main"), None, "{name}");
            assert!(matches!(hub.download(name, "main"), Err(HubError::NotAName(_))), "{name}");
        }
        assert!(matches!(hub.download("a", "../x"), Err(HubError::NotARevision(_))));
    }
}
