//! The pages in a real browser: no message on its console, no request, every figure on the page,
//! and pictures that hold text. Where there is no Chromium this says so, and fails under CI.

#[path = "../examples/study_gallery/paper.rs"]
mod paper;
#[path = "../../report/examples/gallery/sample.rs"]
#[allow(dead_code, reason = "the gallery uses the rest")]
mod sample;

use std::path::Path;
use std::process::{Command, Stdio};

use minimascope_study::page::StudyInputs;
use serde_json::Value;

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What the browser is asked about the page, after the page's own script: errors, resources, marks
/// of each figure, the sizes of its SVG and CSV, and how many pixels of its PNG text changes.
const QUESTIONS: &str = r#"<script>
const answers = { errors: [], figures: {} };
addEventListener("error", (event) => answers.errors.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => answers.errors.push("policy: " + event.blockedURI));
async function pixels(svg) {
  const canvas = await rasterized(svg, 1);
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
}
(async () => {
  for (const figure of document.querySelectorAll("figure.exhibit")) {
    const svg = figure.querySelector(".plot > svg");
    const box = svg.getBoundingClientRect();
    const before = await pixels(svg);
    const texts = [...svg.querySelectorAll("text")];
    for (const text of texts) text.style.display = "none";
    const after = await pixels(svg);
    for (const text of texts) text.style.display = "";
    let changed = 0;
    for (let index = 0; index < before.length; index += 4) {
      if (before[index] !== after[index]) changed += 1;
    }
    let letters = 0;
    for (const text of texts) letters += text.textContent.length;
    answers.figures[figure.dataset.name] = {
      marks: svg.querySelectorAll(".mm-series .mm-mark, .mm-series path, .mm-series line").length,
      width: box.width, height: box.height, letters, changed,
      svg: standalone(svg).length, lines: commaSeparated(figure).split("\n").length,
      buttons: figure.querySelectorAll("button").length,
    };
  }
  answers.resources = performance.getEntriesByType("resource").map((entry) => entry.name)
    .filter((name) => !name.startsWith("blob:") && !name.startsWith("data:"));
  answers.wide = document.documentElement.scrollWidth - innerWidth;
  const text = document.createElement("pre");
  text.id = "answers";
  text.textContent = JSON.stringify(answers);
  document.body.append(text);
})().catch((error) => { answers.errors.push(String(error)); });
</script>
</body>"#;

fn chromium() -> Option<&'static str> {
    let found = NAMES.into_iter().find(|name| {
        let mut version = Command::new(name);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    });
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "Chromium is missing; .ci/run installs it");
        eprintln!("not tested in a browser: Chromium is missing");
    }
    found
}

/// The browser's DOM of a page and what it wrote to its console, in a window of this width.
fn opened(program: &str, page: &Path, width: u32, dark: bool) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--virtual-time-budget=60000",
        "--dump-dom",
    ]);
    command.arg(format!("--window-size={width},900"));
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    if dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    let output = command.arg(format!("file://{}", page.display())).output().unwrap();
    let [dom, console] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (dom, console)
}

#[test]
fn pages_in_a_browser() {
    let Some(program) = chromium() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (runs, sheets) = (sample::runs(), sample::sheets());
    let ((record, toy), published) = (paper::toy(), paper::published());
    let toy = Some((&record, &toy));
    let study = StudyInputs { runs: &runs, published: &published, toy, sheets: &sheets };
    let pages = [
        ("study", minimascope_study::page::page(&study).to_html(), 1280),
        ("folder", sample::folder_page().to_html(), 1280),
        ("run", sample::run_page().to_html(), 800),
    ];
    for ((name, html, width), dark) in pages.iter().flat_map(|page| [(page, false), (page, true)]) {
        let figures = html.matches("<figure class=\"exhibit\"").count();
        let path = folder.path().join(format!("{name}.html"));
        std::fs::write(&path, html.replacen("</body>", QUESTIONS, 1)).unwrap();
        let (dom, console) = opened(program, &path, *width, dark);
        let said: Vec<&str> = console.lines().filter(|line| line.contains("CONSOLE")).collect();
        assert!(said.is_empty(), "{name}: {said:?}");
        let answers = dom.split("<pre id=\"answers\">").nth(1).unwrap_or_else(|| {
            panic!("{name}: the browser did not answer: {console}");
        });
        let answers = answers.split("</pre>").next().unwrap();
        let answers = answers.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let answers: Value = serde_json::from_str(&answers).unwrap();
        assert_eq!(answers["errors"], Value::Array(vec![]), "{name}");
        assert_eq!(answers["resources"], Value::Array(vec![]), "{name}");
        assert!(answers["wide"].as_f64().unwrap() <= 0.0, "{name} is wider than its window");
        let seen = answers["figures"].as_object().unwrap();
        assert_eq!(seen.len(), figures, "{name}: two figures have one name");
        for (figure, seen) in seen {
            let number = |key: &str| seen[key].as_f64().unwrap();
            assert!(number("marks") > 0.0, "{name}, {figure}: nothing is drawn");
            assert!(
                number("width") > 300.0 && number("height") > 100.0,
                "{name}, {figure}: {seen}"
            );
            // A letter of 11 pixels has over four pixels of ink.
            assert!(
                number("changed") > 4.0 * number("letters") && number("letters") > 20.0,
                "{name}, {figure}: the PNG has no text: {seen}"
            );
            assert!(number("lines") > 2.0, "{name}, {figure}: the CSV is empty");
            assert_eq!(number("buttons"), 3.0, "{name}, {figure}");
        }
    }
}
