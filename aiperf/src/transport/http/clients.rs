//! The connections of reqwest, which speaks TLS and HTTP/2: everybody's, a new one, or that of its session. Sends nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aiperf_abi::{Error, Result};
use reqwest::Client;
use serde::Deserialize;

use super::opening::{Lookup, Watch};
use crate::clock::Clock;

/// How long an idle connection is kept. Inference servers commonly close theirs after five seconds (uvicorn,
/// llama.cpp); a request written into a connection that is just being closed is lost, so ours go first.
pub(super) const IDLE: Duration = Duration::from_secs(4);

/// A session that says nothing for so long is over; its connection is closed when others need the place.
pub(super) const SESSION_IDLE: Duration = Duration::from_secs(600);

/// So many sessions are kept before the first look for those that are over.
pub(super) const SESSIONS_FIRST_LOOK: usize = 1024;

/// What is spoken over a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum HttpVersion {
    /// HTTP/1.1 only.
    #[default]
    #[serde(rename = "1.1")]
    One,
    /// With prior knowledge for `http`.
    #[serde(rename = "2")]
    Two,
    /// What the server prefers for `https`; `http` has no way to ask, and is 1.1.
    #[serde(rename = "auto")]
    Auto,
}

/// Whose connection a request takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reuse {
    /// Any that is free.
    #[default]
    Pooled,
    /// None: each request opens its own.
    Never,
    /// That of the request before it in the same conversation.
    StickyUserSessions,
}

/// All of a run.
#[derive(Debug)]
pub(super) struct Clients {
    version: HttpVersion,
    reuse: Reuse,
    shared: Client,
    sessions: Mutex<Sessions>,
    clock: Clock,
}

/// A client is a pool of connections of its own.
#[derive(Debug)]
struct Sessions {
    clients: HashMap<String, (Client, u64)>,
    next_look: usize,
}

impl Clients {
    pub(super) fn new(version: HttpVersion, reuse: Reuse) -> Result<Self> {
        // Fails where the process has one already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            version,
            reuse,
            shared: client(version, reuse, Tls::Trusting)?,
            sessions: Mutex::new(Sessions { clients: HashMap::new(), next_look: SESSIONS_FIRST_LOOK }),
            clock: Clock::start(),
        })
    }

    /// What is spoken over them.
    pub(super) fn version(&self) -> HttpVersion {
        self.version
    }

    /// The client for a request to `url` of a session; one without a session shares with all others.
    pub(super) fn client_for(&self, url: &str, session: Option<&str>) -> Result<Client> {
        let Some(session) = session.filter(|_| self.reuse == Reuse::StickyUserSessions) else {
            return Ok(self.shared.clone());
        };
        let now = self.clock.now_ns();
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((client, last_ns)) = sessions.clients.get_mut(session) {
            *last_ns = now;
            return Ok(client.clone());
        }
        sessions.make_room(now);
        let is_plain = url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
        let client = client(self.version, self.reuse, if is_plain { Tls::Unused } else { Tls::Trusting })?;
        sessions.clients.insert(session.to_owned(), (client.clone(), now));
        Ok(client)
    }
}

impl Sessions {
    /// Forgets sessions that are over, each time their number has doubled.
    fn make_room(&mut self, now: u64) {
        if self.clients.len() < self.next_look {
            return;
        }
        self.clients.retain(|_, (_, last_ns)| Duration::from_nanos(now.saturating_sub(*last_ns)) < SESSION_IDLE);
        self.next_look = SESSIONS_FIRST_LOOK.max(2 * self.clients.len());
    }
}

/// What a client knows of TLS.
#[derive(Debug, Clone, Copy)]
enum Tls {
    /// The system's certificates, which take a while to read.
    Trusting,
    /// Nothing, as it opens no secure connection.
    Unused,
}

fn client(version: HttpVersion, reuse: Reuse, tls: Tls) -> Result<Client> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .dns_resolver(Arc::new(Lookup))
        .connector_layer(Watch)
        .tcp_nodelay(true);
    let builder = match reuse {
        Reuse::Pooled => builder.pool_max_idle_per_host(usize::MAX).pool_idle_timeout(IDLE),
        Reuse::Never => builder.pool_max_idle_per_host(0),
        // A pause between turns may be long, and the connection is what ties the session to its server.
        Reuse::StickyUserSessions => builder.pool_max_idle_per_host(1).pool_idle_timeout(None),
    };
    let builder = match version {
        HttpVersion::One => builder.http1_only(),
        HttpVersion::Two => builder.http2_prior_knowledge(),
        HttpVersion::Auto => builder,
    };
    let builder = match tls {
        Tls::Trusting => builder,
        Tls::Unused => builder.tls_certs_only([]),
    };
    builder.build().map_err(|e| Error::from(e).context("cannot set up the HTTP client"))
}
