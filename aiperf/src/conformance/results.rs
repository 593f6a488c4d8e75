//! The checks of what looks at results: processors, console exporters, plots and result handlers, over records and reports
//! of every size, and broken ones.

use std::collections::BTreeSet;

use aiperf_abi::testing::{mock_lines, mock_page, mock_report, mock_results};
use aiperf_abi::{
    Addition, Block, ConsoleExporter, Figure, HandlingFailure, MetricDeclaration, Page, Plot, RecordBatch,
    RecordProcessor, Report, ResultHandler, Results, ResultsProcessor, Value, json,
};

use super::exporter::BROKEN;
use super::lives::expected;
use super::{Check, Fault, Folder, Lived, Make, Tried, tolerated, wrong, xml};
use crate::metric::catalog::CATALOG;

/// Records of each batch.
const BATCHES: [usize; 4] = [1, 100, 0, 1000];

/// The lines of each batch of this size; all of them together are always the same.
fn batches(sizes: &[usize]) -> Vec<String> {
    let all = mock_lines(BATCHES.iter().sum::<usize>() as u64);
    let mut lines = all.split_inclusive('\n');
    sizes.iter().map(|size| lines.by_ref().take(*size).collect()).collect()
}

/// Whether a tag may name a metric of a plugin.
fn named(tag: &str, taken: &BTreeSet<&str>) -> Result<(), Fault> {
    if tag.is_empty() || !tag.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return wrong(format!("its metric `{tag}` needs a name of letters, digits and `_`"));
    }
    if taken.contains(tag) {
        return wrong(format!("its metric `{tag}` has the name of another; every metric has its own"));
    }
    Ok(())
}

fn declared(processor: &mut dyn RecordProcessor) -> Result<Vec<MetricDeclaration>, Fault> {
    let metrics = processor.metrics()?;
    let mut taken: BTreeSet<&str> = CATALOG.iter().map(|metric| metric.tag).collect();
    for metric in &metrics {
        named(&metric.tag, &taken)?;
        taken.insert(&metric.tag);
        if metric.header.trim().is_empty() {
            return wrong(format!("its metric `{}` has no `header` for people", metric.tag));
        }
    }
    Ok(metrics)
}

/// Every value of every record, batch by batch.
fn measured(make: &Make<'_, dyn RecordProcessor>, sizes: &[usize]) -> Result<Vec<Vec<Option<f64>>>, Fault> {
    let mut processor = make.value()?;
    let metrics = declared(&mut *processor)?.len();
    let mut all = Vec::new();
    for (lines, size) in batches(sizes).iter().zip(sizes) {
        let rows = processor.process(RecordBatch::new(lines))?;
        if rows.len() != *size {
            return wrong(format!(
                "it answers {} rows for {size} records; every record has its row, in order",
                rows.len()
            ));
        }
        if let Some(row) = rows.iter().find(|row| row.len() != metrics) {
            return wrong(format!("it answers {} values for a record, but has {metrics} metrics", row.len()));
        }
        if rows.iter().flatten().flatten().any(|value| !value.is_finite()) {
            return wrong("it answers a number that is none; where a record has no value, the answer is `None`");
        }
        all.extend(rows);
    }
    Ok(all)
}

impl Tried for dyn RecordProcessor {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let rows = measured(make, &BATCHES)?;
        let values = rows.iter().flatten().flatten().count();
        Ok(Lived { told: format!("{} records, {values} values", rows.len()), answers: json!(rows).to_string() })
    }

    const CHECKS: &'static [Check<Self>] = &[
        ("other batches", |make| match measured(make, &BATCHES)? == measured(make, &[1101])? {
            true => Ok("the same values, however records come".to_owned()),
            false => wrong(
                "its values depend on how records are batched, which is the host's affair and changes from run to run",
            ),
        }),
        ("broken records", |make| {
            let mut processor = make.value()?;
            processor.metrics()?;
            BROKEN.iter().try_for_each(|lines| tolerated(processor.process(RecordBatch::new(lines))).map(drop))?;
            Ok("taken or refused with an error".to_owned())
        }),
    ];
}

fn added(addition: &Addition, report: &Report) -> Result<(), Fault> {
    let mut taken: BTreeSet<&str> = report.metrics.iter().map(|metric| metric.tag.as_str()).collect();
    for metric in &addition.metrics {
        named(&metric.tag, &taken)?;
        taken.insert(&metric.tag);
        if !metric.avg.is_finite() {
            return wrong(format!("its metric `{}` is {}; leave out what has no value", metric.tag, metric.avg));
        }
    }
    if let Some(section) = addition.sections.keys().find(|name| name.is_empty() || report.sections.contains_key(*name))
    {
        return wrong(format!("its section `{section}` needs a name of its own"));
    }
    match addition.notices.iter().any(|notice| notice.trim().is_empty()) {
        true => wrong("one of its notices says nothing"),
        false => Ok(()),
    }
}

impl Tried for dyn ResultsProcessor {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let mut processor = make.value()?;
        for lines in batches(&BATCHES) {
            processor.ingest(RecordBatch::new(&lines))?;
        }
        let report = mock_report();
        let addition = processor.summarize(&report)?;
        added(&addition, &report)?;
        let Addition { metrics, sections, notices } = &addition;
        let told = format!("adds {} metrics, {} sections, {} notices", metrics.len(), sections.len(), notices.len());
        Ok(Lived { told, answers: json!(metrics).to_string() })
    }

    const CHECKS: &'static [Check<Self>] = &[
        ("no records", |make| {
            tolerated(make.value()?.summarize(&Report::default()))?;
            Ok("an end without a beginning".to_owned())
        }),
        ("broken records", |make| {
            let mut processor = make.value()?;
            BROKEN.iter().try_for_each(|lines| tolerated(processor.ingest(RecordBatch::new(lines))).map(drop))?;
            Ok("taken or refused with an error".to_owned())
        }),
    ];
}

