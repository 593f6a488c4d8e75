//! A minimal Echo API to try the endpoint on: `cargo run --example echo_server -- --port 8000`.
//!
//! Answers `POST /echo` with the text it was sent: as one JSON body, or word by word as a stream of events where the body says
//! `"stream": true`. Connections are kept open. It is a toy to benchmark against, not a server for anything else.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use aiperf_abi::{Value, json};

const USAGE: &str = "usage: echo_server [--port 8000] [--delay-ms 20]";
const LARGEST_BODY: usize = 16 * 1024 * 1024;

fn main() -> ExitCode {
    match Options::read(env::args().skip(1)).and_then(|options| serve(&options).map_err(|e| e.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    /// 0 takes any free port.
    port: u16,
    /// Between two words of a stream.
    delay: Duration,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { port: 8000, delay: Duration::from_millis(20) };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(USAGE)?;
            let wrong = |e| format!("{name} {value}: {e}\n{USAGE}");
            match name.as_str() {
                "--port" => options.port = value.parse().map_err(wrong)?,
                "--delay-ms" => options.delay = Duration::from_millis(value.parse().map_err(wrong)?),
                _ => return Err(format!("unknown option {name}\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn serve(options: &Options) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    println!("Echo server on http://{}/echo (Press CTRL+C to quit)", listener.local_addr()?);
    let delay = options.delay;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            // A client that goes away is no fault of the server.
            let _ = talk(&stream, delay);
        });
    }
    Ok(())
}

/// One connection: requests one after the other, until the client has had enough.
fn talk(stream: &TcpStream, delay: Duration) -> io::Result<()> {
    // Without it the kernel would gather words, and a benchmark would measure that.
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        match Request::read(&mut reader, &mut writer)? {
            Received::Nothing => return Ok(()),
            Received::Refused(status, reason) => {
                // What follows in the connection may be the rest of what was refused.
                return respond(&mut writer, status, &json!({ "error": reason }), Connection::Close);
            }
            Received::Request(request) => {
                let after = request.connection;
                answer(&mut writer, &request, delay)?;
                if after == Connection::Close {
                    return Ok(());
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Connection {
    Keep,
    Close,
}

struct Request {
    method: String,
    path: String,
    connection: Connection,
    body: Vec<u8>,
}

enum Received {
    /// The client closed the connection.
    Nothing,
    /// Not a request this server takes: status and reason.
    Refused(&'static str, &'static str),
    Request(Request),
}

impl Request {
    fn read(reader: &mut impl BufRead, writer: &mut impl Write) -> io::Result<Received> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(Received::Nothing);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(path), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Ok(Received::Refused("400 Bad Request", "that is not HTTP"));
        };
        let (method, path) = (method.to_owned(), path.split('?').next().unwrap_or_default().to_owned());
        let mut connection = if version == "HTTP/1.0" { Connection::Close } else { Connection::Keep };
        let (mut length, mut expects_continue) = (0, false);
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(Received::Nothing);
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => match value.parse() {
                    Ok(number) if number <= LARGEST_BODY => length = number,
                    Ok(_) => return Ok(Received::Refused("413 Content Too Large", "the body is too large")),
                    Err(_) => return Ok(Received::Refused("400 Bad Request", "content-length is not a number")),
                },
                "transfer-encoding" => {
                    return Ok(Received::Refused("411 Length Required", "send the body with a content-length"));
                }
                "connection" if value.eq_ignore_ascii_case("close") => connection = Connection::Close,
                "connection" if value.eq_ignore_ascii_case("keep-alive") => connection = Connection::Keep,
                "expect" => expects_continue = value.eq_ignore_ascii_case("100-continue"),
                _ => {}
            }
        }
        if expects_continue {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Received::Request(Self { method, path, connection, body }))
    }
}

fn answer(writer: &mut impl Write, request: &Request, delay: Duration) -> io::Result<()> {
    let refuse =
        |writer: &mut _, status, reason| respond(writer, status, &json!({ "error": reason }), request.connection);
    if request.path != "/echo" {
        return refuse(writer, "404 Not Found", "there is only /echo");
    }
    if request.method != "POST" {
        return refuse(writer, "405 Method Not Allowed", "POST to it");
    }
    let Some(body) = std::str::from_utf8(&request.body).ok().and_then(|text| text.parse::<Value>().ok()) else {
        return refuse(writer, "400 Bad Request", "the body is not JSON");
    };
    let text = format!("[echo] {}", body["text"].as_str().unwrap_or_default());
    let model = body["model"].as_str().unwrap_or("echo-model");
    if body["stream"] != true {
        return respond(writer, "200 OK", &json!({ "echo": text, "model": model }), request.connection);
    }
    stream_words(writer, &text, model, delay, request.connection)
}

fn respond(writer: &mut impl Write, status: &str, body: &Value, after: Connection) -> io::Result<()> {
    let body = body.to_string();
    let head = head(status, "application/json", after);
    writer.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
}

/// The words as events, each in its own chunk, then the end marker.
fn stream_words(
    writer: &mut impl Write,
    text: &str,
    model: &str,
    delay: Duration,
    after: Connection,
) -> io::Result<()> {
    let head = head("200 OK", "text/event-stream", after);
    writer.write_all(format!("{head}Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n").as_bytes())?;
    for (index, word) in text.split_whitespace().enumerate() {
        let piece = if index == 0 { word.to_owned() } else { format!(" {word}") };
        write_chunk(writer, &format!("data: {}\n\n", json!({ "echo": piece, "model": model })))?;
        thread::sleep(delay);
    }
    write_chunk(writer, "data: [DONE]\n\n")?;
    writer.write_all(b"0\r\n\r\n")
}

fn write_chunk(writer: &mut impl Write, data: &str) -> io::Result<()> {
    writer.write_all(format!("{:x}\r\n{data}\r\n", data.len()).as_bytes())
}

fn head(status: &str, content_type: &str, after: Connection) -> String {
    let connection = if after == Connection::Close { "close" } else { "keep-alive" };
    format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nConnection: {connection}\r\n")
}
