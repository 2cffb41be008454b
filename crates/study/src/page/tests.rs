//! The page of the study and the page of a run, with sample records: every figure with its marks,
//! captions, sameness, size, safety.

use minimascope_record::stability::Verdict;

use super::*;

#[path = "../../examples/study_gallery/paper.rs"]
mod paper;
#[path = "../../../report/src/figures/tests/parsed_svg.rs"]
#[allow(dead_code, reason = "the tests of `report` use the rest")]
mod parsed_svg;
#[path = "../../../report/examples/gallery/sample/mod.rs"]
#[allow(dead_code, reason = "the gallery uses the rest")]
mod sample;

use parsed_svg::ParsedSvg;

fn sample_page() -> String {
    page_of(&sample::stored_runs::runs())
}

fn page_of(runs: &[StoredRun]) -> String {
    let (record, toy) = (paper::toy_record(), paper::toy());
    let (published, sheets) = (paper::published(), sample::stored_runs::sheets());
    let toy = Some((&record, &toy));
    let inputs = StudyInputs { runs, published: &published, toy, sheets: &sheets };
    page(&inputs).to_html().unwrap()
}

/// Of these runs alone, without the example and without images.
fn bare_page_of(runs: &[StoredRun]) -> String {
    let published = paper::published();
    page(&StudyInputs { runs, published: &published, toy: None, sheets: &[] }).to_html().unwrap()
}

fn run_page() -> String {
    run_page_of(&sample::stored_runs::one_run())
}

fn run_page_of(run: &StoredRun) -> String {
    let picture = |example: usize| (format!("example {example}"), None);
    minimascope_report::page::run(run, picture).to_html().unwrap()
}

/// Every figure's name and its SVG.
fn figures(page: &str) -> Vec<(String, String)> {
    let parts = page.split("<figure class=\"exhibit\"").skip(1);
    let figure = |part: &str| {
        let name = part.split("data-name=\"").nth(1).unwrap().split('"').next().unwrap();
        let start = part.find("<svg").unwrap();
        let end = part.find("</figcaption>").unwrap();
        let svg = &part[start..end];
        (name.to_owned(), svg[..svg.rfind("</svg>").unwrap() + 6].to_owned())
    };
    parts.map(figure).collect()
}

#[test]
fn every_figure_of_the_study_has_its_marks() {
    let runs = sample::stored_runs::runs();
    let figures = figures(&page_of(&runs));
    let marks = |name: &str| {
        let found = figures.iter().find(|(own, _)| own == name);
        ParsedSvg::read(&found.unwrap_or_else(|| panic!("{name} is missing")).1).marks
    };
    // Runs of plain SGD and GD on clean labels: 3 rates × 3 batch sizes × 3 seeds, and at the last
    // rate 3 gains × 4 batch sizes, of which gain 1 with B = 10 and n is there already.
    let plain = 27 + 12 - 2;
    assert_eq!(marks("images-fashion-mnist-0"), 24);
    // At the diagram's rate 9 of the first and 10 of the second; where a diagram is published, with
    // B = 10 alone, that batch size and n: 3 seeds and 2 more gains of each; and its minimum.
    assert_eq!(marks("diagram"), 2 * (3 + 2) + 1 + (9 + 10));
    // Cells: 9 and, at the last rate, B = 4 and 25; four quantities. Rings: B = n at 0.1, a and s.
    assert_eq!(marks("batch-size-fashion-mnist-fnn"), 4 * 11 + 2);
    assert_eq!(marks("batch-size-cifar10-vgg"), 4 * 11);
    assert_eq!(marks("power-law"), 2 * plain);
    // Five batch sizes in six quantities.
    assert_eq!(marks("comparison-fashion-mnist-fnn"), 6 * 5);
    // 2 × (27 − 9 + 12 − 3 − 1) runs of SGD: without B = n; two quantities.
    let sgd = 18 + 9 - 1;
    assert_eq!(marks("noise-scale"), 2 * 2 * sgd);
    assert_eq!(marks("optimizers"), 2 * (plain + 2));
    // Three levels and, at η = 0.5, the clean cell: 2 optimisers, 4 quantities.
    assert_eq!(marks("corruption-fashion-mnist-fnn"), 4 * 2 * 4);
    // 2/a and the rectangle for all runs, three criteria for those of seed 0.
    let wrong = 6;
    let seed_0 = 2 * (9 + 12 - 2) + wrong;
    // A ring for five batch sizes of each clean network and B = 100 of the corrupted one, in five
    // criteria; at one the deviation reaches the mean.
    let rings = 5 * (2 * 5 + 1) - 1;
    assert_eq!(marks("margins"), 2 * (2 * plain + wrong) + 3 * seed_0 + rings);
    assert!(marks("plane-fashi-0-1-0-0-1-0-") >= 36);
    assert!(marks("boundary-fashi-0-1-0-0-1-0-") > 0);
    assert!(marks("escape-fashi-0-1-0-0-1-0--0-1-4") > 0);
    assert!(marks("toy") > 0);
    assert!(figures.iter().any(|(name, _)| name.starts_with("density-")));
    assert!(!sample_page().contains("class=\"missing\">The spectral"));
}

