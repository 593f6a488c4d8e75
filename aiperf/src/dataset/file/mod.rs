//! Conversations from the user's files: the built-in loaders, how a file begins, and looking at a file without sending it.
//! Every row is understood before anything is sent, so that a bad one is refused by file, line and field.

mod fault;
mod loaders;
mod object;
mod payload;
mod pool;
mod rows;
mod sample;
mod scan;
mod single_turn;
mod survey;
#[cfg(test)]
mod tests;
mod traces;

use aiperf_abi::data::conversation::{Recipe, Turn};

pub use loaders::{
    AzureTraceLoader, BailianTraceLoader, BurstGptTraceLoader, InputsJsonLoader, MooncakeTraceLoader, MultiTurnLoader,
    RawPayloadLoader, ShareGptLoader, SingleTurnLoader,
};
pub use pool::RandomPoolLoader;
pub use sample::{sample, starts_with_a_time};
pub use survey::{Analysis, Looked, Quantiles, Sharing, Survey, analyze, survey};

/// Input tokens of a turn as recorded, where the row gives a number and no text.
pub(super) fn recorded_tokens(turn: &Turn) -> Option<u32> {
    turn.recipes.iter().find_map(|recipe| match recipe {
        Recipe::Text { tokens, .. } => Some(*tokens),
        _ => None,
    })
}
