//! A whole sweep on stderr: a bar and a line a worker on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar};
use minimascope_experiment::sweep::board::{Board, News, RunPhase, Running, SweepProgress};
use minimascope_record::measured::Measured;

use crate::progress::style;
use crate::table::{grouped, significant};

pub(super) fn on_stderr() -> Box<dyn SweepProgress> {
    if std::io::stderr().is_terminal() {
        Box::new(Bars::new())
    } else {
        Box::new(SweepLines { last: Instant::now() })
    }
}

struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    workers: Vec<ProgressBar>,
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::new();
        let whole = all.add(ProgressBar::new(0).with_style(style("{wide_bar} {pos}/{len} {msg}")));
        Self { all, whole, workers: Vec::new() }
    }
}

impl SweepProgress for Bars {
    fn changed(&mut self, board: &Board, news: Option<&News>) {
        if let Some(news) = news {
            self.all.suspend(|| anstream::eprintln!("{}", line(news)));
        }
        while self.workers.len() < board.workers.len() {
            let bar = ProgressBar::new_spinner().with_style(style("  {wide_msg}"));
            self.workers.push(self.all.add(bar));
        }
        for (bar, worker) in self.workers.iter().zip(&board.workers) {
            bar.set_message(worker.as_ref().map_or_else(String::new, running));
        }
        self.whole.set_length(board.total() as u64);
        self.whole.set_position((board.finished + board.failed) as u64);
        self.whole.set_message(rest(board));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        for bar in self.workers.iter().chain([&self.whole]) {
            bar.finish_and_clear();
        }
    }
}

struct SweepLines {
    last: Instant,
}

/// Between two lines while nothing ends: a log of a night stays readable.
const EVERY: Duration = Duration::from_secs(30);

impl SweepProgress for SweepLines {
    fn changed(&mut self, board: &Board, news: Option<&News>) {
        if let Some(news) = news {
            let done = board.finished + board.failed;
            anstream::eprintln!("[{done}/{}] {}", board.total(), line(news));
        } else if self.last.elapsed() >= EVERY {
            self.last = Instant::now();
            let done = board.finished + board.failed;
            anstream::eprintln!("[{done}/{}] {}", board.total(), rest(board));
            for at in board.running() {
                anstream::eprintln!("  {}", running(at));
            }
        }
    }
}

/// What stays on the screen.
fn line(news: &News) -> String {
    match news {
        News::Finished { title, summary } => {
            let outcome = summary.outcome.map_or_else(String::new, |outcome| outcome.to_string());
            let value = |name: &str, value: &Option<Measured>| {
                value.map_or_else(String::new, |at| format!(", {name} = {}", significant(at.value)))
            };
            format!(
                "{title}: {outcome} after {} steps{}{}",
                grouped(summary.steps),
                value("a", &summary.sharpness),
                value("s", &summary.non_uniformity)
            )
        }
        News::Failed { title, error } => format!("{title}: failed: {error}"),
        News::Busy { title } => format!("{title}: another process works on it"),
    }
}

fn running(at: &Running) -> String {
    let doing = match &at.at {
        RunPhase::Start => "starting".to_owned(),
        RunPhase::Step(step) => format!(
            "step {} of at most {}, loss {}",
            grouped(step.step),
            grouped(step.max_steps),
            significant(step.average_loss)
        ),
        RunPhase::Measuring(measure) => {
            format!("measuring {}: {} products", measure.quantity, measure.products)
        }
    };
    format!("{}: {doing}", at.title)
}

fn rest(board: &Board) -> String {
    let mut text = format!("{} running", board.running().count());
    if board.failed > 0 {
        text.push_str(&format!(", {} failed", board.failed));
    }
    let seconds = board.remaining_seconds();
    if seconds > 0.0 && seconds < 1e8 {
        let left = HumanDuration(Duration::from_secs_f64(seconds));
        text.push_str(&format!(", about {left:#} left"));
    }
    text
}
