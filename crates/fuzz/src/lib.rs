//! Fuzz targets: one function for each reader of outside bytes. A fuzzer and the tests call the same
//! functions: `libfuzzer/` runs them under libFuzzer, `tests/corpus.rs` on the inputs of `corpus/` and on
//! changes of them. `docs/reliability.md` has the counts.
//!
//! A target fails if a reader panics, if it takes more memory than [`FuzzTarget::run`] allows for the length of
//! its input, or if what it accepted and wrote again does not read as the same. A reader that hangs is
//! found by the limit of time of whoever calls.
//!
//! Where one target has several inputs, the first bytes of its input say which: the module `input` cuts them off.

mod command_line;
mod configuration;
mod images;
mod input;
mod parameters;
mod records;
mod slurm;

pub use parameters::NETWORK;

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Memory for buffers of a fixed size and for tables that are made at first use.
const FIXED_MEMORY: usize = 4 << 20;

/// A reader of outside bytes.
#[derive(Debug)]
pub struct FuzzTarget {
    /// What it reads.
    pub name: &'static str,
    /// The longest input that is worth trying.
    pub longest: usize,
    /// Bytes of memory that a reader may take for a byte of its input.
    memory_per_byte: usize,
    read: fn(&[u8]),
}

/// Every reader of outside bytes.
pub static TARGETS: &[FuzzTarget] = &[
    images::IDX,
    images::CIFAR,
    images::NPY,
    images::NPZ,
    parameters::PARAMETERS,
    parameters::CHECKPOINT,
    configuration::RUN,
    configuration::ARCHITECTURE,
    configuration::SWEEP,
    records::RECORD,
    records::TRACE,
    slurm::QUEUE,
    slurm::JOB,
    command_line::NUMBER,
    command_line::ASSIGNMENT,
];

impl FuzzTarget {
    /// Reads the input.
    ///
    /// # Panics
    /// If the reader is at fault. Memory is counted for the whole process: one input at a time.
    pub fn run(&self, input: &[u8]) {
        let held = ALLOCATOR.current_usage();
        ALLOCATOR.reset_peak_usage();
        (self.read)(input);
        let most = ALLOCATOR.peak_usage().saturating_sub(held);
        let allowed = FIXED_MEMORY + self.memory_per_byte * input.len();
        assert!(
            most <= allowed,
            "{} took {most} bytes of memory for {} bytes of input, the most is {allowed}",
            self.name,
            input.len()
        );
    }
}
