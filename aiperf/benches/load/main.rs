//! The programs that `scripts/bench load` puts beside aiperf, each in a process of its own, so that its costs can be told
//! apart: the barest client that reads and parses the same streams, from `aiperf reference-server`; and aiperf's own engine
//! with the echo endpoint as a plugin or built in, with a server for it.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock of the machine itself")]
#![expect(clippy::print_stdout, reason = "programs that print what they measured")]

mod bare;
mod echo;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |name: &str, default: f64| {
        let place = arguments.iter().position(|argument| *argument == format!("--{name}"));
        let text = place.and_then(|place| arguments.get(place + 1));
        text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("--{name} takes a number, not `{text}`")))
    };
    match arguments.first().map(String::as_str) {
        Some("bare") => bare::run(
            number("port", 0.0) as u16,
            number("concurrency", 1.0) as usize,
            number("requests", 100.0) as usize,
        ),
        Some("echo-server") => echo::serve(),
        Some("echo") if arguments.len() > 2 => echo::run(&arguments[1], arguments[2].as_ref(), &arguments[3..]),
        _ => println!(
            "Run by `scripts/bench load`.\n  bare --port N [--concurrency N] [--requests N]\n  echo-server\n  \
             echo plugin|built-in PACKAGE [FLAGS of `aiperf profile`]"
        ),
    }
}
