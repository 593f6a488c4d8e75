//! A lane: spends a credit, hands over the exchange, gives the credit back, and goes on with the next one that is due.

use std::sync::Arc;

use aiperf_abi::Error;
use aiperf_abi::data::request::Request;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::dispatcher::{Dispatcher, Launch};
use super::recording::Tally;
use super::requests::Requests;
use crate::credit::Credit;
use crate::exchange::Exchange;
use crate::timing::Done;
use crate::worker::{OnFirstContent, Worker};

/// What all lanes of a phase share.
pub struct Lane {
    /// Sends.
    pub worker: Arc<Worker>,
    /// Turns a credit into the request it is for.
    pub requests: Arc<Requests>,
    /// Where credits come from and go back to.
    pub dispatcher: Dispatcher,
    /// Where exchanges go.
    pub exchanges: Sender<Exchange>,
    /// Counts while the phase goes.
    pub tally: Arc<Tally>,
    /// Runs the lanes.
    pub runtime: Handle,
}

impl Launch for Lane {
    fn launch(self: Arc<Self>, credit: Credit) {
        let runtime = self.runtime.clone();
        runtime.spawn(self.run(credit));
    }
}

impl Lane {
    async fn run(self: Arc<Self>, first: Credit) {
        let mut abandoned = self.dispatcher.abandoned();
        let mut due = Vec::new();
        let mut next = Some(first);
        while let Some(credit) = next {
            let exchange = match self.requests.of(&credit) {
                Ok(request) => {
                    let first_content = self.first_content(&credit);
                    let moment = self.dispatcher.moment(credit.intended_ns);
                    self.worker.spend(credit, request, moment, &mut abandoned, first_content).await
                }
                Err(error) => self.worker.unsent(credit, Request::default(), &Error::msg(error.to_string())),
            };
            let done = Done {
                credit: exchange.credit.id,
                session: exchange.credit.session,
                conversation: exchange.credit.conversation,
                turn_index: exchange.credit.turn_index,
                next: self.requests.next_turn(&exchange, &*self.worker.endpoint),
            };
            self.hand_over(exchange).await;
            self.dispatcher.credit_returned(done, &mut due);
            next = due.pop();
            for credit in due.drain(..) {
                Arc::clone(&self).launch(credit);
            }
        }
    }

    /// What to do at the first content of the reply: nothing, unless somebody waits for the prefill slot.
    fn first_content(self: &Arc<Self>, credit: &Credit) -> Option<OnFirstContent> {
        let (lane, id) = (credit.holds_prefill_slot.then(|| Arc::clone(self))?, credit.id);
        Some(Box::new(move || {
            let mut due = Vec::new();
            lane.dispatcher.first_content(id, &mut due);
            for credit in due {
                Arc::clone(&lane).launch(credit);
            }
        }))
    }

    async fn hand_over(&self, exchange: Exchange) {
        match self.exchanges.try_send(exchange) {
            Ok(()) => {}
            Err(TrySendError::Full(exchange)) => {
                self.tally.queue_was_full();
                // An error means that the recorder is gone; its own failure is reported where it is joined.
                let _ = self.exchanges.send(exchange).await;
            }
            Err(TrySendError::Closed(_)) => {}
        }
    }
}
