//! Every key of the record of `reproduce --json` stands in docs/records.md.

#[path = "../../record/tests/schema_words/mod.rs"]
mod schema_words;

use minimascope_study::reproduction::Reproduction;
use schema_words::words;
use schemars::schema_for;

#[test]
fn every_key_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/records.md");
    let page = std::fs::read_to_string(page).unwrap();
    for word in words(&schema_for!(Reproduction).into()) {
        assert!(page.contains(&format!("`{word}`")), "`{word}` is not in docs/records.md");
    }
}
