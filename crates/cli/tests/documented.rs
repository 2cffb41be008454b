//! The examples of docs/cli.md.

#[test]
fn examples_print_what_the_page_says() {
    trycmd::TestCases::new()
        .register_bin(
            "minimascope",
            std::path::Path::new(assert_cmd::cargo::cargo_bin!("minimascope")),
        )
        .case("../../docs/cli.md");
}
