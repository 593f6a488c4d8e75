//! The entry `socket`: any program on this machine or another follows a run by connecting (`nc -U PATH`, `nc HOST PORT`). Each
//! message is a line of JSON. Nothing here waits for a reader: one that is slow misses progress, and one that is slower
//! still is left behind. Whoever connects late first gets what was said before, but for progress.

use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;
use std::time::Duration;

use aiperf_abi::{Communication, Context, Error, Level, Message, Plugin, Result, topic};
use serde::Deserialize;

/// Bytes that are kept for who connects late. Later messages reach those who are there.
const KEPT: usize = 2 << 20;
/// Bytes that may wait for a reader beside those; more, and it is left behind.
const WAITING: usize = 2 << 20;
/// Who else connects is turned away.
const READERS: usize = 16;
/// How long readers may take for the rest, in steps.
const AT_THE_END: (u32, Duration) = (200, Duration::from_millis(5));

/// The entry `socket`.
pub struct SocketCommunication {
    listener: Listener,
    readers: Vec<Reader>,
    kept: Vec<u8>,
    left_behind: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to listen: `HOST:PORT`, or the path of a socket to make.
    at: Option<String>,
}

enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(unix::Listener),
}

struct Reader {
    stream: Box<dyn Write + Send>,
    waiting: Vec<u8>,
}

impl Plugin for SocketCommunication {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let at = cx.config::<Settings>()?.at.ok_or_else(|| {
            Error::invalid_config("no place to listen is given: --plugin-option socket.at=PATH, or HOST:PORT")
        })?;
        let listener = Listener::at(&at).map_err(|error| {
            Error::invalid_config(format!("cannot listen at `{at}`: {error}; choose another place: socket.at"))
        })?;
        cx.host().log(Level::Info, &format!("listening at {}", listener.place()));
        Ok(Self { listener, readers: Vec::new(), kept: Vec::new(), left_behind: 0 })
    }
}

impl Communication for SocketCommunication {
    fn carry(&mut self, message: &Message) -> Result<Vec<Message>> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let lasts = message.topic != topic::PROGRESS;
        self.admit();
        self.write();
        for reader in &mut self.readers {
            if lasts || reader.waiting.is_empty() {
                reader.waiting.extend_from_slice(&line);
            }
        }
        if lasts && self.kept.len() + line.len() <= KEPT {
            self.kept.extend(line);
        }
        self.write();
        Ok(vec![message.clone()])
    }

    fn close(&mut self) -> Result<()> {
        self.admit();
        let (steps, step) = AT_THE_END;
        for _ in 0..steps {
            self.write();
            if self.readers.iter().all(|reader| reader.waiting.is_empty()) {
                break;
            }
            std::thread::sleep(step);
        }
        let slow = self.left_behind + self.readers.iter().filter(|reader| !reader.waiting.is_empty()).count();
        self.readers.clear();
        match slow {
            0 => Ok(()),
            slow => Err(Error::msg(format!("readers that were too slow to get everything: {slow}"))),
        }
    }
}

impl SocketCommunication {
    /// Those who wait at the door.
    fn admit(&mut self) {
        while let Ok(stream) = self.listener.accept() {
            if self.readers.len() < READERS {
                self.readers.push(Reader { stream, waiting: self.kept.clone() });
            }
        }
    }

    /// As much as can be written without waiting. Whoever is gone is forgotten.
    fn write(&mut self) {
        let left_behind = &mut self.left_behind;
        self.readers.retain_mut(|reader| {
            let is_there = reader.write();
            let is_slow = reader.waiting.len() > KEPT + WAITING;
            *left_behind += usize::from(is_there && is_slow);
            is_there && !is_slow
        });
    }
}

impl Reader {
    /// Whether it is still there.
    fn write(&mut self) -> bool {
        let mut written = 0;
        let is_there = loop {
            if written == self.waiting.len() {
                break true;
            }
            match self.stream.write(&self.waiting[written..]) {
                Ok(0) => break false,
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break false,
            }
        };
        self.waiting.drain(..written);
        is_there
    }
}

impl Listener {
    /// A path where there is a slash or no port.
    fn at(place: &str) -> io::Result<Self> {
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if has_port && !place.contains('/') {
            let listener = TcpListener::bind(place)?;
            listener.set_nonblocking(true)?;
            return Ok(Self::Tcp(listener));
        }
        #[cfg(unix)]
        return unix::Listener::at(place.as_ref()).map(Self::Unix);
        #[cfg(not(unix))]
        return Err(io::Error::new(ErrorKind::Unsupported, "this system has no sockets with a path"));
    }

