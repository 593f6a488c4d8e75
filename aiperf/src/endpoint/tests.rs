//! The exact bodies that each dialect sends, and what it reads beyond text.

use std::sync::Arc;

use aiperf_abi::data::conversation::{Conversation, Media, Turn};
use aiperf_abi::data::request::Request;
use aiperf_abi::testing::{
    Fixture, MockHost, construct, construct_with, mock_event, mock_model_endpoint, mock_response,
};
use aiperf_abi::{Endpoint, Plugin, ResponseData, Value, json};

use super::*;

mod bodies;
mod own;
mod replies;

pub(super) fn made<T: Plugin + Endpoint>() -> Box<dyn Endpoint> {
    Box::new(construct::<T>(json!({})).expect("an endpoint"))
}

fn legacy_chat() -> Box<dyn Endpoint> {
    let mut model_endpoint = mock_model_endpoint();
    model_endpoint.use_legacy_max_tokens = true;
    let fixture = Fixture::new(json!({})).with_model_endpoint(&model_endpoint);
    Box::new(construct_with::<ChatEndpoint>(&fixture, &MockHost::default()).expect("an endpoint"))
}

fn texts(texts: &[&str]) -> Turn {
    let contents = texts.iter().map(|&text| text.to_owned()).collect();
    Turn { texts: vec![Media { name: "text".to_owned(), contents }], ..Turn::default() }
}

fn request(turns: Vec<Turn>) -> Request {
    let turn_index = turns.len() as u32 - 1;
    let conversation = Conversation { session_id: "s".to_owned(), turns, ..Conversation::default() };
    Request { model: "m".into(), conversation: Arc::new(conversation), turn_index, ..Request::default() }
}

fn ranking() -> Request {
    let passages = ["a", "b"].map(str::to_owned).to_vec();
    let texts = vec![Media::new("query", "q"), Media { name: "passages".to_owned(), contents: passages }];
    request(vec![Turn { texts, ..Turn::default() }])
}

fn streaming(mut request: Request) -> Request {
    request.streaming = true;
    request
}

fn limited(mut turn: Turn) -> Turn {
    turn.max_tokens = Some(20);
    turn
}

fn with_extra(mut request: Request, extra: &Value) -> Request {
    request.extra = Some(extra.to_string().into());
    request
}

fn body(endpoint: &dyn Endpoint, request: &Request) -> String {
    let payload = endpoint.format_payload(request.info()).expect("a body");
    String::from_utf8(payload.into_bytes(request.info()).expect("bytes")).expect("text")
}

fn refusal(endpoint: &dyn Endpoint, request: &Request) -> String {
    endpoint.format_payload(request.info()).expect_err("no body can be made").to_string()
}

