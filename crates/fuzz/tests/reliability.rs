//! `docs/reliability.md` names only tests and targets that exist, and every target.

use std::fs;
use std::path::{Path, PathBuf};

use minimascope_fuzz::TARGETS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/reliability.md")).unwrap()
}

/// The files of Rust below a folder, in one text.
fn source(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            source(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// Of the table with this heading, the cells of a column without their backquotes.
fn column(page: &str, heading: &str, column: usize) -> Vec<String> {
    let table = page.split_once(heading).unwrap_or_else(|| panic!("{heading} is there")).1;
    let rows = table.lines().skip_while(|line| !line.starts_with('|'));
    let rows = rows.take_while(|line| line.starts_with('|')).skip(2);
    let cells = rows.map(|row| row.split('|').nth(column).unwrap().to_owned());
    cells.collect()
}

#[test]
fn every_promise_names_tests_that_exist() {
    let mut text = String::new();
    source(&root().join("crates"), &mut text);
    let cells = column(&page(), "## Promises", 2);
    assert!(cells.len() > 10, "the table of promises is read");
    for cell in cells {
        let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "a promise has a test: {cell}");
        for test in tests {
            assert!(text.contains(&format!("fn {test}(")), "there is no test {test}");
        }
    }
}

#[test]
fn every_target_has_its_count() {
    let counted = column(&page(), "## Fuzzing", 1);
    let named: Vec<&str> = counted.iter().map(|cell| cell.trim().trim_matches('`')).collect();
    let targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(named, targets);
}
