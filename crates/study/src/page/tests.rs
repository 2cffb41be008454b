//! The page of the study and the page of a run, of the small runs of the gallery: every figure with its marks,
//! captions, sameness, size, safety.

use std::sync::LazyLock;

use minimascope_record::stability::Verdict;

use super::*;

#[path = "../../examples/study_gallery/paper.rs"]
mod paper;
#[path = "../../../report/src/figures/tests/parsed_svg.rs"]
#[allow(dead_code, reason = "the tests of `report` use the rest")]
mod parsed_svg;
#[path = "../../../report/examples/gallery/sample.rs"]
#[allow(dead_code, reason = "the gallery uses the rest")]
mod sample;

use parsed_svg::ParsedSvg;

fn sample_page() -> String {
    page_of(&sample::runs())
}

/// What every page of the tests shows beside its runs, simulated and read once.
static TOY: LazyLock<(ToyEscape, ToyFigure)> = LazyLock::new(paper::toy);
static SHEETS: LazyLock<Vec<ContactSheet>> = LazyLock::new(sample::sheets);

fn page_of(runs: &[StoredRun]) -> String {
    let toy = Some((&TOY.0, &TOY.1));
    let inputs = StudyInputs { runs, published: &paper::published(), toy, sheets: &SHEETS };
    page(&inputs).to_html()
}

/// Of these runs alone, without the example and without images.
fn bare_page_of(runs: &[StoredRun]) -> String {
    let published = paper::published();
    page(&StudyInputs { runs, published: &published, toy: None, sheets: &[] }).to_html()
}

fn run_page() -> String {
    sample::run_page().to_html()
}

fn run_page_of(run: &StoredRun) -> String {
    let picture = |example: usize| (format!("example {example}"), None);
    minimascope_report::page::run(run, picture).to_html()
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
    let runs = sample::runs();
    let figures = figures(&page_of(&runs));
    let marks = |name: &str| {
        let found = figures.iter().find(|(own, _)| own == name);
        ParsedSvg::read(&found.unwrap_or_else(|| panic!("{name} is missing")).1).marks
    };
    // Runs of plain SGD and GD on clean labels: 2 rates × 3 batch sizes × 2 seeds, and at the second
    // rate 2 more gains with B = 10 and n.
    let plain = 12 + 4;
    assert_eq!(marks("images-fashion-mnist-0"), 24);
    // Where a diagram is published, with B = 10 alone, that batch size and n; and its minimum.
    assert_eq!(marks("diagram"), 2 * (2 + 2) + 1);
    // Four quantities of 6 cells. Rings: B = n at 0.1, a and s.
    assert_eq!(marks("batch-size-architecture"), 4 * 6 + 2);
    assert_eq!(marks("power-law"), plain);
    // Three batch sizes in six quantities.
    assert_eq!(marks("comparison-architecture"), 6 * 3);
    // Runs of SGD, without B = n; two quantities.
    assert_eq!(marks("noise-scale"), 2 * (8 + 2));
    // With Adam and heavy ball.
    assert_eq!(marks("optimizers"), plain + 2);
    // Two levels and the clean cell: 2 optimisers, 4 quantities.
    assert_eq!(marks("corruption-architecture"), 4 * 2 * 3);
    // 2/a and the rectangle for all runs, three criteria for the clean ones of seed 0 and gain 1.
    let (wrong, judged) = (4, 6);
    // A ring for every batch size with two runs: three of the clean labels and, in two criteria, B = 10
    // of the wrong ones.
    let rings = 5 * 3 + 2;
    assert_eq!(marks("margins"), 2 * (plain + wrong) + 3 * judged + rings);
    let run = sample::one_run().run;
    assert!(marks(&format!("plane-{run}")) >= 36);
    assert!(marks(&format!("boundary-{run}")) > 0);
    assert!(marks(&format!("escape-{run}-0-1-2")) > 0);
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
    let mut runs = sample::runs();
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
    let mut runs = sample::runs();
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
    use minimascope_record::outcome::Outcome;
    let mut runs = sample::runs();
    runs[0].result = None;
    runs[1].result.as_mut().unwrap().outcome = Some(Outcome::Dead);
    let page = page_of(&runs);
    assert!(page.contains("1 died, 1 diverged and 1 is not finished."));
    for words in ["dead", "diverged", "not finished"] {
        assert!(page.contains(&format!("<td>{words}</td>")), "{words}");
    }
}

