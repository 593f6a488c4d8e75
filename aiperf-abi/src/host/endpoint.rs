//! An endpoint of a loaded library as an ordinary [`Endpoint`].

use abi_stable::std_types::Tuple2;

use super::loaded::Loaded;
use crate::author::endpoint::{Endpoint, Payload};
use crate::author::error::Result;
use crate::author::request::RequestInfo;
use crate::author::response::Response;
use crate::category::Category;
use crate::data::response::ParsedResponse;
use crate::ffi::endpoint::FfiEndpoint;
use crate::ffi::values::{FfiParsed, FfiPayload};

impl Category for dyn Endpoint {
    const NAME: &'static str = "endpoint";
    type Ffi = FfiEndpoint;

    fn loaded(value: Loaded<FfiEndpoint>) -> Box<Self> {
        Box::new(value)
    }
}

impl Endpoint for Loaded<FfiEndpoint> {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        self.origin.call(&"format_payload", || self.ffi.format_payload(request)).map(FfiPayload::unpack)
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let parsed = self.origin.call(&"parse_response", || self.ffi.parse_response(response))?;
        let unpacked = parsed.into_option().map(FfiParsed::unpack).transpose();
        unpacked.map_err(|error| self.origin.tell("parse_response", error))
    }

    fn headers(&self, request: RequestInfo<'_>) -> Result<Vec<(String, String)>> {
        let headers = self.origin.call(&"headers", || self.ffi.headers(request))?;
        Ok(headers.into_iter().map(|Tuple2(name, value)| (name.into_string(), value.into_string())).collect())
    }
}
