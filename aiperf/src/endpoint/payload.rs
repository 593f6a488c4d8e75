//! The body of a request, whoever makes it: the dataset, where it has one ready, else the dialect.

use aiperf_abi::data::request::Request;
use aiperf_abi::{Endpoint, Payload, Result};

/// The body to send for a request. One that stands in the dataset is sent byte by byte, whatever the dialect, and
/// nothing is laid over it.
///
/// # Errors
/// When the request cannot be said in this dialect.
pub fn payload(endpoint: &dyn Endpoint, request: &Request) -> Result<Payload> {
    match request.raw_payload() {
        Some(body) => Ok(Payload::bytes(body.as_bytes().to_vec(), "application/json")),
        None => endpoint.format_payload(request.info()),
    }
}
