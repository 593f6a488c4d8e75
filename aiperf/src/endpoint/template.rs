//! `template`: a body of the user's own making, a Jinja template that renders to JSON; replies read by a JMESPath or by
//! their shape. Knows the template's variables; where content stands in a reply is `detected`'s business.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aiperf_abi::{
    Content, Context, Endpoint, Error, Map, ParsedResponse, Payload, Plugin, RequestInfo, Response, Result, Turn, Value,
};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior};
use serde::Serialize;
use serde::de::IgnoredAny;

use super::detected::{Detector, RESPONSE_FIELD};

/// The setting that holds the template: `--extra-inputs payload_template:…` or `--plugin-option template.body=…`.
const TEMPLATE: &str = "payload_template";

/// Templates with a name.
const NAMED: &[(&str, &str)] = &[("nv-embedqa", r#"{"text": {{ texts|tojson }}}"#)];

/// The `template` endpoint.
///
/// What is printed inside quotes is escaped for JSON (`"{{ text }}"` is right whatever the text), lists and objects are
/// printed as JSON (`{{ texts }}`), and `|tojson` does what it does everywhere. A name that does not exist is an error.
pub struct TemplateEndpoint {
    environment: Environment<'static>,
    /// What messages call the template.
    place: String,
    detector: Detector,
}

impl Plugin for TemplateEndpoint {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let settings: Map<String, Value> = cx.config()?;
        // An extra input called `body` is a field of the body like any other.
        let body =
            settings.get("body").filter(|_| !cx.model_endpoint().is_ok_and(|run| run.extra.contains_key("body")));
        let source = match body.or_else(|| settings.get(TEMPLATE)) {
            Some(Value::String(source)) => source_of(source)?,
            // Text that looks like JSON was read as such on its way here.
            Some(value @ Value::Object(_)) => Source { text: value.to_string(), place: "the template".to_owned() },
            Some(other) => return Err(Error::invalid_config(format!("a template is text, not {other}"))),
            None => {
                return Err(Error::invalid_config(format!(
                    "endpoint type `template` needs a template: --extra-inputs {TEMPLATE}:FILE, or Jinja in its place"
                )));
            }
        };
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| AutoEscape::Custom("json".into()));
        environment.set_formatter(print);
        let Source { text, place } = source;
        environment.add_template_owned(NAME, text).map_err(|error| Error::invalid_config(told(&error, &place)))?;
        Ok(Self { environment, place, detector: Detector::of(&settings)? })
    }
}

/// The environment holds one template, under this name.
const NAME: &str = "template";

struct Source {
    text: String,
    /// What messages call it.
    place: String,
}

/// The template behind a setting: a name, a file (with or without `@` before it), or the text itself.
fn source_of(setting: &str) -> Result<Source> {
    if let Some((name, text)) = NAMED.iter().find(|(name, _)| *name == setting) {
        return Ok(Source { text: (*text).to_owned(), place: format!("the template `{name}`") });
    }
    let is_text = setting.contains('{');
    let path = setting.strip_prefix('@').unwrap_or(setting);
    if is_text && !setting.starts_with('@') {
        return Ok(Source { text: setting.to_owned(), place: "the template".to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
        Error::invalid_config(format!(
            "`{TEMPLATE}:{setting}` is neither a readable file ({error}), nor one of {}, nor a template",
            names.join(", ")
        ))
    })?;
    Ok(Source { text, place: format!("`{path}`") })
}

impl Endpoint for TemplateEndpoint {
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload> {
        let template = self.environment.get_template(NAME).expect("it was added when this was made");
        let variables = Variables::of(request)?;
        let rendered =
            template.render(Serde(&variables)).map_err(|error| Error::invalid_input(told(&error, &self.place)))?;
        let wrong = |error: serde_json::Error| {
            let line = rendered.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            Error::invalid_input(format!(
                "{} renders to no JSON: {error}; that line is `{}`",
                self.place,
                shortened(line)
            ))
        };
        let mut extra = request.extra()?;
        extra.retain(|name, _| name != TEMPLATE && name != RESPONSE_FIELD);
        let body = if extra.is_empty() {
            serde_json::from_str::<IgnoredAny>(&rendered).map_err(wrong)?;
            rendered.into_bytes()
        } else {
            let mut fields: Value = serde_json::from_str(&rendered).map_err(wrong)?;
            if let Some(fields) = fields.as_object_mut() {
                fields.extend(extra);
            }
            serde_json::to_vec(&fields)?
        };
        Ok(Payload::bytes(body, "application/json"))
    }

    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        self.detector.read(response)
    }
}

