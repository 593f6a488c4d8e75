//! The plugins of {{project-name}}: one module each, exported to aiperf below. `plugins.yaml` gives them their names.

#![forbid(unsafe_code)]

pub mod echo;

pub use echo::EchoEndpoint;

aiperf_abi::export_plugin! {
    endpoint: { EchoEndpoint },
}