#[test]
fn a_run_that_ended_at_a_limit_is_no_minimum() {
    use minimascope_record::outcome::Outcome;
    let mut runs = sample::runs();
    let minima = |runs: &[StoredRun]| {
        let figures = figures(&page_of(runs));
        let found = figures.iter().find(|(name, _)| name == "power-law").unwrap();
        ParsedSvg::read(&found.1).marks
    };
    let all = minima(&runs);
    let limits = [Outcome::StepLimit, Outcome::TimeLimit];
    let plain = runs.iter_mut().filter(|run| run.config.train.learning_rate == 0.1);
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
    let mut runs = sample::runs();
    runs.retain(|run| run.spectrum.is_none() && run.config.train.learning_rate == 0.1);
    runs.truncate(1);
    runs[0].judged.clear();
    let page = bare_page_of(&runs);
    for command in
        ["escape toy", "--density", "--boundary", "escape RUN", "data fetch", "corrupted"]
    {
        let commands = page.split("<p class=\"missing\">").skip(1);
        assert!(commands.into_iter().any(|text| text.contains(command)), "{command}");
    }
    let mut run = sample::one_run();
    (run.result, run.stability, run.spectrum) = (None, Vec::new(), None);
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
    let mut runs = sample::runs();
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
fn the_distances_count_many_runs_and_list_a_few() {
    let page = sample_page();
    let counted = [": within 3 % of 1 in ", "The tightest of the criteria"];
    for words in counted {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("of them with wrong labels). "));
    let mut runs = sample::runs();
    runs.retain(|run| run.config.initialization.gain == 1.0 && run.config.train.seed == 0);
    runs.truncate(2);
    let page = page_of(&runs);
    for words in counted {
        assert!(!page.contains(words), "{words}");
    }
}

#[test]
fn a_panel_of_the_diagram_names_the_gains_of_its_marks() {
    let mut runs = sample::runs();
    assert!(page_of(&runs).contains("architecture, η = 0.25, gain 0.5, 1 and 1.5"));
    runs.retain(|run| run.config.initialization.gain < 1.2);
    assert!(page_of(&runs).contains("architecture, η = 0.25, gain 0.5 and 1"));
}

#[test]
fn names_under_pictures_are_whole() {
    let sheets = &*SHEETS;
    let of = |sheet: &minimascope_report::figures::contact_sheet::ContactSheet| sheet.corrupted > 0;
    let index = sheets.iter().position(of).unwrap();
    let wanted = format!("images-fashion-mnist-{index}");
    let drawn = figures(&sample_page()).into_iter().find(|(name, _)| *name == wanted);
    let page = ParsedSvg::read(&drawn.unwrap().1);
    let words: Vec<&str> =
        page.texts.iter().flat_map(|text| text.content.split(char::is_whitespace)).collect();
    let count = |word: &str| words.iter().filter(|other| **other == word).count();
    for name in ["pullover", "coat"] {
        let of_name = sheets[index].pictures.iter().filter(|picture| picture.label == name);
        assert_eq!(count(name), of_name.count(), "{name}");
    }
    assert_eq!(count("✗"), sheets[index].corrupted);
}

#[test]
fn a_launch_says_gd_and_wrong_labels_where_they_are() {
    let mut runs = sample::runs();
    let run = runs.iter_mut().find(|run| !run.escapes.is_empty()).unwrap();
    let escape = &mut run.escapes[0];
    escape.batch_size = escape.point.train_examples;
    run.result.as_mut().unwrap().corrupted_examples = (0..20).collect();
    let page = page_of(&runs);
    assert!(page.contains("to GD with η = 0.08") && page.contains("to SGD with η = 0.1, B = 2"));
    assert!(page.contains("examples, 20 wrong labels; predicted"));
}

#[test]
fn a_plane_tells_single_launches_from_cells_that_are_not_as_predicted() {
    use minimascope_record::escape::Explanation;
    let caption = |predicted: Verdict, left: usize| {
        let mut runs = sample::runs();
        let grid = runs.iter_mut().find_map(|run| run.grid.as_mut()).unwrap();
        grid.cells.iter_mut().for_each(|cell| cell.explanation = None);
        let cell = &mut grid.cells[0];
        cell.predicted = predicted;
        cell.explanation = Some(Explanation::Chance);
        let departures = cell.departures.iter_mut().enumerate();
        departures.for_each(|(seed, at)| *at = (seed < left).then_some(20));
        page_of(&runs)
    };
    for (predicted, left, said) in [
        (Verdict::Stays, 0, " Single launches not as predicted: "),
        (Verdict::Stays, 2, " Not as predicted: "),
        (Verdict::NotDecided, 0, " Inside the bracket: "),
    ] {
        let page = caption(predicted, left);
        let all =
            [" Single launches not as predicted: ", " Not as predicted: ", " Inside the bracket: "];
        for words in all {
            assert_eq!(page.contains(words), words == said, "{words} where {said}");
        }
    }
}

#[test]
fn a_launch_that_settles_is_not_said_to_have_gone_elsewhere() {
    use minimascope_record::escape::Fate;
    let mut runs = sample::runs();
    let launches = runs.iter_mut().flat_map(|run| &mut run.escapes).flat_map(|it| &mut it.launches);
    for launch in launches.filter(|launch| launch.fate.has_left()) {
        launch.fate = Fate::Settled;
    }
    let page = page_of(&runs);
    assert!(page.contains("leaves and settles again") && !page.contains("elsewhere"));
}

#[test]
fn the_page_of_a_run_has_its_figures() {
    let names: Vec<String> = figures(&run_page()).into_iter().map(|(name, _)| name).collect();
    for start in ["training", "density", "boundary", "escape"] {
        assert!(names.iter().any(|name| name.starts_with(start)), "{start}: {names:?}");
    }
}
