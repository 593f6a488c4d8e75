//! The one place that names files and folders of a run.
//!
//! A run has its own folder, `<root>/<model>-<service kind>-<endpoint type>-<stimulus>`. Where that exists from an
//! earlier run, the new one goes to `…-2`, `…-3` and so on: nothing is ever overwritten, and the names stay guessable.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aiperf_abi::FileStem;

/// Requests as they were sent.
const INPUTS: &str = "inputs.json";
/// Folder of the measurements, where there are several.
const PHASES: &str = "phases";
/// What these were.
const PHASE_MANIFEST: &str = "phase_manifest.json";
/// Suffixes a user may type after a prefix; they are cut, every file has its own.
const EXTENSIONS: [&str; 5] = [".jsonl", ".json", ".csv", ".txt", ".parquet"];
/// Characters of the model's name in a folder's name: a path as model must not make a name too long for the system.
const MODEL_CHARS: usize = 120;
/// More runs of one name than anybody keeps; a bound for the search.
const MOST_RUNS: u32 = 100_000;

/// The folder cannot be made, or a name cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The system refused.
    #[error("cannot make the artifact folder `{}`: {source}; choose another with --output-artifact-dir", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Every number is taken.
    #[error("`{}` and its numbered neighbours all exist; move some away or choose another --output-artifact-dir", path.display())]
    Full {
        /// The first of them.
        path: PathBuf,
    },
    /// A prefix that is no file name.
    #[error("--profile-export-prefix `{prefix}`: {why}")]
    Prefix {
        /// As it was given.
        prefix: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// What loads the server, as it is told in the folder's name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stimulus {
    /// So many requests at a time.
    Concurrency(u64),
    /// So many requests per second.
    RequestRate(f64),
    /// So many per second, and at most so many at a time.
    ConcurrencyAndRate(u64, f64),
    /// At a rate that changes.
    RateSeries,
    /// At a rate that changes, and at most so many at a time.
    ConcurrencyAndRateSeries(u64),
    /// In so many measurements, each in its own way.
    Phases(usize),
    /// At the times of a file.
    FixedSchedule,
    /// So many users, who together send so many requests per second.
    UserCentric(u64, f64),
}

impl fmt::Display for Stimulus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Concurrency(n) => write!(f, "concurrency{n}"),
            Self::RequestRate(rate) => write!(f, "request_rate{rate}"),
            Self::ConcurrencyAndRate(n, rate) => write!(f, "concurrency{n}-request_rate{rate}"),
            Self::RateSeries => f.write_str("request_rate_series"),
            Self::ConcurrencyAndRateSeries(n) => write!(f, "concurrency{n}-request_rate_series"),
            Self::Phases(n) => write!(f, "phases{n}"),
            Self::FixedSchedule => f.write_str("fixed_schedule"),
            Self::UserCentric(users, rate) => write!(f, "user_centric-users{users}-qps{rate}"),
        }
    }
}

/// What a run's folder is named after.
#[derive(Debug, Clone, Copy)]
pub struct RunName<'a> {
    /// The models under test.
    pub models: &'a [String],
    /// `service_kind` of the endpoint's metadata.
    pub service_kind: &'a str,
    /// The endpoint's name.
    pub endpoint_type: &'a str,
    /// What loads the server.
    pub stimulus: Stimulus,
}

impl fmt::Display for RunName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.models.first().map_or("", String::as_str);
        for (place, c) in model.chars().take(MODEL_CHARS).enumerate() {
            // A leading dot would hide the folder.
            let safe = !(c == '/' || c == '\\' || c.is_control() || (place == 0 && c == '.'));
            write!(f, "{}", if safe { c } else { '_' })?;
        }
        if self.models.len() > 1 {
            f.write_str("_multi")?;
        }
        write!(f, "-{}-{}-{}", self.service_kind, self.endpoint_type, self.stimulus)
    }
}

/// Where everything of one run lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    dir: PathBuf,
    stem: FileStem,
    earlier: Option<PathBuf>,
}

