//! The two programs that `scripts/bench load` puts beside aiperf: a server that knows what it did, and the barest client
//! that reads and parses the same streams. Each is a process of its own, so that its costs can be told apart.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock of the machine itself")]
#![expect(clippy::print_stdout, reason = "programs that print what they measured")]

mod bare;
mod server;
mod spread;

use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |name: &str, default: f64| {
        let place = arguments.iter().position(|argument| *argument == format!("--{name}"));
        let text = place.and_then(|place| arguments.get(place + 1));
        text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("--{name} takes a number, not `{text}`")))
    };
    match arguments.first().map(String::as_str) {
        Some("server") => server::run(&server::Replies {
            ttft: Duration::from_secs_f64(number("ttft", 0.0) / 1e3),
            itl: Duration::from_secs_f64(number("itl", 0.0) / 1e3),
            tokens: number("tokens", 16.0) as usize,
        }),
        Some("bare") => bare::run(
            number("port", 0.0) as u16,
            number("concurrency", 1.0) as usize,
            number("requests", 100.0) as usize,
        ),
        _ => println!(
            "Run by `scripts/bench load`.\n  server [--ttft MS] [--itl MS] [--tokens N]\n  bare --port N [--concurrency N] [--requests N]"
        ),
    }
}
