//! The built-in ways of the messages of a run: to its services, and to programs outside.

mod socket;

pub use socket::SocketCommunication;

use aiperf_abi::{Communication, Context, Message, Plugin, Result};
use serde::Deserialize;

/// The entry `channel`: from the run to its services, inside the process.
#[derive(Debug)]
pub struct ChannelCommunication;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoSettings {}

impl Plugin for ChannelCommunication {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let NoSettings {} = cx.config()?;
        Ok(Self)
    }
}

impl Communication for ChannelCommunication {
    fn carry(&mut self, message: &Message) -> Result<Vec<Message>> {
        Ok(vec![message.clone()])
    }
}

#[cfg(test)]
mod tests {
    use aiperf_abi::testing::construct;
    use aiperf_abi::{json, topic};

    use super::*;

    #[test]
    fn what_goes_into_a_channel_comes_out_of_it() {
        let mut channel: ChannelCommunication = construct(json!({})).unwrap();
        let message = Message::new(3, 5, topic::PROGRESS, json!({"sent": 1}));
        assert_eq!(channel.carry(&message).unwrap(), [message]);
        channel.close().unwrap();
        assert!(construct::<ChannelCommunication>(json!({"size": 1})).is_err());
    }
}
