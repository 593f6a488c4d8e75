//! A value of a loaded library: what crosses, and where it came from. Each category's trait is implemented for it beside
//! the category's declaration.

use std::fmt;

use serde::de::DeserializeOwned;

use super::origin::Origin;
use crate::author::error::{Error, ErrorKind, Result};
use crate::ffi::back::{Back, Silence};
use crate::ffi::numbers::FfiNumbers;
use crate::ffi::service::FfiService;

/// A value of a loaded library.
pub struct Loaded<F> {
    pub(crate) ffi: F,
    pub(crate) origin: Origin,
}

impl Loaded<FfiNumbers> {
    /// A method that takes and gives one number.
    pub(crate) fn numbers(&mut self, method: &str, number: u32, argument: u64) -> Result<u64> {
        let mut out = [0];
        self.origin.call(method, || self.ffi.call(number, &[argument], &mut out, &mut Silence))?;
        Ok(out[0])
    }

    /// A method that gives many numbers at once.
    pub(crate) fn fill(&mut self, method: &str, number: u32, out: &mut [u64]) -> Result<()> {
        self.origin.call(method, || self.ffi.call(number, &[], out, &mut Silence))
    }

    /// Refuses a result that makes no sense.
    pub(crate) fn check<T: fmt::Display + Copy>(&self, method: &str, result: T, is_sane: fn(T) -> bool) -> Result<()> {
        match is_sane(result) {
            true => Ok(()),
            false => Err(self
                .origin
                .tell(method, Error::new(ErrorKind::Other, format!("returned {result}, which cannot be")))),
        }
    }
}

impl Loaded<FfiService> {
    /// A method that takes words and gives plain data.
    pub(crate) fn words<T: DeserializeOwned>(&mut self, method: &str, words: &[u8], back: &mut dyn Back) -> Result<T> {
        let result = self.origin.call(method, || self.ffi.call(method, words, back))?;
        serde_json::from_slice(&result).map_err(|error| self.origin.tell(method, Error::from(error)))
    }
}
