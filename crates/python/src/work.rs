//! Long work: on a thread of its own, while the calling thread shows progress, listens for Ctrl-C and does
//! what only Python can.
//!
//! The calling thread holds the GIL only for moments. Python code of a point runs there and nowhere else,
//! so that thread-local settings of its framework hold and Ctrl-C reaches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use minimascope_curvature::ProductFailure;
use minimascope_experiment::progress::{Event, Progress, StepProgress};
use minimascope_minimum::{MeasureProgress, Measuring, Quantity, Watch};
use minimascope_stability::criterion::SearchProgress;
use pyo3::prelude::*;

use crate::error::{Stopped, WorkFailure};

/// How often the calling thread looks for signals.
const TICK: Duration = Duration::from_millis(50);
/// How long work that was asked to stop may take to save itself before it is left alone.
const GRACE: Duration = Duration::from_millis(400);
/// Between two reports of the same stage.
const REPORTED_EVERY: Duration = Duration::from_millis(100);

/// What the calling thread is told.
enum Message {
    /// Something that only Python can do.
    Call(Box<dyn FnOnce(Python<'_>) + Send>),
    /// Something to show.
    Report(Report),
}

/// Something to show.
enum Report {
    Measuring(MeasureProgress),
    Step(StepProgress),
    Note(String),
    StageEnded,
}

/// The working thread's line to the calling thread.
#[derive(Clone)]
pub(crate) struct Line {
    messages: Sender<Message>,
    interrupt: Arc<AtomicBool>,
}

impl Line {
    /// Lets the calling thread do `work`, and waits for it.
    pub(crate) fn call<R: Send + 'static>(
        &self,
        work: impl FnOnce(Python<'_>) -> PyResult<R> + Send + 'static,
    ) -> Result<R, ProductFailure> {
        let (reply, answer) = mpsc::sync_channel(1);
        let call = Message::Call(Box::new(move |py| {
            // Nobody waits for the answer only where the working thread is gone.
            let _ = reply.send(work(py));
        }));
        self.messages.send(call).map_err(|_| Stopped)?;
        Ok(answer.recv().map_err(|_| Stopped)??)
    }

    /// The flag that is set when the caller wants no more.
    pub(crate) fn interrupt(&self) -> &AtomicBool {
        &self.interrupt
    }

    /// Does `work` with a watch that reports to the calling thread.
    pub(crate) fn watched<R>(&self, work: impl FnOnce(&mut Watch<'_>) -> R) -> R {
        let mut reporter = Reporter { line: self, last: None };
        let mut show = |measuring| match measuring {
            Measuring::At(at) => reporter.now_and_then(|| Report::Measuring(at)),
            Measuring::StageEnded => reporter.at_once(Report::StageEnded),
        };
        work(&mut Watch::new(&mut show, &self.interrupt))
    }

    /// A sink of a run's events.
    pub(crate) fn reporter(&self) -> Reporter<'_> {
        Reporter { line: self, last: None }
    }
}

/// Passes on a few reports a second.
pub(crate) struct Reporter<'a> {
    line: &'a Line,
    last: Option<Instant>,
}

impl Reporter<'_> {
    fn at_once(&mut self, report: Report) {
        // Without a listener the interrupt flag ends the work.
        let _ = self.line.messages.send(Message::Report(report));
    }

    /// A sentence that stays on the screen.
    pub(crate) fn note(&mut self, sentence: &str) {
        self.at_once(Report::Note(sentence.to_owned()));
    }

    /// Where a search for a threshold stands.
    pub(crate) fn searching(&mut self, now: &SearchProgress) {
        let quantity = Quantity::Threshold(now.criterion);
        let (products, value) = (now.products, now.learning_rate);
        self.now_and_then(|| {
            Report::Measuring(MeasureProgress {
                quantity,
                products,
                value,
                relative_residual: None,
            })
        });
    }

    fn now_and_then(&mut self, report: impl FnOnce() -> Report) {
        let now = Instant::now();
        if self.last.is_none_or(|last| now.duration_since(last) >= REPORTED_EVERY) {
            self.last = Some(now);
            self.at_once(report());
        }
    }
}

impl Progress for Reporter<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Step(at) => self.now_and_then(|| Report::Step(at)),
            Event::Measuring(at) => self.now_and_then(|| Report::Measuring(at)),
            Event::StageEnded => self.at_once(Report::StageEnded),
            Event::Started { folder, .. } => {
                self.at_once(Report::Note(format!("run folder: {}", folder.display())));
            }
            Event::AlreadyFinished { folder } => self.at_once(Report::Note(format!(
                "{} is finished; force=True runs it again",
                folder.display()
            ))),
            _ => {}
        }
    }
}