    fn place(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            #[cfg(unix)]
            Self::Unix(listener) => listener.path.display().to_string(),
        }
    }

    fn accept(&self) -> io::Result<Box<dyn Write + Send>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Self::Unix(listener) => Ok(Box::new(listener.accept()?)),
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io::{self, ErrorKind};
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::{Path, PathBuf};

    /// A socket with a path. It is gone with this.
    pub(super) struct Listener {
        pub(super) path: PathBuf,
        socket: UnixListener,
    }

    impl Listener {
        pub(super) fn at(path: &Path) -> io::Result<Self> {
            let socket = match UnixListener::bind(path) {
                Err(error) if error.kind() == ErrorKind::AddrInUse && is_abandoned(path) => {
                    fs::remove_file(path)?;
                    UnixListener::bind(path)
                }
                bound => bound,
            }?;
            socket.set_nonblocking(true)?;
            Ok(Self { path: path.to_owned(), socket })
        }

        pub(super) fn accept(&self) -> io::Result<UnixStream> {
            let (stream, _) = self.socket.accept()?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        }
    }

    impl Drop for Listener {
        fn drop(&mut self) {
            // Somebody may have tidied up already.
            let _ = fs::remove_file(&self.path);
        }
    }

    /// What a run that was killed leaves: a socket at which nobody listens.
    fn is_abandoned(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
            && UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::net::TcpStream;
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;

    use aiperf_abi::testing::construct;
    use aiperf_abi::{Value, json};
    use tempfile::TempDir;

    use super::*;

    fn at(path: &str) -> Result<SocketCommunication> {
        construct(json!({"at": path}))
    }

    fn place() -> (TempDir, PathBuf) {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("run.sock");
        (folder, path)
    }

    fn say(socket: &mut SocketCommunication, number: u64, topic: &str, body: Value) {
        let message = Message::new(number, 0, topic, body);
        assert_eq!(socket.carry(&message).expect("it carries"), [message], "services are told, too");
    }

    fn numbers(reader: impl Read) -> Vec<u64> {
        let lines = BufReader::new(reader).lines();
        lines.map(|line| serde_json::from_str::<Message>(&line.expect("a line")).expect("a message").number).collect()
    }

    #[test]
    fn every_reader_gets_each_message_as_a_line_and_a_late_one_what_was_before_but_for_progress() {
        let (_folder, path) = place();
        let mut socket = at(path.to_str().unwrap()).unwrap();
        let early = UnixStream::connect(&path).unwrap();
        say(&mut socket, 0, topic::RUN_STARTED, json!({"plan": 1}));
        say(&mut socket, 1, topic::PROGRESS, json!({}));
        let late = UnixStream::connect(&path).unwrap();
        say(&mut socket, 2, topic::PROGRESS, json!({}));
        let last = UnixStream::connect(&path).unwrap();
        socket.close().unwrap();
        drop(socket);
        assert_eq!((numbers(early), numbers(late), numbers(last)), (vec![0, 1, 2], vec![0, 2], vec![0]));
        assert!(!path.exists(), "the socket is gone with the run");
    }

    #[test]
    fn who_goes_away_is_forgotten_and_who_does_not_read_misses_progress_and_is_left_behind() {
        let (_folder, path) = place();
        let mut socket = at(path.to_str().unwrap()).unwrap();
        let (gone, idle) = (UnixStream::connect(&path).unwrap(), UnixStream::connect(&path).unwrap());
        say(&mut socket, 0, topic::RUN_STARTED, json!({}));
        drop(gone);
        let large = json!("x".repeat(1 << 20));
        say(&mut socket, 1, topic::PHASE_STARTED, large.clone());
        assert_eq!(socket.readers.len(), 1);
        let before = socket.readers[0].waiting.len();
        say(&mut socket, 2, topic::PROGRESS, large.clone());
        assert_eq!(socket.readers[0].waiting.len(), before, "progress is left out");
        (3..16).for_each(|number| say(&mut socket, number, topic::PHASE_ENDED, large.clone()));
        assert!(socket.readers.is_empty() && socket.kept.len() <= KEPT);
        assert_eq!(socket.close().unwrap_err().to_string(), "readers that were too slow to get everything: 1");
        drop(idle);
    }

    #[test]
    fn programs_of_other_machines_follow_by_address() {
        let mut socket = at("127.0.0.1:0").unwrap();
        let reader = TcpStream::connect(socket.listener.place()).unwrap();
        say(&mut socket, 7, topic::RUN_STARTED, json!({}));
        socket.close().unwrap();
        assert_eq!(numbers(reader), [7]);
    }

    #[test]
    fn a_socket_that_a_killed_run_left_is_taken_over_and_nothing_else_is() {
        let (_folder, path) = place();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let name = path.to_str().unwrap();
        let socket = at(name).unwrap();
        let refusal = at(name).err().unwrap().to_string();
        assert!(refusal.contains(&format!("cannot listen at `{name}`")), "{refusal}");
        drop(socket);
        std::fs::write(&path, "mine").unwrap();
        assert!(at(name).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        let refusal = construct::<SocketCommunication>(json!({})).err().unwrap().to_string();
        assert!(refusal.contains("--plugin-option socket.at=PATH"), "{refusal}");
    }
}
