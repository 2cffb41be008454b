//! Workers that race, die and meet on one store.

use std::sync::atomic::{AtomicBool, Ordering};

use minimascope_record::outcome::Outcome;

use super::*;
use crate::machine::Machine;
use crate::progress::{Event, Progress, Silent};
use crate::run::{Existing, Options, in_folder, run};

const MACHINE: Machine = Machine { threads: 1, memory_bytes: 1 << 26 };

/// 51 parameters on eight images; a checkpoint every tenth step.
const TINY: &str = r#"
    precision = "f64"
    model.architecture.input = { channels = 1, height = 28, width = 28 }
    checkpoint.every_steps = 10
    data = { source = "fashion-mnist", classes = [0, 1], train = { first = 8 }, test = { first = 4 } }
    train = { learning_rate = 0.05, batch_size = 3, stop = { max_steps = 60 } }
    [[model.architecture.layers]]
    kind = "average-pool"
    window = 7
    [[model.architecture.layers]]
    kind = "linear"
    outputs = 2
"#;

fn plan() -> Plan {
    Plan::of_toml(TINY)
}

/// A store as two machines see it.
fn two_machines() -> (tempfile::TempDir, Store, Store) {
    let folder = tempfile::tempdir().unwrap();
    let seen_by = |machine: &str| Store { root: folder.path().into(), machine: machine.into() };
    let (one, other) = (seen_by("one"), seen_by("other"));
    (folder, one, other)
}

fn take(store: &Store, plan: &Plan) -> Working {
    match store.take(plan.id().as_str()).unwrap() {
        Taken::Working(working) => working,
        taken => panic!("{taken:?}"),
    }
}

fn work(plan: &Plan, working: &Working) -> RunSummary {
    let interrupt = AtomicBool::new(false);
    in_folder(plan, working.folder().clone(), &MACHINE, &mut Silent, &interrupt).unwrap()
}

/// Stops a run at its first checkpoint.
struct StopWhenSaved<'a>(&'a AtomicBool);

