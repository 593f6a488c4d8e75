//! The cost metric, called as aiperf calls it: in the test's own process, with no run. The fixtures are of
//! `aiperf_abi::testing`.

use aiperf_abi::testing::{construct, mock_lines, via_abi};
use aiperf_abi::{RecordBatch, RecordProcessor, json};

use {{crate_name}}::CostProcessor;

#[test]
fn declares_one_metric_of_the_main_table() {
    let mut processor: CostProcessor = construct(json!({})).unwrap();
    let metrics = processor.metrics().unwrap();
    assert_eq!(metrics.len(), 1);
    assert_eq!((metrics[0].tag.as_str(), metrics[0].group.as_deref()), ("request_cost", Some("default")));
}

#[test]
fn each_record_costs_its_tokens_at_the_prices_that_were_set() {
    let mut processor: CostProcessor = construct(json!({ "input_price": 1.0, "output_price": 2.5 })).unwrap();
    // 8 tokens in, 16 out.
    let costs = processor.process(RecordBatch::new(&mock_lines(2))).unwrap();
    assert_eq!(costs, [[Some(8.0 + 40.0)], [Some(8.0 + 40.0)]]);
}

#[test]
fn a_record_without_counts_has_no_cost_and_one_without_output_costs_its_input() {
    let mut processor: CostProcessor = construct(json!({ "input_price": 1.0 })).unwrap();
    let lines = "{\"metrics\":{}}\n{\"metrics\":{\"input_sequence_length\":{\"value\":5,\"unit\":\"tokens\"}}}\n";
    assert_eq!(processor.process(RecordBatch::new(lines)).unwrap(), [[None], [Some(5.0)]]);
}

#[test]
fn refuses_what_is_no_price() {
    for (config, said) in [
        (json!({ "output_price": -1.0 }), "are dollars, 0 or more"),
        (json!({ "price": 1.0 }), "unknown field `price`"),
        (json!({ "input_price": "much" }), "invalid type: string \"much\""),
    ] {
        let error = construct::<CostProcessor>(config).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

/// aiperf loads a library and calls it across its boundary; this is that call, without the file.
#[test]
fn does_the_same_across_the_library_boundary() {
    let prices = json!({ "input_price": 1.0, "output_price": 2.5 });
    let mut direct: CostProcessor = construct(prices.clone()).unwrap();
    let mut loaded = via_abi::<dyn RecordProcessor, CostProcessor>(prices).unwrap();
    let lines = mock_lines(3);
    assert_eq!(loaded.metrics().unwrap(), direct.metrics().unwrap());
    let batch = RecordBatch::new(&lines);
    assert_eq!(loaded.process(batch).unwrap(), direct.process(batch).unwrap());
}
