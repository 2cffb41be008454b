//! What of the machine is used.

use minimascope_net::Execution;

use crate::Error;

/// Threads and memory. They change no bit of any result.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Threads.
    pub threads: usize,
    /// Bytes for activations, and for factors with their eigenproblems.
    pub memory_bytes: usize,
}

impl Machine {
    /// The threads, started.
    ///
    /// # Errors
    /// [`Error::Net`] if the machine refuses them.
    pub fn execution(&self) -> Result<Execution, Error> {
        Ok(Execution::new(self.threads, self.memory_bytes)?)
    }
}
