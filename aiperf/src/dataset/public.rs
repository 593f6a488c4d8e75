//! Datasets that everybody can get: fetched once into the user's cache folder, and one that is built in.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aiperf_abi::{
    Context, ConversationSink, CustomDatasetLoader, Error, Plugin, PublicDatasetLoader, RemoteFile, Result,
};
use futures_util::StreamExt;
use serde::Deserialize;

use super::DatasetError;
use super::file::ShareGptLoader;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Where `sharegpt` is, unless the user says.
const SHAREGPT: &str = "https://huggingface.co/datasets/anon8231489123/ShareGPT_Vicuna_unfiltered/resolve/main/\
                        ShareGPT_V3_unfiltered_cleaned_split.json";

/// Conversations of people with a chat bot.
pub struct ShareGptDataset {
    url: String,
}

/// What a [`ShareGptDataset`] can be told.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ShareGptConfig {
    url: Option<String>,
}

impl Plugin for ShareGptDataset {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let config: ShareGptConfig = cx.config()?;
        Ok(Self { url: config.url.unwrap_or_else(|| SHAREGPT.to_owned()) })
    }
}

impl PublicDatasetLoader for ShareGptDataset {
    fn files(&mut self) -> Result<Vec<RemoteFile>> {
        Ok(vec![RemoteFile::at(&self.url)])
    }

    fn load(&mut self, files: &[PathBuf], out: &mut dyn ConversationSink) -> Result<()> {
        files.iter().try_for_each(|file| ShareGptLoader::plain().load(file, out))
    }
}

/// The folder of fetched datasets: `XDG_CACHE_HOME`, else the user's `.cache`, and in it `aiperf/datasets`.
pub fn cache_folder() -> PathBuf {
    let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set.unwrap_or_else(|| etcetera::home_dir().unwrap_or_default().join(".cache"));
    cache.join("aiperf").join("datasets")
}

/// Where the files are on this machine: those that are not there yet are fetched. Blocks.
///
/// # Errors
/// When one cannot be fetched, or not be kept.
pub fn fetched(files: &[RemoteFile], cache: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    files.iter().map(|file| one(&file.url, cache)).collect()
}

fn one(url: &str, cache: &Path) -> Result<PathBuf, DatasetError> {
    let path = cache.join(name_of(url));
    if path.is_file() {
        return Ok(path);
    }
    tracing::info!("fetching {url} into {}", path.display());
    let refused = |error: Error| DatasetError::Load(format!("{url} cannot be fetched: {error}"));
    // Its own thread, as the caller may stand in a runtime, where another one cannot be entered.
    std::thread::scope(|scope| {
        let fetch = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(fetch(url, &path))
        });
        fetch.join().unwrap_or_else(|_| Err(Error::msg("the download panicked")))
    })
    .map_err(refused)?;
    Ok(path)
}

/// Writes beside the target and renames, so that a reader never finds half a file.
async fn fetch(url: &str, path: &Path) -> Result<()> {
    // Whoever was first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .user_agent(concat!("aiperf/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let reply = client.get(url).send().await?;
    if !reply.status().is_success() {
        return Err(Error::msg(format!("the server answered {}", reply.status())));
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = path.with_extension(format!("{}.incomplete", std::process::id()));
    let written = async {
        let mut file = fs::File::create(&partial)?;
        let mut body = reply.bytes_stream();
        while let Some(piece) = body.next().await {
            file.write_all(&piece?)?;
        }
        Ok(())
    };
    let written: Result<()> = written.await;
    if written.is_err() {
        // What is left of it is of no use to anybody.
        let _ = fs::remove_file(&partial);
    }
    written?;
    Ok(fs::rename(&partial, path)?)
}

/// A file name for a URL: readable, and another one for another URL.
fn name_of(url: &str) -> String {
    let hash = url
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let last = url.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    let last: String = last.chars().map(plain).collect();
    format!("{hash:016x}-{}", last.trim_start_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    #[test]
    fn a_file_is_fetched_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/some/data.json?x=1", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let head: Vec<String> =
                BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]").unwrap();
            head[0].clone()
        });
        let cache = tempfile::tempdir().unwrap();
        let files = fetched(&[RemoteFile::at(&url)], cache.path()).unwrap();
        assert!(files[0].display().to_string().ends_with("-data.json"), "{files:?}");
        assert_eq!(fs::read_to_string(&files[0]).unwrap(), "[]");
        assert!(server.join().unwrap().starts_with("GET /some/data.json?x=1 "));
        // Nobody listens any more.
        assert_eq!(fetched(&[RemoteFile::at(&url)], cache.path()).unwrap(), files);
        assert_eq!(cache.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_fetched_is_told_with_its_address() {
        let cache = tempfile::tempdir().unwrap();
        let error = fetched(&[RemoteFile::at("http://127.0.0.1:1/x")], cache.path()).unwrap_err().to_string();
        assert!(error.starts_with("http://127.0.0.1:1/x cannot be fetched: "), "{error}");
    }

    #[test]
    fn names_stay_in_the_folder_and_differ() {
        assert!(name_of("http://a/../..").ends_with('-'));
        assert_ne!(name_of("http://a/x"), name_of("http://b/x"));
    }
}
