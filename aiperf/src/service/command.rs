//! The entry `command`: a program that runs beside the benchmark, e.g. the server under test.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aiperf_abi::{Context, Error, Health, Plugin, Result, Service};
use serde::Deserialize;

/// How long the answer to the question whether it is ready is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The entry `command`.
#[derive(Debug)]
pub struct CommandService {
    run: String,
    ready: Option<String>,
    process: Option<Child>,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// The command, as a shell takes it.
    run: Option<String>,
    /// A URL that answers with success when it is ready; absent: it is ready at once.
    ready: Option<String>,
}

impl Plugin for CommandService {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let Settings { run, ready } = cx.config()?;
        let run =
            run.ok_or_else(|| Error::invalid_config("no command is given: --plugin-option command.run=COMMAND"))?;
        // Another part of the process may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { run, ready, process: None, client, runtime })
    }
}

impl Service for CommandService {
    fn start(&mut self) -> Result<()> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.run).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A shell may have children: they are stopped with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        self.process = Some(command.spawn().map_err(|error| Error::from(error).context("cannot start a shell"))?);
        Ok(())
    }

    fn health(&mut self) -> Result<Health> {
        let Some(process) = &mut self.process else { return Ok(Health::Stopped) };
        if let Some(status) = process.try_wait()? {
            return Ok(Health::Failed(format!("`{}` ended with {status}", self.run)));
        }
        let Some(url) = &self.ready else { return Ok(Health::Healthy) };
        let answer = self.runtime.block_on(async { self.client.get(url).send().await });
        Ok(match answer.is_ok_and(|answer| answer.status().is_success()) {
            true => Health::Healthy,
            false => Health::Starting,
        })
    }

    fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        end(&mut process);
        process.wait()?;
        Ok(())
    }
}

impl Drop for CommandService {
    fn drop(&mut self) {
        // Whoever leaves early leaves no program behind.
        let _ = self.stop();
    }
}

/// Ends a shell and all that it started.
fn end(process: &mut Child) {
    #[cfg(target_os = "linux")]
    if let Some(group) = i32::try_from(process.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It may be gone by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = process.kill();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use aiperf_abi::testing::construct;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_command_runs_until_it_is_stopped_with_all_that_it_started() {
        let mut service: CommandService = construct(json!({"run": "sleep 1000 & sleep 1000"})).unwrap();
        assert_eq!(service.health().unwrap(), Health::Stopped);
        service.start().unwrap();
        assert_eq!(service.health().unwrap(), Health::Healthy);
        service.stop().unwrap();
        assert_eq!(service.health().unwrap(), Health::Stopped);
    }

    #[test]
    fn a_command_that_ends_has_failed_and_one_that_does_not_answer_is_not_ready() {
        let mut service: CommandService = construct(json!({"run": "exit 3"})).unwrap();
        service.start().unwrap();
        let failed = std::iter::repeat_with(|| service.health().unwrap()).find(|health| *health != Health::Healthy);
        assert_eq!(failed, Some(Health::Failed("`exit 3` ended with exit status: 3".to_owned())));
        let mut service: CommandService =
            construct(json!({"run": "sleep 1000", "ready": "http://127.0.0.1:1/health"})).unwrap();
        service.start().unwrap();
        assert_eq!(service.health().unwrap(), Health::Starting);
        assert!(construct::<CommandService>(json!({})).is_err());
    }
}
