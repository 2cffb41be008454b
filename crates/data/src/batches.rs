//! The training batches of CIFAR-10 in a folder: `data_batch_1.bin`, `data_batch_2.bin`, …

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::layout::one_of;
use crate::stream::unreadable;

/// An error names at most so many missing batches.
const MOST_NAMED: usize = 8;

/// CIFAR-10's training batches in the order of their numbers, from 1 (or 0, where it is there).
///
/// # Errors
/// [`Error::Incomplete`] for a gap; [`Error::Unreadable`].
pub(crate) fn numbered(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let name = |number: u32| format!("data_batch_{number}.bin");
    let there = names_by_number(folder)?;
    let Some((&last, present)) = there.last_key_value() else { return Ok(Vec::new()) };
    let (mut batches, mut missing) = (Vec::new(), Vec::new());
    for number in u32::from(!there.contains_key(&0))..=last {
        match one_of(folder, &name(number)) {
            Some(batch) => batches.push(batch),
            None => missing.push(name(number)),
        }
        // A damaged name may have any number.
        if missing.len() == MOST_NAMED {
            break;
        }
    }
    if missing.is_empty() {
        return Ok(batches);
    }
    Err(Error::Incomplete { folder: folder.to_owned(), present: present.clone(), missing })
}

/// The numbers of `data_batch_….bin`, plain or gzip, with the names of the files.
fn names_by_number(folder: &Path) -> Result<BTreeMap<u32, String>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(fault) if matches!(fault.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(BTreeMap::new());
        }
        Err(fault) => return Err(unreadable(folder)(fault)),
    };
    let mut numbers = BTreeMap::new();
    for entry in entries {
        let name = entry.map_err(unreadable(folder))?.file_name();
        let name = name.to_string_lossy();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        let number = plain.strip_prefix("data_batch_").and_then(|rest| rest.strip_suffix(".bin"));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            numbers.insert(number, name.into_owned());
        }
    }
    Ok(numbers)
}
