//! Reads the token counts of a reply under whatever names a server gives them. Counts no tokens itself.

use serde_json::Value;

use super::response::Usage;

/// A path of keys, joined by dots.
type Names = &'static [&'static str];

const PROMPT: Names = &["prompt_tokens", "input_tokens", "promptTokenCount", "inputTokens", "input_token_count"];
const COMPLETION: Names =
    &["completion_tokens", "output_tokens", "candidatesTokenCount", "outputTokens", "generated_token_count"];
const TOTAL: Names = &["total_tokens", "totalTokenCount", "totalTokens", "total_token_count"];
const REASONING: Names = &[
    "completion_tokens_details.reasoning_tokens",
    "output_tokens_details.reasoning_tokens",
    "reasoning_tokens",
    "thoughtsTokenCount",
];
const CACHE_READ: Names = &[
    "prompt_tokens_details.cached_tokens",
    "input_tokens_details.cached_tokens",
    "cache_read_input_tokens",
    "cacheReadInputTokens",
    "prompt_cache_hit_tokens",
    "cachedContentTokenCount",
];
const CACHE_WRITE: Names = &["cache_creation_input_tokens", "cacheWriteInputTokens"];
const CACHE_MISS: Names = &["prompt_cache_miss_tokens"];
const PROMPT_AUDIO: Names = &["prompt_tokens_details.audio_tokens", "input_tokens_details.audio_tokens"];
const COMPLETION_AUDIO: Names = &["completion_tokens_details.audio_tokens", "output_tokens_details.audio_tokens"];
const ACCEPTED: Names = &["completion_tokens_details.accepted_prediction_tokens"];
const REJECTED: Names = &["completion_tokens_details.rejected_prediction_tokens"];
const TOOL_USE: Names = &["toolUsePromptTokenCount"];

/// Input counts under these names leave out what came from or went into the cache (Anthropic, Bedrock), but only where
/// the cache counts stand beside them under the second and third name.
const WITHOUT_CACHE: [[&str; 3]; 2] = [
    ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"],
    ["inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"],
];

impl Usage {
    /// The counts a reply reports, wherever they stand in it: `usage`, `usageMetadata` (Gemini), `meta.tokens`
    /// (Cohere), or `usage` under `message` or `response` (events that wrap a reply). `None` where there are none.
    pub fn find(reply: &Value) -> Option<Self> {
        const PLACES: [&str; 7] = [
            "/usage",
            "/usageMetadata",
            "/meta/tokens",
            "/usage/tokens",
            "/message/usage",
            "/response/usage",
            "/response/usageMetadata",
        ];
        PLACES.iter().filter_map(|place| Self::read(reply.pointer(place)?)).next()
    }

    /// The counts of one usage object, whichever names it uses. `None` where it has none.
    ///
    /// Input counts that leave out cached tokens are completed with them, output counts that leave out reasoning
    /// (Gemini) with it, and a total that is missing or older than that is their sum.
    pub fn read(object: &Value) -> Option<Self> {
        let mut usage = Self {
            prompt_tokens: first(object, PROMPT),
            completion_tokens: first(object, COMPLETION),
            total_tokens: first(object, TOTAL),
            reasoning_tokens: first(object, REASONING),
            prompt_cache_read_tokens: first(object, CACHE_READ),
            prompt_cache_write_tokens: first(object, CACHE_WRITE),
            prompt_cache_miss_tokens: first(object, CACHE_MISS),
            prompt_audio_tokens: first(object, PROMPT_AUDIO),
            completion_audio_tokens: first(object, COMPLETION_AUDIO),
            accepted_prediction_tokens: first(object, ACCEPTED),
            rejected_prediction_tokens: first(object, REJECTED),
            tool_use_prompt_tokens: first(object, TOOL_USE),
        };
        if usage.is_empty() {
            return None;
        }
        for [input, read, write] in WITHOUT_CACHE {
            if let (None, Some(prompt)) = (count(object, "prompt_tokens"), count(object, input)) {
                let cached = [read, write].map(|name| count(object, name).unwrap_or(0));
                usage.prompt_tokens = Some(cached.into_iter().fold(prompt, u64::saturating_add));
            }
        }
        if let (Some(output), Some(thoughts)) = (count(object, "candidatesTokenCount"), usage.reasoning_tokens) {
            usage.completion_tokens = Some(output.saturating_add(thoughts));
        }
        if let (Some(prompt), Some(completion)) = (usage.prompt_tokens, usage.completion_tokens) {
            usage.total_tokens = Some(usage.total_tokens.unwrap_or(0).max(prompt.saturating_add(completion)));
        }
        Some(usage)
    }
}

fn first(object: &Value, names: Names) -> Option<u64> {
    names.iter().find_map(|name| count(object, name))
}