impl Layout {
    /// Makes the folder of a run under `root`, under a number where earlier runs have the plain name. Two runs that
    /// start at the same moment get two folders.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn claim(root: &Path, name: &RunName<'_>, stem: FileStem) -> Result<Self, LayoutError> {
        let refused = |path: &Path| {
            let path = path.to_owned();
            move |source| LayoutError::Folder { path, source }
        };
        fs::create_dir_all(root).map_err(refused(root))?;
        let plain = root.join(name.to_string());
        for number in 1..=MOST_RUNS {
            let dir = if number == 1 { plain.clone() } else { root.join(format!("{name}-{number}")) };
            match fs::create_dir(&dir) {
                Ok(()) => return Ok(Self { dir, stem, earlier: (number > 1).then_some(plain) }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(&dir)(error)),
            }
        }
        Err(LayoutError::Full { path: plain })
    }

    /// Makes the folder of one of several measurements in that of the run.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn phase(&self, name: &str) -> Result<Self, LayoutError> {
        let dir = self.dir.join(PHASES).join(name);
        fs::create_dir_all(&dir).map_err(|source| LayoutError::Folder { path: dir.clone(), source })?;
        Ok(Self { dir, stem: self.stem.clone(), earlier: None })
    }

    /// What the measurements of a run were, and where their results are.
    pub fn phase_manifest(&self) -> PathBuf {
        self.dir.join(PHASE_MANIFEST)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How files are named.
    pub fn stem(&self) -> &FileStem {
        &self.stem
    }

    /// What to tell the user where an earlier run already had the name.
    pub fn notice(&self) -> Option<String> {
        let earlier = self.earlier.as_ref()?;
        Some(format!("{} holds an earlier run; this one is in {}.", earlier.display(), self.dir.display()))
    }

    /// The requests as they were sent.
    pub fn inputs(&self) -> PathBuf {
        self.dir.join(INPUTS)
    }

    /// What went over the wire.
    pub fn raw(&self) -> PathBuf {
        self.dir.join(format!("{}_raw.jsonl", self.stem.records))
    }

    /// What the accelerators said of themselves.
    pub fn gpu_telemetry(&self) -> PathBuf {
        self.dir.join(format!("{}_gpu_telemetry.jsonl", self.stem.records))
    }

    /// A drawing; of its name only what can stand in a file's name is kept.
    pub fn plot(&self, name: &str) -> PathBuf {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
        let name: String = name.chars().map(safe).collect();
        self.dir.join(format!("{}_{name}.svg", self.stem.summary))
    }

    /// The records, where the run keeps them.
    pub fn records(&self) -> PathBuf {
        records_jsonl(&self.dir.display().to_string(), &self.stem.records)
    }

    /// What the console showed at the end.
    pub fn console(&self) -> PathBuf {
        self.dir.join(format!("{}_console.txt", self.stem.records))
    }
}

/// The stems of a run: the usual ones, or those of the user's prefix. A known extension is cut off.
///
/// # Errors
/// When the prefix is empty, leaves the folder, or would take the name of another file.
pub fn file_stem(prefix: Option<&str>) -> Result<FileStem, LayoutError> {
    let Some(prefix) = prefix else { return Ok(FileStem::default()) };
    let stem = EXTENSIONS.iter().find_map(|extension| prefix.strip_suffix(extension)).unwrap_or(prefix);
    let fault = |why| Err(LayoutError::Prefix { prefix: prefix.to_owned(), why });
    if stem.is_empty() || stem == "." || stem == ".." {
        return fault("a file name is needed");
    }
    if stem.contains(['/', '\\', '\0']) {
        return fault("it is a file name, not a path; the folder is chosen with --output-artifact-dir");
    }
    if INPUTS.strip_suffix(".json") == Some(stem) {
        return fault("that name is taken by the file of the requests; choose another");
    }
    Ok(FileStem { summary: stem.to_owned(), records: stem.to_owned() })
}

pub(super) fn summary_json(dir: &str, stem: &FileStem) -> PathBuf {
    Path::new(dir).join(format!("{}.json", stem.summary))
}

