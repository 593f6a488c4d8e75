//! One request and what became of it, raw: what travels from the worker to whoever makes a record of it.

use aiperf_abi::data::request::Request;

use crate::credit::Credit;
use crate::reply::Reply;

/// A spent credit with the request it was spent on and the raw reply.
#[derive(Debug)]
pub struct Exchange {
    /// The credit.
    pub credit: Credit,
    /// What was asked.
    pub request: Request,
    /// What came back.
    pub reply: Reply,
}
