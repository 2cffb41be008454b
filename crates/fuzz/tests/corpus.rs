//! Every target on every input of its corpus, and on seeded changes of them: the same in every run, on
//! stable Rust. `FUZZ_CHANGES` is the number of changes for each target.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use minimascope_fuzz::{FuzzTarget, TARGETS};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// For each target, unless `FUZZ_CHANGES` says otherwise.
const CHANGES: u32 = 500;

/// No input of a few hundred bytes takes a second; a machine may be busy.
const LONGEST: Duration = Duration::from_secs(60);

/// One test, because memory is counted for the whole process.
#[test]
fn no_reader_is_at_fault() {
    let changes = std::env::var("FUZZ_CHANGES");
    let changes = changes.map_or(CHANGES, |text| text.parse().expect("FUZZ_CHANGES is a number"));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let named: Vec<_> = fs::read_dir(&corpus).unwrap().map(|at| at.unwrap().file_name()).collect();
    assert_eq!(named.len(), TARGETS.len(), "every target has a folder, and no other: {named:?}");
    let clock = Clock::start();
    for target in TARGETS {
        let inputs = inputs(&corpus.join(target.name));
        for (name, input) in &inputs {
            clock.limit(target, name, || target.run(input));
        }
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let config = Config { cases: changes, failure_persistence: None, ..Config::default() };
        let ended = TestRunner::new_with_rng(config, rng).run(&changed(&inputs), |input| {
            clock.limit(target, "a change", || target.run(&input));
            Ok(())
        });
        ended.unwrap_or_else(|fault| panic!("{}: {fault}", target.name));
        eprintln!("{}: {} inputs and {changes} changes of them", target.name, inputs.len());
    }
}

/// The files of a target's corpus, in order.
fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|at| at.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds an input", folder.display());
    let read = |path: &std::path::PathBuf| (path.display().to_string(), fs::read(path).unwrap());
    paths.iter().map(read).collect()
}

/// An input with bytes changed, a piece of it repeated elsewhere, a piece of another one put into it, and
/// its end cut off, each perhaps.
fn changed(inputs: &[(String, Vec<u8>)]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let inputs: Vec<Vec<u8>> = inputs.iter().map(|(_, input)| input.clone()).collect();
    let bytes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    let piece = (any::<Index>(), any::<Index>(), any::<Index>(), any::<Index>());
    let cut = prop::option::weighted(0.2, any::<Index>());
    (any::<Index>(), bytes, prop::option::of(piece), cut).prop_map(
        move |(which, bytes, piece, cut)| {
            let mut input = which.get(&inputs).clone();
            if let Some((other, start, length, to)) = piece {
                let other = other.get(&inputs);
                let start = start.index(other.len() + 1);
                let end = (start + length.index(64)).min(other.len());
                let to = to.index(input.len() + 1);
                input.splice(to..to, other[start..end].iter().copied());
            }
            for (at, byte) in bytes {
                if !input.is_empty() {
                    let at = at.index(input.len());
                    input[at] = byte;
                }
            }
            if let Some(cut) = cut {
                input.truncate(cut.index(input.len() + 1));
            }
            input
        },
    )
}

/// Ends the process where an input takes too long: a test that hangs says nothing.
struct Clock {
    steps: Sender<Step>,
    current: std::sync::Arc<Mutex<String>>,
}

struct Step;

impl Clock {
    fn start() -> Self {
        let (steps, received) = channel();
        let current = std::sync::Arc::new(Mutex::new(String::new()));
        let shown = current.clone();
        thread::spawn(move || {
            loop {
                match received.recv_timeout(LONGEST) {
                    Ok(Step) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        eprintln!("{} takes more than {LONGEST:?}", shown.lock().unwrap());
                        std::process::exit(1);
                    }
                }
            }
        });
        Self { steps, current }
    }

    fn limit(&self, target: &FuzzTarget, input: &str, read: impl FnOnce()) {
        *self.current.lock().unwrap() = format!("{} of {input}", target.name);
        self.steps.send(Step).expect("the clock runs");
        read();
    }
}
