//! `plot`: draws the results of a run.

use serde::{Deserialize, Serialize};

use super::error::Result;
use crate::data::report::Report;

/// Draws results.
///
#[cfg_attr(doc, doc = include_str!("../../reference/plot.md"))]
pub trait Plot: Send + 'static {
    /// The figures; none where the results have nothing to draw.
    ///
    /// # Errors
    /// When it cannot draw; the others are drawn, and the failure is shown.
    fn draw(&mut self, report: &Report) -> Result<Vec<Figure>>;
}

service! {
    "plot": Plot {
        draw(report: &Report) -> Vec<Figure>;
    }
}

/// A drawing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figure {
    /// Its name: letters, digits, `_` and `-`. The file is named after it.
    pub name: String,
    /// The whole text of an SVG document.
    pub svg: String,
}
