//! The plugins of {{package}}: one module each, exported to aiperf below. `plugins.yaml` gives them their names.

#![forbid(unsafe_code)]

pub mod {{entry}};

pub use {{entry}}::{{class}};

aiperf_abi::export_plugin! {
    {{category}}: { {{class}} },
}
