//! From a credit to the request it is for: the conversation's turn, the model, the extra fields, the ids.

use std::sync::Arc;

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::data::request::Request;
use aiperf_abi::{ModelEndpoint, Value};
use rand::Rng;

use crate::credit::Credit;
use crate::dataset::{Dataset, DatasetError};
use crate::random::RootSeed;

/// Makes requests. The same for all workers of a run.
pub struct Requests {
    dataset: Arc<dyn Dataset>,
    models: Vec<Arc<str>>,
    streaming: bool,
    extra: serde_json::Map<String, Value>,
    extra_json: Option<Arc<str>>,
    seed: RootSeed,
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
        }
    }

    /// The request of a credit.
    ///
    /// # Errors
    /// When the dataset cannot give the conversation.
    pub fn of(&self, credit: &Credit) -> Result<Request, DatasetError> {
        let conversation = self.dataset.conversation(credit.conversation)?;
        let mut ids = self.seed.stream_at(credit.phase.as_str(), credit.id);
        let mut request = self.request(credit.id, &conversation, credit.turn_index);
        request.x_correlation_id = uuid(&mut ids);
        request.x_request_id = uuid(&mut ids);
        Ok(request)
    }

    /// The request as the inputs file shows it: without ids, and with the model its first use will have.
    pub fn for_inputs(&self, index: u64, conversation: &Arc<Conversation>, turn_index: u32) -> Request {
        self.request(index, conversation, turn_index)
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
