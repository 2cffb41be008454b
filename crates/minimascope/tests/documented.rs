//! The examples of docs/cli.md.

use std::path::Path;

#[test]
fn examples_print_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let program = Path::new(assert_cmd::cargo::cargo_bin!("minimascope"));
    // What the examples write goes where nobody looks; this is the only test of its process.
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(folder.path()).unwrap();
    trycmd::TestCases::new().register_bin("minimascope", program).case(page).run();
}
