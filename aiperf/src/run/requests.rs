//! From a credit to the request it is for: the conversation's turn, what was said before, the model, the extra fields, the
//! ids. Keeps the replies of sessions that go on, and no others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aiperf_abi::data::conversation::{Conversation, Media, Turn};
use aiperf_abi::data::request::Request;
use aiperf_abi::{Endpoint, ModelEndpoint, Value};
use rand::Rng;

use crate::credit::Credit;
use crate::dataset::{Dataset, DatasetError};
use crate::endpoint::reading::read_reply;
use crate::exchange::Exchange;
use crate::random::RootSeed;
use crate::timing::NextTurn;

/// Makes requests. The same for all workers of a phase.
pub struct Requests {
    dataset: Arc<dyn Dataset>,
    models: Vec<Arc<str>>,
    streaming: bool,
    extra: serde_json::Map<String, Value>,
    extra_json: Option<Arc<str>>,
    seed: RootSeed,
    phase: String,
    sessions: Mutex<HashMap<u64, Session>>,
}

/// A session between two of its turns.
#[derive(Debug, Clone)]
struct Session {
    /// What it walks through: from the turn it started with.
    conversation: Arc<Conversation>,
    /// The conversation's turn it started with.
    first_turn: u32,
    /// What the server said to each turn so far.
    replies: Vec<Turn>,
}

impl Requests {
    /// For a run that talks to its endpoint as said.
    pub fn new(endpoint: &ModelEndpoint, dataset: Arc<dyn Dataset>, seed: RootSeed) -> Self {
        let extra = endpoint.extra.clone();
        let json = (!extra.is_empty()).then(|| Value::Object(extra.clone()).to_string().into());
        Self {
            dataset,
            models: endpoint.models.iter().map(|name| name.as_str().into()).collect(),
            streaming: endpoint.streaming,
            extra,
            extra_json: json,
            seed,
            phase: String::new(),
            sessions: Mutex::default(),
        }
    }

    /// The same for a phase, whose ids follow from its name and not from what other phases do.
    pub fn of_phase(&self, name: &str) -> Self {
        Self {
            dataset: Arc::clone(&self.dataset),
            models: self.models.clone(),
            streaming: self.streaming,
            extra: self.extra.clone(),
            extra_json: self.extra_json.clone(),
            seed: self.seed,
            phase: name.to_owned(),
            sessions: Mutex::default(),
        }
    }

    /// The request of a credit.
    ///
    /// # Errors
    /// When the dataset cannot give the conversation.
    pub fn of(&self, credit: &Credit) -> Result<Request, DatasetError> {
        let session = match self.session(credit) {
            Some(session) => session,
            None => self.begin(credit)?,
        };
        let turn_index = credit.turn_index - session.first_turn;
        let mut request = self.request(credit.session, &session.conversation, turn_index);
        request.replies = session.replies;
        let mut session_ids = self.seed.stream_at(&self.phase, credit.session);
        request.x_correlation_id = uuid(&mut session_ids);
        request.x_request_id = match turn_index {
            0 => uuid(&mut session_ids),
            _ => uuid(&mut self.seed.stream_at("later turns", credit.id)),
        };
        Ok(request)
    }

    /// What follows the exchange in its session. Nothing does where it was the last turn, or where it failed: a session
    /// cannot go on without a reply.
    pub fn next_turn(&self, exchange: &Exchange, endpoint: &dyn Endpoint) -> Option<NextTurn> {
        let Exchange { credit, request, reply } = exchange;
        let next = request.conversation.turns.get(request.turn_index as usize + 1)?;
        let said = read_reply(endpoint, reply);
        if said.error.is_some() {
            return None;
        }
        let mut replies = request.replies.clone();
        replies.push(Turn {
            role: Some("assistant".to_owned()),
            texts: vec![Media { name: String::new(), contents: vec![said.text] }],
            ..Turn::default()
        });
        let session = Session {
            conversation: Arc::clone(&request.conversation),
            first_turn: credit.turn_index - request.turn_index,
            replies,
        };
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(credit.session, session);
        let delay_ns = (next.delay.unwrap_or_default().max(0.0) * 1e6) as u64;
        Some(NextTurn { delay_ns, timestamp_ms: next.timestamp })
    }

    /// The request as the inputs file shows it: without ids and replies, and with the model its first use will have.
    pub fn for_inputs(&self, index: u64, conversation: &Arc<Conversation>, turn_index: u32) -> Request {
        self.request(index, conversation, turn_index)
    }

    /// A session that goes on; it is taken out, and put back when it goes on again. Sessions of one turn are never in.
    fn session(&self, credit: &Credit) -> Option<Session> {
        if credit.turn_index == 0 {
            return None;
        }
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&credit.session)
    }

    /// One that starts in the middle of a conversation starts without what came before.
    fn begin(&self, credit: &Credit) -> Result<Session, DatasetError> {
        let conversation = self.dataset.conversation(credit.conversation)?;
        let first_turn = credit.turn_index.min((conversation.turns.len() as u32).saturating_sub(1));
        let conversation = match first_turn {
            0 => conversation,
            _ => {
                let mut rest = Conversation::clone(&conversation);
                rest.turns.drain(..first_turn as usize);
                Arc::new(rest)
            }
        };
        Ok(Session { conversation, first_turn: credit.turn_index, replies: Vec::new() })
    }

    /// Several models take turns.
    fn request(&self, number: u64, conversation: &Arc<Conversation>, turn_index: u32) -> Request {
        let model = match self.models.len() as u64 {
            0 => Arc::default(),
            models => Arc::clone(&self.models[(number % models) as usize]),
        };
        Request {
            model,
            streaming: self.streaming,
            conversation: Arc::clone(conversation),
            turn_index,
            extra: self.extra_of(conversation, turn_index),
            ..Request::default()
        }
    }

    fn extra_of(&self, conversation: &Conversation, turn_index: u32) -> Option<Arc<str>> {
        match conversation.turns.get(turn_index as usize).and_then(|turn| turn.extra.as_ref()) {
            None => self.extra_json.clone(),
            Some(own) => {
                let mut fields = self.extra.clone();
                fields.extend(own.clone());
                Some(Value::Object(fields).to_string().into())
            }
        }
    }
}

fn uuid(random: &mut impl Rng) -> String {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
