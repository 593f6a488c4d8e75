//! What a failed exchange is called, from the errors of whoever carried it. Decides nothing else.

use std::error::Error as StdError;

use aiperf_abi::{Error, ErrorKind};

use super::clients::HttpVersion;
use super::opening::LookupFailed;
use crate::transport::failure::word;

/// What was asked, as far as failures tell of it.
pub(super) struct Asked {
    pub(super) server: String,
    pub(super) version: HttpVersion,
}

/// How far a request had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Opening,
    NoHead,
    Body,
}

/// `ENFILE` and `EMFILE`: the machine or this process has too many files open. The same on every Unix.
const OUT_OF_FILES: [i32; 2] = [23, 24];

/// What hyper says of a server that did not wait for a request, as one does that speaks HTTP/2 only. It has no other sign.
const SPOKE_FIRST: &str = "received unexpected message from connection";

/// What lies at the bottom of a failure.
#[derive(Debug, Clone, Copy, Default)]
struct Roots {
    io: Option<std::io::ErrorKind>,
    lookup: bool,
    tls: bool,
    incomplete: bool,
    malformed: bool,
    /// The server spoke first, or its first bytes were HTTP/2, which was not asked for.
    speaks_otherwise: bool,
    out_of_files: bool,
}

impl Roots {
    fn of(error: Option<&(dyn StdError + 'static)>) -> Self {
        let mut roots = Self::default();
        let mut next = error;
        while let Some(cause) = next {
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                roots.look_into(io);
            } else if let Some(http) = cause.downcast_ref::<hyper::Error>() {
                roots.incomplete |= http.is_incomplete_message();
                roots.malformed |= http.is_parse();
                roots.speaks_otherwise |= http.is_parse_version_h2() || http.to_string().starts_with(SPOKE_FIRST);
            }
            roots.lookup |= cause.is::<LookupFailed>();
            roots.tls |= cause.is::<rustls::Error>();
            next = cause.source();
        }
        roots
    }

    /// An io error hides what it carries from the chain of sources, and may carry another one.
    fn look_into(&mut self, io: &std::io::Error) {
        self.io = Some(io.kind());
        self.out_of_files |= io.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code));
        if let Some(inner) = io.get_ref() {
            self.tls |= inner.is::<rustls::Error>();
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                self.look_into(io);
            }
        }
    }
}

/// A failure of reqwest. It repeats the address before it says what was wrong.
pub(super) fn told_by_client(error: &reqwest::Error, asked: &Asked, progress: Progress) -> Error {
    told(error.source(), asked, if error.is_connect() { Progress::Opening } else { progress })
}

/// A failure in the words of the records, the system's own words as its cause.
pub(super) fn told(error: Option<&(dyn StdError + 'static)>, asked: &Asked, progress: Progress) -> Error {
    use std::io::ErrorKind as Io;

    let (Asked { server, version }, roots) = (asked, Roots::of(error));
    // An answer in another version breaks the rules of this one, and no more is known of it.
    let broke_two = *version == HttpVersion::Two && progress == Progress::NoHead && roots.io.is_none();
    let (word, message) = if progress == Progress::Opening {
        if roots.io == Some(Io::ConnectionRefused) {
            (word::REFUSED, format!("nothing listens at {server} (is the server up?)"))
        } else if roots.out_of_files {
            (word::FILES, format!("no connection to {server}: aiperf may not open more files (raise `ulimit -n`)"))
        } else if roots.io == Some(Io::AddrNotAvailable) {
            (word::PORTS, format!("no local port is free for a connection to {server} (are connections reused?)"))
        } else if roots.lookup {
            (word::DNS, format!("no address is known for {server}"))
        } else if roots.tls {
            (word::TLS, format!("no secure connection to {server}"))
        } else {
            (word::CONNECT, format!("no connection to {server}"))
        }
    } else if roots.speaks_otherwise {
        (word::PROTOCOL, format!("{server} does not speak HTTP/1.1; HTTP/2 perhaps (--http-version 2)"))
    } else if roots.malformed
        || broke_two
        || (matches!(roots.io, Some(Io::InvalidData | Io::InvalidInput)) && !roots.tls)
    {
        let hint = match (progress, version) {
            (Progress::NoHead, HttpVersion::Two) => " (is it the right port, and not https?)",
            (Progress::NoHead, _) => " (is it the right port, not https, and not HTTP/2 only, for --http-version 2?)",
            _ => "",
        };
        (word::PROTOCOL, format!("{server} does not speak HTTP as expected{hint}"))
    } else if matches!(roots.io, Some(Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe)) {
        (word::RESET, format!("{server} reset the connection"))
    } else if progress == Progress::Body {
        (word::CUT_OFF, format!("{server} ended the reply before its end"))
    } else if roots.incomplete || roots.io == Some(Io::UnexpectedEof) {
        (word::CLOSED, format!("{server} closed the connection without an answer"))
    } else {
        (word::CONNECT, format!("the exchange with {server} failed"))
    };
    let message = match (version, word) {
        (HttpVersion::Two, word::TLS | word::PROTOCOL | word::RESET | word::CLOSED) if progress != Progress::Body => {
            format!("{message}; it was asked for HTTP/2, which not every server speaks (--http-version 1.1)")
        }
        _ => message,
    };
    match error {
        Some(error) => Error::new(ErrorKind::Io, bottom(error)).context(message).context(word),
        None => Error::new(ErrorKind::Io, message).context(word),
    }
}

/// What the innermost error says; those around it repeat the address or say nothing.
fn bottom(error: &(dyn StdError + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