#[test]
fn texts_of_every_figure_lie_on_it_and_apart() {
    for page in [sample_page(), run_page()] {
        for (name, svg) in figures(&page) {
            let page = ParsedSvg::read(&svg);
            for (index, text) in page.texts.iter().enumerate() {
                let [left, top, right, bottom] = text.bounds;
                assert!(
                    left >= 0.0 && top >= 0.0 && right <= page.width && bottom <= page.height,
                    "{name}: {text:?}"
                );
                for other in &page.texts[..index] {
                    assert!(!text.overlaps(other), "{name}: {text:?} {other:?}");
                }
            }
        }
    }
}

#[test]
fn every_caption_says_theory_measurement_and_runs() {
    for page in [sample_page(), run_page()] {
        let captions: Vec<&str> = page.split("<figcaption>").skip(1).collect();
        assert!(captions.len() > 1);
        for caption in captions {
            let caption = caption.split("</figcaption>").next().unwrap();
            for part in ["Theory", "Measured", "Runs"] {
                let head = format!("<span class=\"part\">{part}</span> <span>");
                let text = caption.split(&head).nth(1).unwrap_or_default();
                assert!(text.split("</span>").next().unwrap().len() > 20, "{part}: {caption}");
            }
        }
    }
}

#[test]
fn the_same_records_give_the_same_bytes_in_under_three_megabytes() {
    let page = sample_page();
    assert!(page == sample_page(), "two pages of the same records differ");
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    // Five seeds of everything, as the paper's preset has.
    let mut runs = sample::stored_runs::runs();
    let more: Vec<StoredRun> = runs.clone();
    for seed in 10..14 {
        runs.extend(more.iter().cloned().map(|mut run| {
            run.run = format!("{}-{seed}", run.run);
            run.config.train.seed = seed;
            if let Some(result) = &mut run.result {
                result.seed = seed;
            }
            run
        }));
    }
    let page = page_of(&runs);
    assert!(page.len() < 3_000_000, "{} bytes for {} runs", page.len(), runs.len());
}

#[test]
fn a_page_asks_for_nothing() {
    for page in [sample_page(), run_page()] {
        let bare = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        assert!(!bare.contains("http:") && !bare.contains("https:") && !bare.contains("//www"));
        assert!(!bare.contains("@import") && !bare.contains("url(") && !bare.contains("<link"));
        for (attribute, allowed) in [(" src=\"", "data:"), (" href=\"", "#")] {
            for part in bare.split(attribute).skip(1) {
                assert!(part.starts_with(allowed) || part.starts_with("data:"), "{attribute}");
            }
        }
    }
}

#[test]
fn names_cannot_break_out_of_the_page() {
    let mut runs = sample::stored_runs::runs();
    let evil = "</script><script>alert(1)</script>\"'&<b>";
    for run in &mut runs {
        run.error = Some(evil.into());
        if let Some(result) = &mut run.result {
            result.model = evil.into();
            result.data = evil.into();
        }
    }
    let page = page_of(&runs);
    assert!(!page.contains("<script>alert") && !page.contains("\"'&<b>"));
    // The page's own script, and one of data for each figure.
    let scripts = page.matches("<script").count();
    assert_eq!(scripts, 1 + page.matches("class=\"data\"").count());
    assert_eq!(page.matches("</script>").count(), scripts);
}

#[test]
fn runs_that_came_to_nothing_are_listed() {
    let page = sample_page();
    assert!(page.contains("1 died, 1 diverged, 0 failed and 1 are not finished"));
    for words in ["dead", "diverged", "not finished"] {
        assert!(page.contains(&format!("<td>{words}</td>")), "{words}");
    }
}

#[test]
fn a_run_that_ended_at_a_limit_is_no_minimum() {
    use minimascope_record::outcome::Outcome;
    let mut runs = sample::stored_runs::runs();
    let minima = |runs: &[StoredRun]| {
        let figures = figures(&page_of(runs));
        let found = figures.iter().find(|(name, _)| name == "power-law").unwrap();
        ParsedSvg::read(&found.1).marks
    };
    let all = minima(&runs);
    let limits = [Outcome::StepLimit, Outcome::TimeLimit];
    let plain = runs.iter_mut().filter(|run| run.run.starts_with("fashi-0.05"));
    for (run, limit) in plain.zip(limits) {
        run.result.as_mut().unwrap().outcome = Some(limit);
    }
    assert_eq!(minima(&runs), all - 2);
    // Without a rule on the loss the limit is what was asked for.
    let mut without = runs.clone();
    for run in &mut without {
        run.config.train.stop.average_batch_loss_below = None;
    }
    assert_eq!(minima(&without), all - 1);
    let page = page_of(&runs);
    assert!(page.contains("2 ended at a limit"));
    assert!(page.contains("<td>step limit</td>") && page.contains("<td>time limit</td>"));
}

