//! A sweep on one machine: as many workers as there are threads or runs, each with one run after
//! the other.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use minimascope_record::outcome::Outcome;
use minimascope_record::run::RunSummary;

use crate::Error;
use crate::machine::Machine;
use crate::plan::Plan;
use crate::progress::{Event, Progress};
use crate::run;
use crate::sweep::board::{Board, News, RunPhase, SweepProgress};
use crate::sweep::estimate::History;
use crate::sweep::plan::SweepPlan;
use crate::sweep::shard::Shard;
use crate::sweep::store::{Store, Taken};

/// What of a plan is worked on, and with what.
#[derive(Clone, Copy, Debug)]
pub struct SweepOptions {
    /// The threads of all workers together, and the memory of each.
    pub machine: Machine,
    /// The part of the plan.
    pub shard: Shard,
    /// Whether runs that an error ended are tried again.
    pub retry_failed: bool,
}

/// How work on a sweep ended; [`crate::sweep::status`] says where its runs stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepEnded {
    /// Every run of the part was tried.
    Complete,
    /// Stopped from outside; what was reached is saved.
    Interrupted,
}

/// What a worker says.
enum WorkerReport {
    Begun { worker: usize, index: usize, estimate: f64 },
    At { worker: usize, at: RunPhase },
    Ended { worker: usize, end: End },
}

/// How a worker's turn with one run ended.
enum End {
    Finished(Box<RunSummary>),
    /// An error of the run's own, recorded.
    Failed(String),
    /// Another process works on it.
    Busy,
    Interrupted,
    /// An error that the next run would meet too.
    Stopped(Error),
}

/// Runs what is neither finished nor failed, the longest first.
///
/// # Errors
/// A store that cannot be written, and two results of one run that differ: the workers save what
/// they have and stop. An error of one run is recorded and stops nothing.
pub fn sweep(
    plan: &SweepPlan,
    store: &Store,
    options: &SweepOptions,
    progress: &mut dyn SweepProgress,
    interrupt: &AtomicBool,
) -> Result<SweepEnded, Error> {
    let history = History::read(store)?;
    let mut board = Board::default();
    let mut queue = Vec::new();
    for (index, run) in plan.runs().iter().enumerate() {
        if !options.shard.holds(index) {
            continue;
        }
        let id = run.id().as_str();
        if store.result(id)?.is_some() {
            store.tidy(id)?;
            board.finished += 1;
        } else if store.failure(id)?.is_some() && !options.retry_failed {
            board.failed += 1;
        } else {
            queue.push((index, history.estimate(run).seconds));
        }
    }
    // The longest first: at the end no thread waits long for the last run.
    queue.sort_by(|one, other| other.1.total_cmp(&one.1));
    let workers = options.machine.threads.min(queue.len()).max(1);
    board.begin(workers, &queue.iter().map(|(_, seconds)| *seconds).collect::<Vec<_>>());
    progress.changed(&board, None);
    let queue = Mutex::new(VecDeque::from(queue));
    let (reports, received) = channel();
    let titles = plan.titles();
    let mut stopped = None;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let reports = reports.clone();
            let machine = share(&options.machine, worker, workers);
            let pool = Pool { plan, store, machine, queue: &queue, interrupt };
            scope.spawn(move || pool.work(worker, &reports));
        }
        drop(reports);
        for report in received {
            let news = match report {
                WorkerReport::Begun { worker, index, estimate } => {
                    board.begun(worker, titles.of(index), estimate);
                    None
                }
                WorkerReport::At { worker, at } => {
                    board.at(worker, at);
                    None
                }
                WorkerReport::Ended { worker, end } => {
                    let title = board.ended(worker);
                    match end {
                        End::Finished(summary) => {
                            board.finished += 1;
                            Some(News::Finished { title, summary })
                        }
                        End::Failed(error) => {
                            board.failed += 1;
                            Some(News::Failed { title, error })
                        }
                        End::Busy => {
                            board.busy += 1;
                            Some(News::Busy { title })
                        }
                        End::Interrupted => None,
                        End::Stopped(error) => {
                            stopped.get_or_insert(error);
                            None
                        }
                    }
                }
            };
            progress.changed(&board, news.as_ref());
        }
    });
    match stopped {
        Some(error) => Err(error),
        None if interrupt.load(Ordering::Relaxed) => Ok(SweepEnded::Interrupted),
        None => Ok(SweepEnded::Complete),
    }
}