/// Prints a value where it stands in JSON: text as the inside of a string, everything else as JSON itself.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &minijinja::Value) -> Result<(), minijinja::Error> {
    let failed = |error| minijinja::Error::new(ErrorKind::WriteFailure, "cannot print").with_source(error);
    let as_json = |value: &minijinja::Value| {
        serde_json::to_string(value)
            .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, "it is no JSON").with_source(error))
    };
    match value.as_str() {
        Some(text) if value.is_safe() || *state.auto_escape() == AutoEscape::None => {
            out.write_str(text).map_err(failed)
        }
        Some(_) => {
            let json = as_json(value)?;
            out.write_str(&json[1..json.len() - 1]).map_err(failed)
        }
        None => out.write_str(&as_json(value)?).map_err(failed),
    }
}

/// An error of a template with its line.
fn told(error: &minijinja::Error, place: &str) -> String {
    let mut told = match error.line() {
        Some(line) => format!("{place}, line {line}: {}", error.kind()),
        None => format!("{place}: {}", error.kind()),
    };
    if let Some(detail) = error.detail() {
        let _ = write!(told, " ({detail})");
    }
    told
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// What a template can name. Of each sort of content: the first one (null where there is none), all, and all by name.
#[derive(Serialize)]
struct Variables<'a> {
    #[serde(flatten)]
    last: Said<'a>,
    query: Option<&'a str>,
    queries: Vec<&'a str>,
    passage: Option<&'a str>,
    passages: Vec<&'a str>,
    model: &'a str,
    stream: bool,
    turn: Said<'a>,
    turns: Vec<Said<'a>>,
    request_info: About<'a>,
}

/// One turn.
#[derive(Clone, Serialize)]
struct Said<'a> {
    role: &'a str,
    max_tokens: Option<u32>,
    text: Option<&'a str>,
    texts: Vec<&'a str>,
    texts_by_name: BTreeMap<&'a str, Vec<&'a str>>,
    image: Option<&'a str>,
    images: Vec<&'a str>,
    images_by_name: BTreeMap<&'a str, Vec<&'a str>>,
    audio: Option<&'a str>,
    audios: Vec<&'a str>,
    audios_by_name: BTreeMap<&'a str, Vec<&'a str>>,
    video: Option<&'a str>,
    videos: Vec<&'a str>,
    videos_by_name: BTreeMap<&'a str, Vec<&'a str>>,
}

/// The request itself.
#[derive(Serialize)]
struct About<'a> {
    model: &'a str,
    streaming: bool,
    turn_index: u32,
    is_final_turn: bool,
    system_message: Option<&'a str>,
    user_context_message: Option<&'a str>,
    conversation_id: &'a str,
    x_request_id: &'a str,
    x_correlation_id: &'a str,
}

impl<'a> Variables<'a> {
    fn of(request: RequestInfo<'a>) -> Result<Self> {
        let last = Said::of(request.last_turn()?);
        let named = |names: [&str; 2]| -> Vec<&'a str> {
            let texts = names.iter().filter_map(|name| last.texts_by_name.get(name));
            texts.flatten().copied().collect()
        };
        let (queries, passages) = (named(["query", "queries"]), named(["passage", "passages"]));
        Ok(Self {
            query: queries.first().copied(),
            queries,
            passage: passages.first().copied(),
            passages,
            model: request.model(),
            stream: request.streaming(),
            turn: last.clone(),
            turns: request.turns().map(Said::of).collect(),
            request_info: About {
                model: request.model(),
                streaming: request.streaming(),
                turn_index: request.turn_index(),
                is_final_turn: request.is_final_turn(),
                system_message: request.system_message(),
                user_context_message: request.user_context_message(),
                conversation_id: request.conversation_id(),
                x_request_id: request.x_request_id(),
                x_correlation_id: request.x_correlation_id(),
            },
            last,
        })
    }
}

impl<'a> Said<'a> {
    fn of(turn: Turn<'a>) -> Self {
        let (text, texts, texts_by_name) = sorted(turn.named_texts());
        let (image, images, images_by_name) = sorted(turn.images());
        let (audio, audios, audios_by_name) = sorted(turn.audios());
        let (video, videos, videos_by_name) = sorted(turn.videos());
        Self {
            role: turn.role(),
            max_tokens: turn.max_tokens(),
            text,
            texts,
            texts_by_name,
            image,
            images,
            images_by_name,
            audio,
            audios,
            audios_by_name,
            video,
            videos,
            videos_by_name,
        }
    }
}

type ByName<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// The first, all, and all by name.
fn sorted<'a>(contents: impl Iterator<Item = Content<'a>>) -> (Option<&'a str>, Vec<&'a str>, ByName<'a>) {
    let (mut all, mut by_name) = (Vec::new(), ByName::new());
    for content in contents {
        all.push(content.content);
        by_name.entry(content.name).or_default().push(content.content);
    }
    (all.first().copied(), all, by_name)
}