fn shown(blocks: &[Block]) -> Result<(), Fault> {
    for block in blocks {
        if let Block::Table(table) = block {
            let columns = table.columns.len();
            if let Some(row) = table.rows.iter().find(|row| row.len() > columns) {
                let (title, texts) = (&table.title, row.len());
                return wrong(format!(
                    "a row of its table `{title}` has {texts} texts, and there are {columns} columns"
                ));
            }
        }
    }
    Ok(())
}

impl Tried for dyn ConsoleExporter {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let blocks = make.value()?.render(&mock_page())?;
        shown(&blocks)?;
        Ok(Lived::well(format!("{} blocks", blocks.len())))
    }

    const CHECKS: &'static [Check<Self>] = &[("other pages", |make| {
        let mut console = make.value()?;
        for width in [0, 1, 40, 1000] {
            for report in reports() {
                let page = Page::new(report, Vec::new(), width);
                tolerated(console.render(&page))?.map_or(Ok(()), |blocks| shown(&blocks))?;
            }
        }
        Ok("screens of every width, and results without any".to_owned())
    })];
}

/// Results as they seldom are.
fn reports() -> [Report; 3] {
    let mut bare = mock_report();
    for metric in &mut bare.metrics {
        metric.distribution = None;
        metric.header.clear();
    }
    let mut strange = mock_report();
    for metric in &mut strange.metrics {
        metric.avg = -1e300;
        metric.header = "<b>&\u{0}\u{1b}[31m\u{202e}漢".to_owned();
        let Some(distribution) = &mut metric.distribution else { continue };
        (distribution.min, distribution.max) = (f64::MIN_POSITIVE, 1e300);
        distribution.percentiles.clear();
    }
    [Report::default(), bare, strange]
}

fn drawn(figures: &[Figure]) -> Result<(), Fault> {
    let mut names = BTreeSet::new();
    for Figure { name, svg } in figures {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
            return wrong(format!(
                "its figure `{name}` needs a name of letters, digits, `_` and `-`: a file is named after it"
            ));
        }
        if !names.insert(name) {
            return wrong(format!("two of its figures are called `{name}`, and the second would replace the first"));
        }
        xml::is_svg(svg).map_err(|problem| format!("its figure `{name}` is no SVG document: {problem}"))?;
    }
    Ok(())
}

impl Tried for dyn Plot {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let figures = make.value()?.draw(&mock_report())?;
        drawn(&figures)?;
        Ok(Lived::well(format!("{} figures, each of them well-formed", figures.len())))
    }

    const CHECKS: &'static [Check<Self>] = &[("other results", |make| {
        let mut plot = make.value()?;
        for report in reports() {
            tolerated(plot.draw(&report))?.map_or(Ok(()), |figures| drawn(&figures))?;
        }
        Ok("none, bare ones, and numbers without measure".to_owned())
    })];
}

/// Results with a file of records, and its lines.
fn recorded(folder: &Folder) -> Result<(Results, String), Fault> {
    let lines = mock_lines(10);
    let path = folder.file("profile_export.jsonl", lines.as_bytes())?;
    Ok((mock_results().with_records(Some(path.display().to_string())), lines))
}

fn kept(results: &Results, lines: &str) -> Result<(), Fault> {
    let path = results.records_path.as_deref().unwrap_or_default();
    match std::fs::read_to_string(path) {
        Ok(text) if text == lines => Ok(()),
        Ok(_) => wrong("the file of records is another after it: a handler may read it, and is not to change it"),
        Err(error) => {
            wrong(format!("the file of records cannot be read any more: {error}; a handler leaves it where it is"))
        }
    }
}

impl Tried for dyn ResultHandler {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let folder = Folder::new();
        let (results, lines) = recorded(&folder)?;
        let mut handler = make.inside(&folder).value()?;
        if !handler.enabled(&results.metadata)? {
            return Err(Fault::Untried("it leaves these results out, as it says".to_owned()));
        }
        let handled = tolerated(handler.handle(&results))?;
        kept(&results, &lines)?;
        match handled {
            Some(()) => Ok(Lived::well("the results of a run")),
            None => Err(Fault::Untried("it could not handle them here; it may want settings, see --config".to_owned())),
        }
    }

    const CHECKS: &'static [Check<Self>] = &[("after a failure", |make| {
        let folder = Folder::new();
        let (results, lines) = recorded(&folder)?;
        let mut handler = make.inside(&folder).value()?;
        for odd in [Results::default(), results.clone().with_records(Some("/no/such/file.jsonl".to_owned()))] {
            tolerated(handler.handle(&odd))?;
            tolerated(handler.on_error(&HandlingFailure { message: "it failed".to_owned() }))?;
        }
        for metadata in [Value::Null, json!({"models": 7})] {
            tolerated(handler.enabled(&metadata))?;
        }
        let again = make.inside(&folder).value()?.handle(&results).is_ok();
        if again {
            expected(handler.handle(&results), "a value that has failed once has to go on with the next results")?;
        }
        kept(&results, &lines)?;
        Ok("it goes on, and the records are as they were".to_owned())
    })];
}