/// A whole number at a dotted path. Some servers write counts as floats.
fn count(object: &Value, path: &str) -> Option<u64> {
    let value = path.split('.').try_fold(object, |value, key| value.get(key))?;
    value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0 && n.fract() == 0.0).map(|n| n as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(object: &Value) -> Usage {
        Usage::read(object).expect("counts")
    }

    #[test]
    fn every_provider_reads_the_same() {
        for object in [
            json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}),
            json!({"prompt_tokens": 10, "completion_tokens": 4}),
            json!({"input_tokens": 10, "output_tokens": 4}),
            json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "totalTokenCount": 14}),
            json!({"inputTokens": 10, "outputTokens": 4, "totalTokens": 14}),
            json!({"input_token_count": 10, "generated_token_count": 4}),
            json!({"input_tokens": 10.0, "output_tokens": 4.0}),
        ] {
            let usage = read(&object);
            let counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens);
            assert_eq!(counts, (Some(10), Some(4), Some(14)), "{object}");
        }
    }

    #[test]
    fn details_have_many_names() {
        for object in [
            json!({"prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 2}}),
            json!({"input_tokens_details": {"cached_tokens": 3}, "output_tokens_details": {"reasoning_tokens": 2}}),
            json!({"cache_read_input_tokens": 3, "reasoning_tokens": 2}),
            json!({"prompt_cache_hit_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 2}}),
        ] {
            let usage = read(&object);
            assert_eq!((usage.prompt_cache_read_tokens, usage.reasoning_tokens), (Some(3), Some(2)), "{object}");
        }
        let details = json!({"accepted_prediction_tokens": 1, "rejected_prediction_tokens": 2, "audio_tokens": 3});
        let usage = read(&json!({"completion_tokens_details": details, "prompt_cache_miss_tokens": 4}));
        assert_eq!(usage.accepted_prediction_tokens, Some(1));
        assert_eq!(usage.rejected_prediction_tokens, Some(2));
        assert_eq!(usage.completion_audio_tokens, Some(3));
        assert_eq!(usage.prompt_cache_miss_tokens, Some(4));
    }

    #[test]
    fn an_input_that_leaves_out_the_cache_is_completed() {
        let anthropic = json!({"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20,
            "output_tokens": 7});
        let usage = read(&anthropic);
        assert_eq!((usage.prompt_tokens, usage.total_tokens), (Some(125), Some(132)));
        assert_eq!((usage.prompt_cache_read_tokens, usage.prompt_cache_write_tokens), (Some(100), Some(20)));

        let bedrock = json!({"inputTokens": 5, "cacheReadInputTokens": 100, "outputTokens": 7, "totalTokens": 12});
        let usage = read(&bedrock);
        assert_eq!((usage.prompt_tokens, usage.total_tokens), (Some(105), Some(112)));
    }

    #[test]
    fn an_input_that_includes_the_cache_is_left_alone() {
        let openai = json!({"input_tokens": 50, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 1});
        assert_eq!(read(&openai).prompt_tokens, Some(50));
        let proxied = json!({"prompt_tokens": 125, "cache_read_input_tokens": 100, "completion_tokens": 1});
        assert_eq!(read(&proxied).prompt_tokens, Some(125));
    }

    #[test]
    fn counts_that_no_server_can_mean_stay_the_largest_number() {
        for object in [
            json!({"prompt_tokens": u64::MAX, "completion_tokens": 1}),
            json!({"input_tokens": 1, "cache_read_input_tokens": u64::MAX, "cache_creation_input_tokens": 1, "output_tokens": 1}),
            json!({"promptTokenCount": 1, "candidatesTokenCount": u64::MAX, "thoughtsTokenCount": 2}),
            json!({"prompt_tokens": 1e300, "completion_tokens": 1e300}),
        ] {
            assert_eq!(read(&object).total_tokens, Some(u64::MAX), "{object}");
        }
    }

    #[test]
    fn thoughts_are_part_of_the_output() {
        let gemini = json!({"promptTokenCount": 10, "candidatesTokenCount": 4, "thoughtsTokenCount": 6,
            "totalTokenCount": 20});
        let usage = read(&gemini);
        assert_eq!(
            (usage.completion_tokens, usage.reasoning_tokens, usage.total_tokens),
            (Some(10), Some(6), Some(20))
        );
    }

    #[test]
    fn counts_are_found_in_their_wrappers() {
        for reply in [
            json!({"usage": {"prompt_tokens": 1}}),
            json!({"usageMetadata": {"promptTokenCount": 1}}),
            json!({"meta": {"tokens": {"input_tokens": 1}}}),
            json!({"usage": {"tokens": {"input_tokens": 1}, "billed_units": {"input_tokens": 9}}}),
            json!({"message": {"usage": {"input_tokens": 1}}}),
            json!({"response": {"usage": {"input_tokens": 1}}}),
        ] {
            assert_eq!(Usage::find(&reply).and_then(|usage| usage.prompt_tokens), Some(1), "{reply}");
        }
        for reply in [
            json!({"usage": null}),
            json!({"usage": {}}),
            json!({}),
            json!([1]),
            json!({"usage": {"prompt_tokens": "1"}}),
        ] {
            assert_eq!(Usage::find(&reply), None, "{reply}");
        }
    }
}
