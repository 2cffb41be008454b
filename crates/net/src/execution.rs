//! The threads and the memory budget of an evaluator.

use std::sync::Arc;

use crate::Error;

/// More threads than any machine of today has processors, and few enough to start.
const MOST_THREADS: usize = 1024;

/// The threads that passes run on, and the memory they may keep. Neither changes a bit of any
/// result.
#[derive(Clone, Debug)]
pub struct Execution {
    pool: Arc<rayon::ThreadPool>,
    memory: usize,
    taken: usize,
}

impl Execution {
    /// `threads` of them (0: as many as the machine has), and a budget in bytes for everything
    /// that an [`crate::Evaluator`] holds and what is declared by [`Execution::beside`].
    ///
    /// # Errors
    /// [`Error::Setting`] for more than 1,024 threads, or when the machine refuses to start them.
    pub fn new(threads: usize, memory: usize) -> Result<Self, Error> {
        if threads > MOST_THREADS {
            return Err(Error::Setting {
                key: "threads",
                value: threads.to_string(),
                reason: format!("it must be at most {MOST_THREADS}; 0 takes every processor"),
            });
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Error::Setting {
            key: "threads",
            value: threads.to_string(),
            reason: format!("the threads could not be started: {error}"),
        })?;
        Ok(Self { pool: Arc::new(pool), memory, taken: 0 })
    }

    /// The same threads and budget with `bytes` more of it taken by something else: the images that
    /// the examples were made from, training, a basis of vectors. Evaluators keep to the rest.
    pub fn beside(&self, bytes: usize) -> Self {
        Self { taken: self.taken + bytes, ..self.clone() }
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The budget in bytes.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// Bytes of the budget that others take.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Runs `work` on these threads.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
}
