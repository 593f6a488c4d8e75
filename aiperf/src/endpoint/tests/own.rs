//! Bodies and replies of the user's own making: `template`, and where it and `raw` look for content.

use super::*;

fn template(source: &str) -> Box<dyn Endpoint> {
    Box::new(construct::<TemplateEndpoint>(json!({"payload_template": source})).expect("an endpoint"))
}

fn refused(config: Value) -> String {
    construct::<TemplateEndpoint>(config).err().expect("a refusal").to_string()
}

#[test]
fn a_template_prints_everything_as_json() {
    let mut asked = streaming(request(vec![limited(texts(&["say \"hi\" & <go>\n", "two"]))]));
    Arc::make_mut(&mut asked.conversation).turns[0].images = vec![Media::new("photo", "http://h/i.png")];
    for (source, expected) in [
        (r#"{"q": "{{ text }}"}"#, json!({"q": "say \"hi\" & <go>\n"})),
        (r#"{"q": {{ text|tojson }}}"#, json!({"q": "say \"hi\" & <go>\n"})),
        (r#"{"q": {{ texts }}, "n": {{ texts|length }}}"#, json!({"q": ["say \"hi\" & <go>\n", "two"], "n": 2})),
        (
            r#"{"m": "{{ model }}", "k": {{ max_tokens }}, "s": {{ stream }}, "r": "{{ role }}"}"#,
            json!({"m": "m", "k": 20, "s": true, "r": "user"}),
        ),
        (
            r#"{"i": "{{ image }}", "by": {{ images_by_name.photo }}, "a": {{ audio }}}"#,
            json!({"i": "http://h/i.png", "by": ["http://h/i.png"], "a": null}),
        ),
        (
            r#"{"t": [{% for turn in turns %}"{{ turn.role }}: {{ turn.texts[1] }}"{% endfor %}], "id": "{{ request_info.conversation_id }}"}"#,
            json!({"t": ["user: two"], "id": "s"}),
        ),
        (
            r#"{% if audio %}{"a": 1}{% else %}{"b": "{% autoescape false %}\n{% endautoescape %}"}{% endif %}"#,
            json!({"b": "\n"}),
        ),
        ("nv-embedqa", json!({"text": ["say \"hi\" & <go>\n", "two"]})),
    ] {
        let sent: Value = serde_json::from_str(&body(&*template(source), &asked)).expect(source);
        assert_eq!(sent, expected, "{source}");
    }
    let sent: Value =
        serde_json::from_str(&body(&*template(r#"{"q": "{{ query }}", "p": {{ passages }}}"#), &ranking()))
            .expect("JSON");
    assert_eq!(sent, json!({"q": "q", "p": ["a", "b"]}));
}

#[test]
fn extra_inputs_are_laid_over_a_template_without_its_own_two() {
    let extra = json!({"payload_template": "x", "response_field": "y", "q": "mine", "top_k": 3});
    let asked = with_extra(request(vec![texts(&["hi"])]), &extra);
    assert_eq!(body(&*template(r#"{"q": "{{ text }}", "z": 1}"#), &asked), r#"{"q":"mine","top_k":3,"z":1}"#);
}

#[test]
fn a_template_may_be_a_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("body.jinja");
    std::fs::write(&path, "{\"q\":\n\"{{ text }}\"}").expect("a file");
    let path = path.to_str().expect("text").to_owned();
    for setting in [json!({"payload_template": path}), json!({"body": format!("@{path}")})] {
        let endpoint = construct::<TemplateEndpoint>(setting).expect("an endpoint");
        assert_eq!(body(&endpoint, &request(vec![texts(&["hi"])])), "{\"q\":\n\"hi\"}");
    }
    std::fs::write(&path, "{\n{{ text|upcase }}}").expect("a file");
    let endpoint = construct::<TemplateEndpoint>(json!({"payload_template": path})).expect("an endpoint");
    let error = refusal(&endpoint, &request(vec![texts(&["hi"])]));
    assert!(error.contains("body.jinja`, line 2: unknown filter"), "{error}");
}

#[test]
fn what_is_wrong_with_a_template_is_told_with_its_line() {
    assert!(refused(json!({})).contains("--extra-inputs payload_template:FILE"));
    assert!(refused(json!({"payload_template": 5})).contains("not 5"));
    let missing = refused(json!({"payload_template": "no-such-file.jinja"}));
    assert!(missing.contains("no-such-file.jinja") && missing.contains("nv-embedqa"), "{missing}");
    let syntax = refused(json!({"payload_template": "{\n\"q\": {% if %}1}"}));
    assert!(syntax.contains("the template, line 2"), "{syntax}");
    let path = refused(json!({"payload_template": "{}", "response_field": "a[?"}));
    assert!(path.contains("`response_field:a[?` is no JMESPath"), "{path}");

    let asked = request(vec![texts(&["hi"])]);
    for (source, part) in [
        ("{\n\n\"q\": \"{{ txet }}\"}", "line 3: undefined value"),
        ("{\"q\": \"{{ text }}\",\n}", "renders to no JSON"),
        ("{\"q\":\n {{ text }}}", "that line is ` hi}`"),
    ] {
        let error = refusal(&*template(source), &asked);
        assert!(error.contains(part), "{source}: {error}");
    }
}

fn read(endpoint: &dyn Endpoint, reply: &str) -> aiperf_abi::Result<Option<ResponseData>> {
    Ok(endpoint.parse_response(mock_response(reply).response())?.and_then(|piece| piece.data))
}

#[test]
fn content_is_found_where_the_path_points() {
    let at = |path: &str| -> Box<dyn Endpoint> {
        Box::new(construct::<RawEndpoint>(json!({"response_field": path})).expect("an endpoint"))
    };
    let text = |text: &str| Some(ResponseData::Text(text.to_owned()));
    let reply =
        r#"{"out": {"parts": [{"t": "a"}, {"t": "b"}], "vector": [1, 2], "n": 7, "odd": {"x": {}}}, "text": "no"}"#;
    for (path, expected) in [
        ("out.parts[0].t", text("a")),
        ("out.parts[*].t", text("ab")),
        ("join('-', out.parts[].t)", text("a-b")),
        ("out.n", text("7")),
        ("out.vector", Some(ResponseData::Embeddings(vec![vec![1.0, 2.0]]))),
        ("out.odd", Some(ResponseData::Other(json!({"x": {}})))),
        ("text", text("no")),
    ] {
        assert_eq!(read(&*at(path), reply).expect(path), expected, "{path}");
    }
    for path in ["out.nothing", "out.parts[9]", "out.parts[?t == 'c']"] {
        let error = read(&*at(path), reply).expect_err(path).to_string();
        assert!(
            error.contains(&format!("`response_field:{path}` matches nothing in the reply, which begins {{")),
            "{error}"
        );
    }
    let event = at("delta").parse_response(mock_event(r#"{"type": "start"}"#).response()).expect("no failure");
    assert_eq!(event, None, "an event may hold nothing");
    assert!(read(&*at("a"), r#"{"error": "too long"}"#).expect_err("a failure").to_string().contains("too long"));
}

#[test]
fn without_a_path_content_is_judged_by_its_shape() {
    let raw = made::<RawEndpoint>();
    let text = Some(ResponseData::Text("hi".to_owned()));
    for reply in
        [r#"{"response": "hi"}"#, r#"[{"generated_text": "hi"}]"#, r#"{"choices": [{"delta": {"content": "hi"}}]}"#]
    {
        assert_eq!(read(&*raw, reply).expect(reply), text);
    }
    let event = raw.parse_response(mock_event("hi").response()).expect("no failure");
    assert_eq!(event.and_then(|piece| piece.data), text, "a stream of plain words");
    assert_eq!(read(&*raw, "<html>").expect("no failure"), None);
    let reply = r#"{"choices": [{"text": "hi", "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}}"#;
    let piece = raw.parse_response(mock_response(reply).response()).expect("no failure").expect("a piece");
    assert_eq!(piece.finish_reason.as_deref(), Some("stop"));
    assert_eq!(piece.usage.and_then(|usage| usage.prompt_tokens), Some(3));
}