#[test]
fn what_is_missing_is_said_with_the_command_that_makes_it() {
    let mut runs = sample::stored_runs::runs();
    runs.truncate(1);
    runs[0].judged.clear();
    let page = bare_page_of(&runs);
    for command in
        ["escape toy", "--density", "--boundary", "escape RUN", "data fetch", "corrupted"]
    {
        let commands = page.split("<p class=\"missing\">").skip(1);
        assert!(commands.into_iter().any(|text| text.contains(command)), "{command}");
    }
    let mut run = sample::stored_runs::one_run();
    (run.result, run.stability, run.spectrum) = (None, None, None);
    run.steps.clear();
    run.curvature.clear();
    run.judged.clear();
    run.escapes.clear();
    let page = run_page_of(&run);
    assert_eq!(page.matches("class=\"missing\"").count(), 5);
    runs.clear();
    assert!(!bare_page_of(&runs).is_empty());
}

#[test]
fn a_launch_that_has_not_begun_is_in_the_table_alone() {
    let mut runs = sample::stored_runs::runs();
    for escape in runs.iter_mut().flat_map(|run| &mut run.escapes) {
        escape.launches.truncate(1);
        escape.launches[0].course.clear();
        escape.launches[0].end = None;
    }
    let page = page_of(&runs);
    assert!(!figures(&page).iter().any(|(name, _)| name.starts_with("escape-")));
    assert!(page.contains("Launches from minima"));
}

#[test]
fn the_distances_say_of_each_criterion_whether_sgd_is_at_its_threshold() {
    let page = sample_page();
    for words in ["Is SGD at a threshold?", ": not at it, from ", "The tightest of the criteria"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("of them with wrong labels). "));
}

#[test]
fn a_panel_of_the_diagram_names_the_gains_of_its_marks() {
    let mut runs = sample::stored_runs::runs();
    runs.retain(|run| run.config.initialization.gain < 1.2 || !run.run.starts_with("cifar"));
    let page = page_of(&runs);
    for title in
        ["fashion-mnist-fnn, η = 0.5, gain 0.5, 1 and 1.5", "cifar10-vgg, η = 0.1, gain 0.5 and 1"]
    {
        assert!(page.contains(title), "{title}");
    }
}

#[test]
fn names_under_pictures_are_whole() {
    let sheet = figures(&sample_page()).into_iter().find(|(name, _)| name.starts_with("images"));
    let page = ParsedSvg::read(&sheet.unwrap().1);
    let words: Vec<&str> =
        page.texts.iter().flat_map(|text| text.content.split(char::is_whitespace)).collect();
    let count = |word: &str| words.iter().filter(|other| **other == word).count();
    // Of 24 pictures with three names in turn 12 are marked; and the sentence that explains it.
    assert_eq!((count("ankle"), count("boot"), count("top"), count("bag")), (8, 8, 8, 8));
    assert_eq!(count("✗"), 12);
}

#[test]
fn a_launch_says_gd_and_wrong_labels_where_they_are() {
    let mut runs = sample::stored_runs::runs();
    let run = runs.iter_mut().find(|run| !run.escapes.is_empty()).unwrap();
    let escape = &mut run.escapes[0];
    escape.batch_size = escape.minimum.train_examples;
    run.result.as_mut().unwrap().corrupted_examples = (0..200).collect();
    let page = page_of(&runs);
    assert!(page.contains("to GD with η = 0.1") && page.contains("to SGD with η = 0.1, B = 100"));
    assert!(page.contains("examples, 200 wrong labels; predicted"));
}

#[test]
fn a_plane_tells_single_launches_from_cells_that_are_not_as_predicted() {
    use minimascope_record::escape::{Cell, Explanation};
    let caption = |wanted: fn(&Cell) -> bool, left: Option<u64>| {
        let mut runs = sample::stored_runs::runs();
        let grid = runs.iter_mut().find_map(|run| run.grid.as_mut()).unwrap();
        let cell = grid.cells.iter_mut().find(|cell| wanted(cell)).unwrap();
        cell.explanation = Some(Explanation::Chance);
        cell.left = left.unwrap_or(cell.left);
        page_of(&runs)
    };
    let stays = |cell: &Cell| cell.predicted == Verdict::Stays;
    for (wanted, left, said) in [
        (stays as fn(&Cell) -> bool, None, " Single launches not as predicted: "),
        (stays, Some(2), " Not as predicted: "),
        (|cell| cell.predicted == Verdict::NotDecided, None, " Inside the bracket: "),
    ] {
        let page = caption(wanted, left);
        let all =
            [" Single launches not as predicted: ", " Not as predicted: ", " Inside the bracket: "];
        for words in all {
            assert_eq!(page.contains(words), words == said, "{words} where {said}");
        }
    }
}

#[test]
fn a_launch_that_settles_is_not_said_to_have_gone_elsewhere() {
    let page = sample_page();
    assert!(page.contains("leaves and settles again") && !page.contains("elsewhere"));
}

#[test]
fn the_page_of_a_run_has_its_figures() {
    let names: Vec<String> = figures(&run_page()).into_iter().map(|(name, _)| name).collect();
    for start in ["training", "density", "boundary", "escape"] {
        assert!(names.iter().any(|name| name.starts_with(start)), "{start}: {names:?}");
    }
}