/// A worker's part of the threads: one each where runs are many. The memory is a run's.
fn share(machine: &Machine, worker: usize, workers: usize) -> Machine {
    let more = usize::from(worker < machine.threads % workers);
    Machine { threads: machine.threads / workers + more, memory_bytes: machine.memory_bytes }
}

/// What every worker sees.
struct Pool<'a> {
    plan: &'a SweepPlan,
    store: &'a Store,
    machine: Machine,
    /// Indices of runs, with the estimate of each.
    queue: &'a Mutex<VecDeque<(usize, f64)>>,
    interrupt: &'a AtomicBool,
}

impl Pool<'_> {
    fn work(&self, worker: usize, reports: &Sender<WorkerReport>) {
        while !self.interrupt.load(Ordering::Relaxed) {
            let next = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((index, estimate)) = next else { return };
            // Nobody listens only when the program ends.
            let _ = reports.send(WorkerReport::Begun { worker, index, estimate });
            let mut progress = Reporting { worker, reports };
            let end =
                self.one(&self.plan.runs()[index], &mut progress).unwrap_or_else(End::Stopped);
            if matches!(end, End::Stopped(_)) {
                self.interrupt.store(true, Ordering::Relaxed);
            }
            let _ = reports.send(WorkerReport::Ended { worker, end });
        }
    }

    fn one(&self, run: &Plan, progress: &mut dyn Progress) -> Result<End, Error> {
        let id = run.id().as_str();
        let working = match self.store.take(id)? {
            Taken::Finished(summary) => return Ok(End::Finished(summary)),
            Taken::Busy => return Ok(End::Busy),
            Taken::Working(working) => working,
        };
        let folder = working.folder().clone();
        // A fault of the program in one run is that run's failure.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            run::in_folder(run, folder, &self.machine, progress, self.interrupt)
        }));
        let (error, hint) = match ended {
            Ok(Ok(summary)) if summary.outcome == Some(Outcome::Interrupted) => {
                return Ok(End::Interrupted);
            }
            Ok(Ok(_)) => {
                return match self.store.publish(id, working) {
                    Ok(summary) => Ok(End::Finished(Box::new(summary))),
                    // `run` began it meanwhile; the next sweep publishes ours, if it is needed.
                    Err(Error::Busy(..)) => Ok(End::Busy),
                    Err(error) => Err(error),
                };
            }
            Ok(Err(error)) if is_of_the_machine(&error) => return Err(error),
            Ok(Err(error)) => (error.to_string(), error.hint()),
            Err(panic) => (said_by(panic.as_ref()), None),
        };
        self.store.record_failure(run, &error, hint)?;
        Ok(End::Failed(error))
    }
}

/// Whether every other run would meet the same: a file that cannot be written.
fn is_of_the_machine(error: &Error) -> bool {
    matches!(error, Error::Write { .. } | Error::Net(minimascope_net::Error::Io { .. }))
}

fn said_by(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a fault of the program: {}", text.unwrap_or_else(|| "it said nothing".to_owned()))
}

/// Sends a run's events to the board.
struct Reporting<'a> {
    worker: usize,
    reports: &'a Sender<WorkerReport>,
}

impl Progress for Reporting<'_> {
    fn event(&mut self, event: Event<'_>) {
        let worker = self.worker;
        let at = match event {
            Event::Step(at) => RunPhase::Step(at),
            Event::Measuring(at) => RunPhase::Measuring(at),
            _ => return,
        };
        let _ = self.reports.send(WorkerReport::At { worker, at });
    }
}
