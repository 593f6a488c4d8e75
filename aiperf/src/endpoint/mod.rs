//! The built-in API dialects, and how a raw reply is read through any dialect, built in or loaded. Moves no bytes and
//! reads no clock.

mod body;
pub mod chat;
pub mod completions;
pub mod embeddings;
mod envelope;
mod lenient;
mod payload;
pub mod rankings;
pub mod reading;
#[cfg(test)]
mod tests;

pub use chat::ChatEndpoint;
pub use completions::CompletionsEndpoint;
pub use embeddings::EmbeddingsEndpoint;
pub use payload::payload;
pub use rankings::{CohereRankingsEndpoint, HfTeiRankingsEndpoint, NimRankingsEndpoint};
