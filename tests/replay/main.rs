//! Replies of real servers, sent again byte by byte through the HTTP transport and read through the built-in dialects;
//! and what a client has to survive that no recording holds.

#[path = "../support/mod.rs"]
mod support;

mod cost;
mod framing;
mod harness;
mod http_2;
mod moments;
mod network;
mod recorded;
mod streams;
