//! stub
use aiperf_abi::*;
pub struct InEngineTransport;
impl Plugin for InEngineTransport {
    fn new(_: &Context<'_>) -> Result<Self> {
        Ok(Self)
    }
}
impl Transport for InEngineTransport {
    fn send(&self, _: TransportRequest, _: Sink) -> SendFuture {
        unreachable!()
    }
}
