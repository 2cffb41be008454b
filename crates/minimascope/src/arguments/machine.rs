//! Threads and memory.

use std::num::NonZeroUsize;

use clap::Args;
use minimascope_experiment::machine::Machine;

/// What of the machine is used. Changes no bit of what is trained or measured; with less memory the
/// exact threshold rests on fewer directions.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct MachineArguments {
    /// Threads [default: all processors].
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Memory for the activations of a run and for directions of curvature, such as 512M or 4G [default: 1G; for
    /// stability without --quick half of the machine's].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory: Option<usize>,
}

/// Bytes of activations kept, unless the user says otherwise.
const ACTIVATIONS: usize = 1 << 30;

impl MachineArguments {
    /// The machine, with its threads started.
    pub(crate) fn start(self) -> Machine {
        if let Some(threads) = self.threads.filter(|threads| threads.get() <= 1024) {
            // Vectors of spectra are worked on by the default pool. Where it cannot be had with so
            // many threads, the passes' own pool says so. More than 1024 are refused there.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
            let _ = pool.build_global();
        }
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        Machine {
            threads: self.threads.map_or_else(available, usize::from),
            memory_bytes: self.memory.unwrap_or(ACTIVATIONS),
        }
    }

    /// The machine for a question about all directions of curvature at once, where they fit.
    pub(crate) fn start_for_every_direction(self) -> Machine {
        let half = || memory_of_the_machine().map_or(ACTIVATIONS, |bytes| bytes / 2);
        Self { memory: self.memory.or_else(|| Some(half())), ..self }.start()
    }
}

/// Where the system says it: Linux.
fn memory_of_the_machine() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? << 10)
}

/// Bytes from a number with K, M or G (powers of 1024; B, iB may follow).
fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_uppercase().trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err("write a number with K, M or G, such as 512M".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "write a number such as 512M or 4G".to_owned())?;
    let bytes = number * (1_u64 << shift) as f64;
    // 2⁴⁸ bytes are more than any machine addresses.
    if bytes >= 1.0 && bytes < 2_f64.powi(48) {
        Ok(bytes as usize)
    } else {
        Err("it must be at least one byte and below 256T".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("512M"), Ok(512 << 20));
        assert_eq!(parse_size("1.5GiB"), Ok(3 << 29));
        assert_eq!(parse_size("4096"), Ok(4096));
        for text in ["", "G", "-1G", "0", "1X", "1e99"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
