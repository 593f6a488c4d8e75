//! The exact bodies of the dialects beyond OpenAI's oldest.

use super::*;

#[test]
fn each_further_dialect_asks_in_its_own_words() {
    let hi = || request(vec![limited(texts(&["hi"]))]);
    let image = || Turn { images: vec![Media::new("", "data:image/png;base64,AA==")], ..texts(&["hi"]) };
    for (endpoint, request, expected) in [
        (
            made::<ResponsesEndpoint>(),
            hi(),
            r#"{"model":"m","input":[{"type":"message","role":"user","content":"hi"}],"max_output_tokens":20,"stream":false}"#,
        ),
        (
            made::<ResponsesEndpoint>(),
            streaming(request(vec![image()])),
            r#"{"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_image","image_url":"data:image/png;base64,AA=="}]}],"stream":true}"#,
        ),
        (
            made::<MessagesEndpoint>(),
            request(vec![texts(&["hi"])]),
            r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":1024}"#,
        ),
        (
            made::<MessagesEndpoint>(),
            streaming(request(vec![limited(image())])),
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},{"type":"text","text":"hi"}]}],"max_tokens":20,"stream":true}"#,
        ),
        (
            made::<HuggingFaceGenerateEndpoint>(),
            with_extra(hi(), &json!({"temperature": 0.5, "parameters": {"details": true}})),
            r#"{"inputs":"hi","parameters":{"details":true,"max_new_tokens":20,"temperature":0.5}}"#,
        ),
        (
            made::<ChatEmbeddingsEndpoint>(),
            request(vec![image()]),
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}"#,
        ),
        (
            made::<NimEmbeddingsEndpoint>(),
            request(vec![Turn { images: image().images, ..texts(&["a", "b"]) }]),
            r#"{"model":"m","input":["a data:image/png;base64,AA==","b"]}"#,
        ),
        (
            made::<ImageGenerationEndpoint>(),
            with_extra(hi(), &json!({"size": "64x64"})),
            r#"{"prompt":"hi","model":"m","response_format":"b64_json","n":1,"size":"64x64"}"#,
        ),
        (made::<RawEndpoint>(), with_extra(request(vec![texts(&[r#"{"a" : 1}"#])]), &json!({"b": 2})), r#"{"a" : 1}"#),
    ] {
        assert_eq!(body(&*endpoint, &request), expected);
    }
}

#[test]
fn only_a_run_that_counts_on_the_server_asks_a_stream_of_responses_for_usage() {
    let mut model_endpoint = mock_model_endpoint();
    model_endpoint.use_server_token_count = true;
    let fixture = Fixture::new(json!({})).with_model_endpoint(&model_endpoint);
    let endpoint = construct_with::<ResponsesEndpoint>(&fixture, &MockHost::default()).expect("an endpoint");
    let sent = body(&endpoint, &streaming(request(vec![texts(&["hi"])])));
    assert!(sent.ends_with(r#""stream":true,"stream_options":{"include_usage":true}}"#), "{sent}");
}

#[test]
fn a_dialogue_keeps_its_order_and_its_system_message_apart() {
    let opening = Turn { role: Some("system".to_owned()), ..texts(&["own"]) };
    let mut said = request(vec![opening, texts(&["one"])]);
    let conversation = Arc::make_mut(&mut said.conversation);
    conversation.system_message = Some("shared".to_owned());
    conversation.user_context_message = Some("I am Ada".to_owned());
    let sent = |endpoint: &dyn Endpoint, said: &Request| -> Value {
        serde_json::from_str(&body(endpoint, said)).expect("JSON")
    };
    let messages = sent(&*made::<MessagesEndpoint>(), &said);
    assert_eq!(messages["system"], "shared\n\nown");
    let said_by = |role: &str, content: &str| json!({"role": role, "content": content});
    assert_eq!(messages["messages"], json!([said_by("user", "I am Ada"), said_by("user", "one")]));
    let responses = sent(&*made::<ResponsesEndpoint>(), &said);
    assert_eq!(responses["instructions"], "shared\n\nown");
    assert_eq!(responses["input"][1], json!({"type": "message", "role": "user", "content": "one"}));

    let mut said = request(vec![texts(&["one"]), texts(&["two"])]);
    said.replies = vec![Turn { role: Some("assistant".to_owned()), ..texts(&["ONE"]) }];
    let history = [("user", "one"), ("assistant", "ONE"), ("user", "two")];
    let messages = sent(&*made::<MessagesEndpoint>(), &said);
    assert_eq!(messages["messages"], json!(history.map(|(role, content)| said_by(role, content))));
    let item = |(role, content)| json!({"type": "message", "role": role, "content": content});
    assert_eq!(sent(&*made::<ResponsesEndpoint>(), &said)["input"], json!(history.map(item)));
    assert_eq!(
        sent(&*made::<ChatEmbeddingsEndpoint>(), &said)["messages"],
        json!(history.map(|(role, content)| said_by(role, content)))
    );
}

#[test]
fn an_audio_clip_goes_out_as_a_form() {
    let clip = Turn { audios: vec![Media::new("", "mp3,aGk=")], ..Turn::default() };
    let endpoint = made::<AudioTranscriptionEndpoint>();
    let request_of = |turn| with_extra(request(vec![turn]), &json!({"language": "en", "temperature": 0}));
    let asked = request_of(clip.clone());
    let payload = endpoint.format_payload(asked.info()).expect("a form");
    assert_eq!(payload.content_type(), "multipart/form-data; boundary=aiperf-form-0");
    assert_eq!(
        body(&*endpoint, &asked),
        "--aiperf-form-0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"audio.mp3\"\r\n\
         Content-Type: audio/mpeg\r\n\r\nhi\r\n\
         --aiperf-form-0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
         --aiperf-form-0\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\njson\r\n\
         --aiperf-form-0\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nen\r\n\
         --aiperf-form-0\r\nContent-Disposition: form-data; name=\"temperature\"\r\n\r\n0\r\n\
         --aiperf-form-0--\r\n"
    );
    for (audios, part) in [
        (vec![], "the turn has 0"),
        (vec![Media::new("", "wav,!")], "not base64"),
        (vec![Media::new("", "http://h/a.wav")], "format,base64"),
        ([clip.audios.clone(), clip.audios.clone()].concat(), "the turn has 2"),
    ] {
        let error = refusal(&*endpoint, &request_of(Turn { audios, ..Turn::default() }));
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_key_of_messages_stands_in_its_own_header_and_is_never_seen_by_the_endpoint() {
    let headers = made::<MessagesEndpoint>().headers(request(vec![texts(&["hi"])]).info()).expect("headers");
    let expected = [("x-api-key", aiperf_abi::API_KEY), ("anthropic-version", "2023-06-01")];
    assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn what_a_further_dialect_cannot_say_is_refused_with_the_reason() {
    let with_video = || Turn { videos: vec![Media::new("", "http://h/v.mp4")], ..texts(&["hi"]) };
    for (endpoint, turns, part) in [
        (made::<ResponsesEndpoint>(), vec![with_video()], "takes no video"),
        (made::<MessagesEndpoint>(), vec![with_video()], "takes text and images"),
        (made::<HuggingFaceGenerateEndpoint>(), vec![texts(&["one"]), texts(&["two"])], "use `chat` for conversations"),
        (made::<HuggingFaceGenerateEndpoint>(), vec![Turn::default()], "needs a text"),
        (made::<NimEmbeddingsEndpoint>(), vec![Turn::default()], "needs a text or an image"),
        (made::<ImageGenerationEndpoint>(), vec![Turn::default()], "needs a text"),
        (made::<RawEndpoint>(), vec![texts(&["a", "b"])], "one text of a turn"),
    ] {
        let error = refusal(&*endpoint, &request(turns));
        assert!(error.contains(part), "{error}");
    }
}