pub(super) fn summary_csv(dir: &str, stem: &FileStem) -> PathBuf {
    Path::new(dir).join(format!("{}.csv", stem.summary))
}

pub(super) fn timeslices(dir: &str, stem: &FileStem, extension: &str) -> PathBuf {
    Path::new(dir).join(format!("{}_timeslices.{extension}", stem.summary))
}

/// The record file of a run in `dir`.
pub fn records_jsonl(dir: &str, records_stem: &str) -> PathBuf {
    Path::new(dir).join(format!("{records_stem}.jsonl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(models: &[&str], stimulus: Stimulus) -> String {
        let models: Vec<String> = models.iter().map(|&model| model.to_owned()).collect();
        RunName { models: &models, service_kind: "openai", endpoint_type: "chat", stimulus }.to_string()
    }

    #[test]
    fn a_run_is_named_after_model_service_endpoint_and_stimulus() {
        assert_eq!(name(&["mock-model"], Stimulus::Concurrency(5)), "mock-model-openai-chat-concurrency5");
        assert_eq!(name(&["org/m"], Stimulus::RequestRate(2.5)), "org_m-openai-chat-request_rate2.5");
        assert_eq!(name(&["a", "b"], Stimulus::FixedSchedule), "a_multi-openai-chat-fixed_schedule");
        assert_eq!(name(&["m"], Stimulus::ConcurrencyAndRate(4, 10.0)), "m-openai-chat-concurrency4-request_rate10");
        assert_eq!(name(&["m"], Stimulus::UserCentric(3, 1.5)), "m-openai-chat-user_centric-users3-qps1.5");
    }

    #[test]
    fn no_model_name_leaves_the_folder_or_hides_it() {
        assert_eq!(name(&["../../etc"], Stimulus::FixedSchedule), "_._.._etc-openai-chat-fixed_schedule");
        assert_eq!(name(&["a\\b\n"], Stimulus::FixedSchedule), "a_b_-openai-chat-fixed_schedule");
        assert!(name(&[&"x/".repeat(500)], Stimulus::FixedSchedule).len() < 200);
    }

    #[test]
    fn a_second_run_of_the_same_name_goes_beside_the_first_and_says_so() {
        let root = tempfile::tempdir().unwrap();
        let models = ["m".to_owned()];
        let run = RunName {
            models: &models,
            service_kind: "openai",
            endpoint_type: "chat",
            stimulus: Stimulus::Concurrency(1),
        };
        let claim = || Layout::claim(&root.path().join("artifacts"), &run, FileStem::default()).unwrap();
        let (first, second, third) = (claim(), claim(), claim());
        assert!(first.dir().ends_with("artifacts/m-openai-chat-concurrency1"));
        assert!(second.dir().ends_with("m-openai-chat-concurrency1-2"));
        assert!(third.dir().ends_with("m-openai-chat-concurrency1-3") && third.dir().is_dir());
        assert_eq!(first.notice(), None);
        assert!(second.notice().is_some_and(|notice| notice.contains("concurrency1 holds an earlier run")));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_its_path() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let run = RunName { models: &[], service_kind: "s", endpoint_type: "e", stimulus: Stimulus::FixedSchedule };
        let error = Layout::claim(&file, &run, FileStem::default()).unwrap_err().to_string();
        assert!(error.contains("file`") && error.contains("--output-artifact-dir"), "{error}");
    }

    #[test]
    fn a_prefix_names_all_files_and_its_extension_is_cut() {
        let stem = file_stem(Some("night-v1.5.json")).unwrap();
        assert_eq!((stem.summary.as_str(), stem.records.as_str()), ("night-v1.5", "night-v1.5"));
        assert_eq!(file_stem(None).unwrap(), FileStem::default());
    }

    #[test]
    fn a_prefix_that_is_a_path_nothing_or_taken_is_refused() {
        for prefix in ["", ".json", "a/b", "..", "inputs", "inputs.json"] {
            let error = file_stem(Some(prefix)).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--profile-export-prefix `{prefix}`")), "{error}");
        }
    }
}
