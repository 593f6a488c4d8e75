//! The ranking dialects of NVIDIA NIM, Cohere and Hugging Face's text-embeddings-inference: a query and passages in,
//! passages with scores out. They differ in names only, so the names are data.

use aiperf_abi::{
    Context, Endpoint, Error, ParsedResponse, Payload, Plugin, RequestInfo, Response, ResponseData, Result, Usage,
    Value, extract, json,
};

use super::body::{Body, only_turn};
use super::envelope::piece;

/// `nim_rankings`: `{"model", "query": {"text"}, "passages": [{"text"}]}`, read from `rankings`.
#[derive(Debug)]
pub struct NimRankingsEndpoint;

/// `cohere_rankings`: `{"model", "query", "documents": []}`, read from `results`.
#[derive(Debug)]
pub struct CohereRankingsEndpoint;

/// `hf_tei_rankings`: `{"query", "texts": []}`, read from a list or from `results`.
#[derive(Debug)]
pub struct HfTeiRankingsEndpoint;

/// What is to be ranked, by the names the dataset gives its texts.
struct Ranking<'a> {
    query: &'a str,
    passages: Vec<&'a str>,
}

impl<'a> Ranking<'a> {
    fn of(request: RequestInfo<'a>, dialect: &str) -> Result<Self> {
        let turn = only_turn(request, dialect)?;
        let mut query = None;
        let mut passages = Vec::new();
        for text in turn.named_texts() {
            match text.name {
                "query" | "queries" => query = query.or(Some(text.content)),
                "passage" | "passages" => passages.push(text.content),
                _ => {}
            }
        }
        let Some(query) = query.filter(|_| !passages.is_empty()) else {
            let names: Vec<&str> = turn.named_texts().map(|text| text.name).collect();
            return Err(Error::invalid_input(format!(
                "`{dialect}` needs a text named `query` and texts named `passages`; the turn has {names:?}"
            )));
        };
        Ok(Self { query, passages })
    }
}

/// The ranked items as the server gave them.
fn read(response: Response<'_>, items: fn(&Value) -> Option<&Value>) -> Result<Option<ParsedResponse>> {
    let Some(value) = response.json() else { return Ok(None) };
    if let Some(error) = extract::reported_error(&value) {
        return Err(error);
    }
    let items = items(&value).and_then(Value::as_array).filter(|items| !items.is_empty());
    Ok(piece(items.map(|items| ResponseData::Rankings(items.clone())), Usage::find(&value), None))
}

impl Plugin for NimRankingsEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for NimRankingsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let ranking = Ranking::of(request, "nim_rankings")?;
        let passages: Vec<Value> = ranking.passages.iter().map(|text| json!({ "text": text })).collect();
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("query", &json!({ "text": ranking.query }))?;
        body.field("passages", &passages)?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        read(response, |reply| reply.get("rankings"))
    }
}

impl Plugin for CohereRankingsEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for CohereRankingsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let ranking = Ranking::of(request, "cohere_rankings")?;
        let mut body = Body::of(request)?;
        body.field("model", &request.model())?;
        body.field("query", &ranking.query)?;
        body.field("documents", &ranking.passages)?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        read(response, |reply| reply.get("results"))
    }
}

impl Plugin for HfTeiRankingsEndpoint {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}

impl Endpoint for HfTeiRankingsEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let ranking = Ranking::of(request, "hf_tei_rankings")?;
        let mut body = Body::of(request)?;
        body.field("query", &ranking.query)?;
        body.field("texts", &ranking.passages)?;
        body.finish()
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        read(response, |reply| if reply.is_array() { Some(reply) } else { reply.get("results") })
    }
}
