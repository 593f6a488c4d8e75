//! How a run looks while it goes: the built-in displays, and the thread on which any of them shows what it is told.

mod progress;
mod screen;

pub use screen::Screen;

use aiperf_abi::{Context, Plugin, Result, Ui, UiEvent};
use serde::Deserialize;

use progress::{Display, Progress};

/// The settings of a display that has none.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct NoSettings {}

/// The entry `simple`: a bar on a terminal, elsewhere a line every few seconds.
pub struct SimpleUi(Told);

/// The entry `none`: nothing but what the user has to know.
pub struct NoUi(Told);

impl Plugin for SimpleUi {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let NoSettings {} = cx.config()?;
        Ok(Self(Told(Some(Progress::new(Display::suitable())))))
    }
}

impl Plugin for NoUi {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let NoSettings {} = cx.config()?;
        Ok(Self(Told(Some(Progress::new(Display::Silent)))))
    }
}

impl Ui for SimpleUi {
    fn show(&mut self, event: &UiEvent) -> Result<()> {
        self.0.take(event);
        Ok(())
    }
}

impl Ui for NoUi {
    fn show(&mut self, event: &UiEvent) -> Result<()> {
        self.0.take(event);
        Ok(())
    }
}

/// A progress, until its end.
struct Told(Option<Progress>);

impl Told {
    fn take(&mut self, event: &UiEvent) {
        let Some(progress) = &mut self.0 else { return };
        match event {
            UiEvent::Measuring(name) => progress.measuring(name),
            UiEvent::Progress(now) => progress.show(now),
            UiEvent::Draining => {
                progress.say("Ending: no more requests are sent, those in flight are waited for.");
                progress.say("Ctrl-C again quits at once.");
            }
            UiEvent::Finished(last) => {
                if let (Some(progress), Some(last)) = (self.0.take(), last) {
                    progress.finish(last);
                }
            }
            _ => {}
        }
    }
}
