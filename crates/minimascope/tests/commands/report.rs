//! `report`: pages of a folder of runs and of one run.

use std::fs;

use crate::program::{Fixture, Place, text};

fn page(place: &Place, words: &[&str], out: &str) -> String {
    place.stdout(&[&["report"], words, &["--out", out]].concat());
    fs::read_to_string(place.path().join(out)).unwrap()
}

#[test]
fn the_same_runs_give_the_same_page() {
    let (place, _) = Place::with_run(Fixture::Tiny);
    place.add(Fixture::Minimum);
    let out = place.output(&["report", "--out", "first.html"]);
    assert!(out.status.success() && out.stdout.is_empty(), "{}", text(&out.stderr));
    assert!(text(&out.stderr).starts_with("written: first.html"), "{}", text(&out.stderr));
    let first = fs::read_to_string(place.path().join("first.html")).unwrap();
    assert!(first == page(&place, &["runs"], "second.html"), "two pages of the same runs differ");
    assert!(first.len() < 3_000_000, "{}", first.len());
    for figure in ["figure-images-fashion-mnist-0", "figure-diagram", "figure-margins"] {
        assert!(first.contains(&format!("id=\"{figure}\"")), "{figure}");
    }
    // None of the runs is of the study.
    assert!(!first.contains("id=\"figure-toy\"") && !first.contains("Published values"));
    let without_name = first.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    assert!(!without_name.contains("http://") && !without_name.contains("https://"));
}

#[test]
fn a_run_of_the_study_makes_the_page_of_the_study() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    let config = place.run_folder(&id).join("config.toml");
    let mut words: toml::Table = toml::from_str(&fs::read_to_string(&config).unwrap()).unwrap();
    let preset = toml::from_str("preset = \"fashion-mnist-fnn\"").unwrap();
    words.insert("model".to_owned(), toml::Value::Table(preset));
    fs::write(&config, toml::to_string(&words).unwrap()).unwrap();
    let page = page(&place, &["runs"], "study.html");
    for part in ["id=\"figure-toy\"", "Published values beside ours"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn every_figure_is_a_file_too() {
    let (place, _) = Place::with_run(Fixture::Tiny);
    let page = page(&place, &["--figures", "a folder/figures"], "study.html");
    let folder = place.path().join("a folder/figures");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let name = |part: &str| part.split("data-name=\"").nth(1)?.split('"').next().map(str::to_owned);
    let mut shown: Vec<String> = page
        .split("<figure class=\"exhibit\"")
        .skip(1)
        .map(|part| format!("{}.svg", name(part).unwrap()))
        .collect();
    shown.sort();
    assert_eq!(names, shown);
    for name in names {
        let svg = fs::read_to_string(folder.join(&name)).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{name}");
    }
}

#[test]
fn what_commands_saved_is_shown_beside_its_run() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    let before = page(&place, &[&id], "run.html");
    assert!(before.contains("id=\"figure-training\""));
    for command in ["stability ID --boundary --attribution", "measure ID --density --top 10"] {
        let command = format!("minimascope {}</code>", command.replace("ID", &id));
        assert!(before.contains(&command), "{command}");
    }
    place.stdout(&["stability", &id, "--boundary", "--attribution", "2", "--quick"]);
    place.stdout(&["measure", &id, "--density", "--top", "2"]);
    let after = page(&place, &[place.run_folder(&id).to_str().unwrap()], "run.html");
    assert_shown(&after, &["boundary", "attribution", "density"]);
    assert_shown(&page(&place, &["runs"], "study.html"), &["boundary-"]);
}

/// The page has figures whose identifiers begin so.
fn assert_shown(page: &str, figures: &[&str]) {
    for figure in figures {
        assert!(page.contains(&format!("id=\"figure-{figure}")), "{figure}");
    }
}

/// Earlier versions asked for these files at the top of the run's folder.
#[test]
fn what_an_earlier_version_printed_is_shown_too() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    for (name, record) in [
        ("stability.json", include_str!("../../../record/tests/version-1/stability.json")),
        ("spectrum.json", include_str!("../../../record/tests/version-1/spectrum.json")),
    ] {
        assert!(record.contains("\"schema_version\": 1"), "{name}");
        fs::write(place.run_folder(&id).join(name), record).unwrap();
    }
    assert_shown(&page(&place, &[&id], "run.html"), &["boundary", "attribution", "density"]);
    assert_shown(&page(&place, &["runs"], "study.html"), &["boundary-"]);
}

/// Where two questions have the same figure, the page is that of the whole answer, byte for byte; in
/// whichever order they were asked.
#[test]
fn a_run_that_an_error_ended_is_listed() {
    let (place, id) = Place::with_run(Fixture::Tiny);
    let run = place.run_folder(&id);
    let config: toml::Value =
        toml::from_str(&fs::read_to_string(run.join("config.toml")).unwrap()).unwrap();
    let failure = serde_json::json!({
        "schema_version": 2, "run": "feed", "error": "the disk is <full>", "attempts": 1,
        "failed": 1_700_000_000, "configuration": config,
    });
    fs::create_dir(place.path().join("runs/failed")).unwrap();
    place.write("runs/failed/feed.json", failure.to_string());
    let page = page(&place, &["runs"], "study.html");
    assert!(page.contains("<td>failed: the disk is &lt;full&gt;</td>"));
}

#[test]
fn a_folder_without_runs_and_a_damaged_record_are_named() {
    let place = Place::new();
    for (folder, words) in [("nowhere", "nowhere cannot be read"), (".", "there is no run at .")] {
        let out = place.output(&["report", folder]);
        assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
        assert!(text(&out.stderr).contains(words), "{}", text(&out.stderr));
        assert!(!place.path().join("report.html").exists());
    }
    let id = place.add(Fixture::Tiny);
    let folder = place.run_folder(&id);
    fs::create_dir(folder.join("stability")).unwrap();
    // A command that was killed while its output was redirected left an empty file: no answer.
    fs::write(folder.join("stability.json"), "").unwrap();
    place.stdout(&["report", "runs"]);
    for name in ["stability.json", "stability/x.json"] {
        fs::write(folder.join(name), "{").unwrap();
        for target in ["runs", &id] {
            let out = place.output(&["report", target, "--out", "damaged.html"]);
            let said = text(&out.stderr);
            assert_eq!(out.status.code(), Some(1), "{said}");
            assert!(said.contains(&format!("{id}/{name} is damaged")), "{said}");
            assert!(!place.path().join("damaged.html").exists());
        }
        fs::remove_file(folder.join(name)).unwrap();
    }
}