#[test]
fn each_dialect_asks_in_its_own_words() {
    let hi = || request(vec![limited(texts(&["hi"]))]);
    for (endpoint, request, expected) in [
        (
            made::<ChatEndpoint>(),
            hi(),
            r#"{"messages":[{"role":"user","content":"hi"}],"model":"m","max_completion_tokens":20,"stream":false}"#,
        ),
        (
            made::<ChatEndpoint>(),
            streaming(request(vec![texts(&["hi"])])),
            r#"{"messages":[{"role":"user","content":"hi"}],"model":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            legacy_chat(),
            hi(),
            r#"{"messages":[{"role":"user","content":"hi"}],"model":"m","max_tokens":20,"stream":false}"#,
        ),
        (
            made::<CompletionsEndpoint>(),
            streaming(hi()),
            r#"{"prompt":"hi","model":"m","max_tokens":20,"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            made::<CompletionsEndpoint>(),
            request(vec![texts(&["a", "b"])]),
            r#"{"prompt":["a","b"],"model":"m","stream":false}"#,
        ),
        (made::<EmbeddingsEndpoint>(), streaming(hi()), r#"{"model":"m","input":["hi"]}"#),
        (made::<EmbeddingsEndpoint>(), request(vec![texts(&["a", "b"])]), r#"{"model":"m","input":["a","b"]}"#),
        (
            made::<NimRankingsEndpoint>(),
            ranking(),
            r#"{"model":"m","query":{"text":"q"},"passages":[{"text":"a"},{"text":"b"}]}"#,
        ),
        (made::<CohereRankingsEndpoint>(), ranking(), r#"{"model":"m","query":"q","documents":["a","b"]}"#),
        (made::<HfTeiRankingsEndpoint>(), ranking(), r#"{"query":"q","texts":["a","b"]}"#),
    ] {
        assert_eq!(body(&*endpoint, &request), expected);
    }
}

#[test]
fn a_turn_may_name_its_own_model() {
    let mut turn = texts(&["hi"]);
    turn.model = Some("other".to_owned());
    for endpoint in [made::<ChatEndpoint>(), made::<CompletionsEndpoint>(), made::<EmbeddingsEndpoint>()] {
        assert!(body(&*endpoint, &request(vec![turn.clone()])).contains(r#""model":"other""#));
    }
}

#[test]
fn extra_inputs_win_and_a_stream_of_theirs_reports_usage_too() {
    let chat = made::<ChatEndpoint>();
    let asked = |streaming, extra: Value| {
        let plain = Request { streaming, ..request(vec![limited(texts(&["hi"]))]) };
        let sent: Value = serde_json::from_str(&body(&*chat, &with_extra(plain, &extra))).expect("JSON, no name twice");
        sent
    };
    let sent = asked(true, json!({"model": "x", "max_completion_tokens": 5, "ignore_eos": true, "temperature": 0.5}));
    assert_eq!((&sent["model"], &sent["max_completion_tokens"]), (&json!("x"), &json!(5)));
    assert_eq!((&sent["ignore_eos"], &sent["temperature"]), (&json!(true), &json!(0.5)));
    assert_eq!(sent["stream_options"], json!({"include_usage": true}));

    let sent = asked(true, json!({"stream_options": {"include_usage": false, "continuous_usage_stats": true}}));
    assert_eq!(sent["stream_options"], json!({"include_usage": false, "continuous_usage_stats": true}));
    let sent = asked(true, json!({"stream_options": {"continuous_usage_stats": true}}));
    assert_eq!(sent["stream_options"], json!({"include_usage": true, "continuous_usage_stats": true}));
    let sent = asked(true, json!({"stream_options": null}));
    assert_eq!(sent["stream_options"], json!(null), "what the user wrote stays");
    assert_eq!(asked(false, json!({"stream": true}))["stream_options"], json!({"include_usage": true}));
    let sent = asked(true, json!({"stream": false}));
    assert_eq!((&sent["stream"], sent.get("stream_options")), (&json!(false), None));

    let sent = body(&*made::<NimRankingsEndpoint>(), &with_extra(ranking(), &json!({"truncate": "END"})));
    assert!(sent.ends_with(r#","truncate":"END"}"#), "{sent}");
}

#[test]
fn no_name_stands_twice_in_a_body() {
    let request = with_extra(streaming(request(vec![texts(&["hi"])])), &json!({"stream": true, "model": "x"}));
    let sent = body(&*made::<ChatEndpoint>(), &request);
    for name in ["\"stream\":", "\"model\":", "\"messages\":", "\"stream_options\":"] {
        assert_eq!(sent.matches(name).count(), 1, "{name} in {sent}");
    }
}

#[test]
fn a_dialogue_is_sent_in_the_order_it_was_held() {
    let mut said = request(vec![texts(&["one"]), texts(&["two"])]);
    said.replies = vec![Turn { role: Some("assistant".to_owned()), ..texts(&["ONE"]) }];
    let conversation = Arc::make_mut(&mut said.conversation);
    conversation.system_message = Some("be brief".to_owned());
    conversation.user_context_message = Some("I am Ada".to_owned());
    let sent: Value = serde_json::from_str(&body(&*made::<ChatEndpoint>(), &said)).expect("JSON");
    let expected =
        [("system", "be brief"), ("user", "I am Ada"), ("user", "one"), ("assistant", "ONE"), ("user", "two")]
            .map(|(role, content)| json!({"role": role, "content": content}));
    assert_eq!(sent["messages"], json!(expected));
}

#[test]
fn a_system_message_joins_the_one_the_data_begins_with() {
    let opening = Turn { role: Some("system".to_owned()), ..texts(&["own"]) };
    let mut said = request(vec![opening, texts(&["hi"])]);
    let messages = |said: &Request| {
        let sent: Value = serde_json::from_str(&body(&*made::<ChatEndpoint>(), said)).expect("JSON");
        sent["messages"].clone()
    };
    let user = json!({"role": "user", "content": "hi"});
    assert_eq!(messages(&said), json!([{"role": "system", "content": "own"}, user]));
    Arc::make_mut(&mut said.conversation).system_message = Some("shared".to_owned());
    assert_eq!(messages(&said), json!([{"role": "system", "content": "shared\n\nown"}, user]));
}

#[test]
fn media_and_several_texts_are_parts() {
    let mut turn = texts(&["a", "b"]);
    turn.images = vec![Media::new("", "http://h/i.png")];
    turn.audios = vec![Media::new("", "wav,UklG"), Media::new("", "data:audio/mpeg;base64,AAAA")];
    turn.videos = vec![Media::new("", "data:video/mp4;base64,AA")];
    let sent: Value =
        serde_json::from_str(&body(&*made::<ChatEndpoint>(), &request(vec![turn.clone()]))).expect("JSON");
    assert_eq!(
        sent["messages"][0]["content"],
        json!([
            {"type": "text", "text": "a"},
            {"type": "text", "text": "b"},
            {"type": "image_url", "image_url": {"url": "http://h/i.png"}},
            {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
            {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA"}},
        ])
    );
    turn.audios = vec![Media::new("", "http://h/a.wav")];
    let error = refusal(&*made::<ChatEndpoint>(), &request(vec![turn]));
    assert!(error.contains("format,base64"), "{error}");
}

#[test]
fn what_a_dialect_cannot_say_is_refused_with_the_reason() {
    let two = || request(vec![texts(&["one"]), texts(&["two"])]);
    for (endpoint, request, part) in [
        (made::<CompletionsEndpoint>(), two(), "use `chat` for conversations"),
        (made::<EmbeddingsEndpoint>(), two(), "one turn at a time"),
        (made::<CompletionsEndpoint>(), request(vec![Turn::default()]), "needs a text"),
        (made::<EmbeddingsEndpoint>(), request(vec![Turn::default()]), "needs a text"),
        (made::<NimRankingsEndpoint>(), request(vec![texts(&["hi"])]), "a text named `query`"),
        (made::<CohereRankingsEndpoint>(), request(vec![texts(&["hi"])]), "texts named `passages`"),
    ] {
        let error = refusal(&*endpoint, &request);
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn vectors_and_rankings_are_read_in_every_form_servers_give_them() {
    let read = |endpoint: &dyn Endpoint, reply: Value| {
        let reply = reply.to_string();
        let piece = endpoint.parse_response(mock_response(&reply).response()).expect("no failure");
        piece.and_then(|piece| piece.data)
    };
    let embeddings = made::<EmbeddingsEndpoint>();
    let item = |embedding: Value| json!({"data": [{"object": "embedding", "index": 0, "embedding": embedding}]});
    for embedding in [json!([1.0, 2.0]), json!([1, 2]), json!([[1.0, 2.0]]), json!("AACAPwAAAEA=")] {
        assert_eq!(read(&*embeddings, item(embedding)), Some(ResponseData::Embeddings(vec![vec![1.0, 2.0]])));
    }
    let per_token = item(json!([[1.0], [2.0], [3.0]]));
    assert_eq!(read(&*embeddings, per_token), Some(ResponseData::Embeddings(vec![vec![1.0], vec![2.0], vec![3.0]])));
    for nothing in [json!({"data": []}), item(json!("not base64!")), item(json!([])), json!({"text": "x"})] {
        assert_eq!(read(&*embeddings, nothing), None);
    }

    let items = vec![json!({"index": 1, "relevance_score": 0.5}), json!({"index": 0, "relevance_score": 0.1})];
    let ranked = Some(ResponseData::Rankings(items.clone()));
    assert_eq!(read(&*made::<NimRankingsEndpoint>(), json!({"rankings": items})), ranked);
    assert_eq!(read(&*made::<CohereRankingsEndpoint>(), json!({"results": items, "id": "x"})), ranked);
    assert_eq!(read(&*made::<HfTeiRankingsEndpoint>(), json!(items)), ranked);
    assert_eq!(read(&*made::<HfTeiRankingsEndpoint>(), json!({"results": items})), ranked);
    assert_eq!(read(&*made::<CohereRankingsEndpoint>(), json!({"results": []})), None);
    let failed = mock_response(r#"{"error":"no such model"}"#);
    let error = made::<HfTeiRankingsEndpoint>().parse_response(failed.response()).expect_err("a failure");
    assert!(error.to_string().contains("no such model"));
}

#[test]
fn asking_embeddings_for_tokens_is_warned_of_once() {
    let host = MockHost::default();
    let endpoint: EmbeddingsEndpoint = construct_with(&Fixture::new(json!({})), &host).expect("an endpoint");
    for _ in 0..3 {
        assert_eq!(body(&endpoint, &request(vec![limited(texts(&["hi"]))])), r#"{"model":"m","input":["hi"]}"#);
    }
    let logs = host.logs();
    assert_eq!(logs.len(), 1, "{logs:?}");
}
