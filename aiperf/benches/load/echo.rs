//! The echo endpoint, loaded from its library or built into this program: everything else of the two runs is the same code in
//! the same program. And a server that answers it as fast as one can.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use aiperf::builtin;
use aiperf::config::ProfileFlags;
use aiperf::plan;
use aiperf::plugin::manifest::Manifest;
use aiperf::plugin::registry::{Registration, Registry};
use aiperf::run::watchdog::Watchdog;
use aiperf::run::{self, Watcher};
use aiperf_abi::{Endpoint, Plugin, Ui, UiProgress};
use aiperf_echo::EchoEndpoint;
use clap::Parser;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Events of each reply.
const EVENTS: usize = 16;

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    profile: ProfileFlags,
}

/// Sends requests through the echo endpoint, made as `way` says, and prints their rate as JSON. `package` is the folder with
/// its manifest, and its library where it is loaded; `flags` are those of `aiperf profile`.
pub(crate) fn run(way: &str, package: &Path, flags: &[String]) {
    let manifest = package.join("plugins.yaml");
    let mut registry = builtin::only();
    match way {
        "plugin" => {
            registry.load(&manifest).unwrap_or_else(|faults| panic!("{faults:?}"));
        }
        "built-in" => register(&mut registry, &manifest),
        other => panic!("`plugin` or `built-in`, not `{other}`"),
    }
    let flags = Flags::parse_from(["echo".to_owned()].iter().chain(flags));
    let plan = plan::resolve(&flags.profile, &registry, 7).unwrap_or_else(|error| panic!("{error}"));
    let watchdog = Watchdog::start(PATIENCE).expect("a thread");
    let finished = run::execute(&plan, &registry, "echo", &mut Silent, &watchdog);
    let finished = finished.unwrap_or_else(|error| panic!("{error}"));
    let one = finished.first().expect("a run");
    assert!(one.failed == 0 && one.problems.is_empty(), "{} failed; {:?}", one.failed, one.problems);
    let rate = one.report.metric("request_throughput").expect("a rate").avg;
    let tokens = one.report.metric("total_output_tokens").map_or(0.0, |metric| metric.avg);
    println!("{{\"requests_per_second\":{rate:.3},\"succeeded\":{},\"tokens\":{tokens}}}", one.succeeded);
}

/// The class as an entry of this program, with the metadata of its manifest.
fn register(registry: &mut Registry, manifest: &Path) {
    let manifest = Manifest::read(manifest).unwrap_or_else(|faults| panic!("{faults:?}"));
    let entry = manifest.entries.first().expect("it has an endpoint");
    let made = Registration::<dyn Endpoint>::new::<EchoEndpoint>("echo", |cx| Ok(Box::new(EchoEndpoint::new(cx)?)));
    registry.register(made.metadata(entry.metadata.clone()));
}

/// Shows nothing.
struct Silent;

impl Watcher for Silent {
    fn show_on(&mut self, _: &str, _: Box<dyn Ui>) -> std::io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, _: &UiProgress) {}

    fn draining(&mut self) {}

    fn finished(&mut self) {}
}

/// Answers every request with a stream of words, until the standard input ends; prints its port first.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    // Nobody writes: it ends when whoever started the server is gone.
    let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
}

fn answer(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket");
    let event = "data: {\"text\":\"word \"}\n\n";
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let reply = format!("{head}{}0\r\n\r\n", chunk.repeat(EVENTS));
    let (mut unread, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        while let Some(length) = request(&unread) {
            unread.drain(..length);
            if stream.write_all(reply.as_bytes()).is_err() {
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(length) if length > 0 => unread.extend_from_slice(&piece[..length]),
            _ => return,
        }
    }
}

/// The length of the request that is there as a whole.
fn request(unread: &[u8]) -> Option<usize> {
    let head = unread.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&unread[..head]).expect("a head is text").to_ascii_lowercase();
    let body = text.split("content-length:").nth(1).and_then(|rest| rest.lines().next()).unwrap_or("0");
    let length = head + body.trim().parse::<usize>().expect("a length");
    (unread.len() >= length).then_some(length)
}