/// Work that has been started, as the calling thread sees it.
pub(crate) struct Started<R> {
    messages: Receiver<Message>,
    result: Receiver<Result<R, WorkFailure>>,
    interrupt: Arc<AtomicBool>,
}

/// Where a working thread puts its result.
pub(crate) type Ended<R> = SyncSender<Result<R, WorkFailure>>;

/// The two ends of a piece of work: the working thread's line and place for the result, and what the
/// calling thread waits for. The work is over once the line is dropped.
pub(crate) fn ends<R>() -> (Line, Ended<R>, Started<R>) {
    let (messages, received) = mpsc::channel();
    let (ended, result) = mpsc::sync_channel(1);
    let interrupt = Arc::new(AtomicBool::new(false));
    let line = Line { messages, interrupt: Arc::clone(&interrupt) };
    (line, ended, Started { messages: received, result, interrupt })
}

/// Does `work` on a thread of its own, as [`Started::wait`] does.
pub(crate) fn on_own_thread<R: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Line) -> Result<R, WorkFailure> + Send + 'static,
) -> PyResult<R> {
    let (line, ended, started) = ends();
    std::thread::Builder::new().name("minimascope".into()).spawn(move || {
        let _ = ended.send(work(&line));
    })?;
    started.wait(py, progress)
}

impl<R: Send + 'static> Started<R> {
    /// Waits for the end. Reports go to `progress(kind, text, done, total)`. A signal whose handler raises
    /// (Ctrl-C) asks the work to stop and raises soon, also in the middle of a product.
    ///
    /// # Errors
    /// What the handler or `progress` raises, and what the work ended with: an exception of Python code
    /// in it is raised as it is.
    pub(crate) fn wait(
        mut self,
        py: Python<'_>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<R> {
        loop {
            let waited = self.next(py);
            let handled = match waited {
                Ok(message) => handle(py, message, progress),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(raised) = handled.and_then(|()| py.check_signals()) {
                self.interrupt.store(true, Ordering::Relaxed);
                self.let_it_save_itself(py);
                return Err(raised);
            }
        }
        match self.result.recv() {
            Ok(result) => result.map_err(|failure| failure.into_exception(py)),
            // The thread panicked and said where.
            Err(_) => Err(WorkFailure::Panic.into_exception(py)),
        }
    }

    /// The next message, with the GIL released.
    fn next(&mut self, py: Python<'_>) -> Result<Message, RecvTimeoutError> {
        // A receiver can move to another thread but not be shared: `detach` allows only what can be.
        let (_, nobody) = mpsc::channel();
        let messages = std::mem::replace(&mut self.messages, nobody);
        let (messages, waited) = py.detach(move || {
            let waited = messages.recv_timeout(TICK);
            (messages, waited)
        });
        self.messages = messages;
        waited
    }

    /// Waits a moment for the end; what Python should still do is refused.
    fn let_it_save_itself(&mut self, py: Python<'_>) {
        let until = Instant::now() + GRACE;
        while Instant::now() < until {
            if let Err(RecvTimeoutError::Disconnected) = self.next(py) {
                return;
            }
        }
    }
}

fn handle(py: Python<'_>, message: Message, progress: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    match message {
        Message::Call(call) => call(py),
        Message::Report(report) => {
            if let Some(progress) = progress {
                progress.call1(report.arguments())?;
            }
        }
    }
    Ok(())
}

impl Report {
    /// Kind, text, what is done of how much.
    fn arguments(self) -> (&'static str, String, Option<u64>, Option<u64>) {
        match self {
            Self::Note(text) => ("note", text, None, None),
            Self::StageEnded => ("end", String::new(), None, None),
            Self::Step(at) => {
                let mut text = format!("loss {:.4e}", at.average_loss);
                if let Some(accuracy) = at.train_accuracy {
                    text.push_str(&format!(", accuracy {:.1} %", 100.0 * accuracy));
                }
                ("step", text, Some(at.step), Some(at.max_steps))
            }
            Self::Measuring(MeasureProgress { quantity, products, value, relative_residual }) => {
                let unit = match quantity {
                    Quantity::LinearisedLaunch => "launches",
                    _ => "products",
                };
                let mut text = format!("{quantity}: {products} {unit}");
                if let Some(value) = value {
                    text.push_str(&format!(", {value:.4e}"));
                }
                if let Some(relative_residual) = relative_residual {
                    text.push_str(&format!(" with relative residual {relative_residual:.0e}"));
                }
                ("measuring", text, Some(products as u64), None)
            }
        }
    }
}