impl Progress for StopWhenSaved<'_> {
    fn event(&mut self, event: Event<'_>) {
        if matches!(event, Event::Saved { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn begin(plan: &Plan, working: &Working) {
    let interrupt = AtomicBool::new(false);
    let mut progress = StopWhenSaved(&interrupt);
    let folder = working.folder().clone();
    let summary = in_folder(plan, folder, &MACHINE, &mut progress, &interrupt).unwrap();
    assert_eq!((summary.outcome, summary.steps), (Some(Outcome::Interrupted), 10));
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[test]
fn two_workers_that_race_end_with_one_result() {
    let (plan, (folder, one, other)) = (plan(), two_machines());
    let id = plan.id().as_str();
    let (first, second) = (take(&one, &plan), take(&other, &plan));
    work(&plan, &first);
    work(&plan, &second);
    assert!(one.result(id).unwrap().is_none(), "nothing is there before a rename");
    let published = one.publish(id, first).unwrap();
    assert_eq!(other.publish(id, second).unwrap(), published);
    assert_eq!(one.finished().unwrap(), [id]);
    assert_eq!(entries(&folder.path().join(WORK)), 0);
    assert!(matches!(one.take(id).unwrap(), Taken::Finished(_)));
}

#[test]
fn other_numbers_of_one_run_are_a_loud_error() {
    let (plan, (folder, one, other)) = (plan(), two_machines());
    let id = plan.id().as_str();
    let (first, second) = (take(&one, &plan), take(&other, &plan));
    work(&plan, &first);
    let mut altered = work(&plan, &second);
    altered.train_loss = altered.train_loss.map(|loss| loss.next_up());
    second.folder().write_json(OUTCOME, &altered).unwrap();
    let published = one.publish(id, first).unwrap();
    let error = other.publish(id, second).unwrap_err();
    assert!(
        matches!(&error, Error::Sweep(SweepError::NotDeterministic { ours, .. })
            if ours.join(OUTCOME).exists()),
        "{error}"
    );
    assert!(!error.is_bad_input());
    assert_eq!(one.result(id).unwrap(), Some(published));
    // Names are no numbers.
    let (folder_of_names, one, other) = two_machines();
    let (first, second) = (take(&one, &plan), take(&other, &plan));
    work(&plan, &first);
    let mut renamed = work(&plan, &second);
    renamed.data = "another name".into();
    second.folder().write_json(OUTCOME, &renamed).unwrap();
    one.publish(id, first).unwrap();
    other.publish(id, second).unwrap();
    drop((folder, folder_of_names));
}

#[test]
fn on_one_machine_a_run_that_was_left_goes_on_where_it_is() {
    let (plan, (folder, one, _)) = (plan(), two_machines());
    let id = plan.id().as_str();
    let working = take(&one, &plan);
    begin(&plan, &working);
    let path = working.folder().path().to_owned();
    assert!(matches!(one.take(id).unwrap(), Taken::Busy));
    assert_eq!(one.begun(id).unwrap(), Some(IsBusy(true)));
    drop(working);
    assert_eq!(one.begun(id).unwrap(), Some(IsBusy(false)));
    let again = take(&one, &plan);
    assert_eq!(again.folder().path(), path);
    work(&plan, &again);
    one.publish(id, again).unwrap();
    assert_eq!(entries(&folder.path().join(WORK)), 0);
}

#[test]
fn another_machine_goes_on_from_a_copy_with_the_same_bits() {
    let (plan, (folder, one, other)) = (plan(), two_machines());
    let id = plan.id().as_str();
    let first = take(&one, &plan);
    begin(&plan, &first);
    // The owner may live: its folder is left alone.
    let second = take(&other, &plan);
    assert_ne!(first.folder().path(), second.folder().path());
    let checkpoint = |working: &Working| fs::read(working.folder().file(CHECKPOINT)).unwrap();
    assert!(checkpoint(&first) == checkpoint(&second));
    work(&plan, &second);
    work(&plan, &first);
    let (ours, theirs) = (first.folder().clone(), second.folder().clone());
    for name in [OUTCOME, FINAL, STEPS] {
        let read = |folder: &RunFolder| fs::read(folder.file(name)).unwrap();
        assert!(read(&ours) == read(&theirs), "{name}");
    }
    other.publish(id, second).unwrap();
    one.publish(id, first).unwrap();
    assert_eq!(entries(&folder.path().join(WORK)), 0);
}

#[test]
fn an_unfinished_run_is_continued_and_replaced() {
    let (plan, (folder, one, _)) = (plan(), two_machines());
    let interrupt = AtomicBool::new(false);
    let out = folder.path().to_owned();
    let options = Options { out, existing: Existing::Report, machine: MACHINE };
    run(&plan, &options, &mut StopWhenSaved(&interrupt), &interrupt).unwrap();
    let id = plan.id().as_str();
    assert_eq!(one.begun(id).unwrap(), Some(IsBusy(false)));
    let working = take(&one, &plan);
    assert!(working.folder().has(CHECKPOINT));
    work(&plan, &working);
    let published = one.publish(id, working).unwrap();
    assert_eq!(published.outcome, Some(Outcome::StepLimit));
    assert_eq!(entries(&folder.path().join(WORK)), 0);
    // `run` finds it finished.
    interrupt.store(false, Ordering::Relaxed);
    assert_eq!(run(&plan, &options, &mut Silent, &interrupt).unwrap(), published);
}

#[test]
fn a_result_takes_the_record_of_failure_away() {
    let (plan, (_folder, one, _)) = (plan(), two_machines());
    let id = plan.id().as_str();
    one.record_failure(&plan, "once", None).unwrap();
    one.record_failure(&plan, "twice", Some("a hint".into())).unwrap();
    let failure = one.failure(id).unwrap().unwrap();
    assert_eq!((failure.error.as_str(), failure.attempts), ("twice", 2));
    assert_eq!(one.failed().unwrap(), [id]);
    let working = take(&one, &plan);
    work(&plan, &working);
    one.publish(id, working).unwrap();
    assert!(one.failure(id).unwrap().is_none());
    assert!(one.failed().unwrap().is_empty());
}

#[test]
fn of_workers_that_ask_at_once_one_has_the_run_and_none_an_error() {
    let root = tempfile::tempdir().unwrap();
    let store = Store::at(root.path().to_owned());
    for round in 0..150 {
        let id = format!("{round:016x}");
        let barrier = std::sync::Barrier::new(6);
        let taken: Vec<_> = std::thread::scope(|scope| {
            let ask = || {
                barrier.wait();
                store.take(&id)
            };
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        let working = taken.iter().filter(|taken| matches!(taken, Taken::Working(_)));
        assert!(working.count() >= 1, "nobody works on it");
    }
}
