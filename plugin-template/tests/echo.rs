//! The echo endpoint, called as aiperf calls it. Runs without aiperf and without a server.

use aiperf_abi::testing::{construct, mock_event, mock_model_endpoint, mock_request, mock_response};
use aiperf_abi::{Endpoint, ResponseData, Value, json};

use {{crate_name}}::EchoEndpoint;
