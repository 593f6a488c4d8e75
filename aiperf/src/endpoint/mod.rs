//! The built-in API dialects, and how a raw reply is read through any dialect, built in or loaded. Moves no bytes and
//! reads no clock.

pub mod audio;
mod body;
pub mod chat;
pub mod completions;
mod detected;
mod dialogue;
pub mod embeddings;
mod envelope;
mod form;
pub mod generate;
pub mod images;
mod lenient;
mod media;
pub mod messages;
pub mod opening;
mod payload;
pub mod rankings;
pub mod raw;
pub mod reading;
pub mod responses;
pub mod template;
#[cfg(test)]
mod tests;

pub use audio::AudioTranscriptionEndpoint;
pub use chat::ChatEndpoint;
pub use completions::CompletionsEndpoint;
pub use embeddings::{ChatEmbeddingsEndpoint, EmbeddingsEndpoint, NimEmbeddingsEndpoint};
pub use generate::HuggingFaceGenerateEndpoint;
pub use images::ImageGenerationEndpoint;
pub use messages::MessagesEndpoint;
pub use payload::payload;
pub use rankings::{CohereRankingsEndpoint, HfTeiRankingsEndpoint, NimRankingsEndpoint};
pub use raw::RawEndpoint;
pub use responses::ResponsesEndpoint;
pub use template::TemplateEndpoint;
