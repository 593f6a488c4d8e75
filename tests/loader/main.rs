//! Real plugin libraries, good and bad, through the host's loader.

mod support;

mod good;
