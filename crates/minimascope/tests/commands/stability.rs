//! `stability`: one question a form of the command, and orders that always hold.

use crate::program::{Fixture, Place, id_of};
use crate::thresholds::{assert_thresholds, bracket, critical, number, threshold};

#[test]
fn one_question_a_form_of_the_command() {
    let (place, id) = Place::with_run(Fixture::Minimum);
    let id = id.as_str();
    let ask =
        |words: &[&str]| place.json(&[&["stability", id, "--quick", "--json"][..], words].concat());

    let own = ask(&[]);
    assert_eq!(own["schema_version"], 2);
    assert_eq!((&own["batch_size"], &own["learning_rate"]), (&40.into(), &0.5.into()));
    let thresholds = &own["thresholds"];
    assert_thresholds(thresholds);
    // A batch of everything: both ends are gradient descent's, with the larger sharpness of the full
    // Hessian and its Gauss–Newton part.
    let descent = critical(thresholds, "gradient-descent");
    let point = &own["point"];
    assert_eq!(descent, 2.0 / number(&point["sharpness"]["value"]));
    let least = descent.min(2.0 / number(&point["gauss_newton"]["sharpness"]));
    let estimate = critical(thresholds, "mean-square");
    assert!((estimate / least - 1.0).abs() < 1e-6, "{thresholds}");
    let expected = match (0.5, bracket(thresholds)) {
        (rate, (lower, _)) if rate <= lower => "stays",
        (rate, (_, upper)) if rate > upper => "leaves",
        _ => "not-decided",
    };
    assert_eq!(own["verdict"], expected);
    let origin = &own["origin"];
    assert_eq!((&origin["run"], &origin["model"]), (&id.into(), &"architecture".into()));
    assert_eq!((&origin["learning_rate"], &origin["batch_size"]), (&0.5.into(), &40.into()));
    let ends = &point["example_curvatures"];
    assert_eq!((&ends["of_largest_curvature"], &ends["of_largest_loss"]), (&4.into(), &4.into()));
    assert!((4..=8).contains(&ends["examples"].as_u64().unwrap()), "{ends}");
    let p = (40.0 - 4.0) / (4.0 * 39.0);
    let limit = 1.0 / (number(&point["non_uniformity"]["value"]) * f64::sqrt(p));
    assert_eq!(own["example_sharpnesses"].as_array().unwrap().len(), 40);

    // Of independent batches; the run reshuffles.
    let independent = ["--sampling", "independent-batches"];
    let largest = ask(&[&["--batch-size", "4"], &independent[..]].concat());
    let thresholds = &largest["thresholds"];
    assert_thresholds(thresholds);
    assert!(largest["verdict"].is_null() && largest["learning_rate"].is_null());
    let rectangle = critical(thresholds, "rectangle");
    assert!(
        (rectangle / limit.min(descent) - 1.0).abs() < 1e-12,
        "{rectangle}: {limit}, {descent}"
    );

    let ((lower, upper), estimate) = (bracket(thresholds), critical(thresholds, "mean-square"));
    for (rate, verdict) in [(0.99 * lower, "stays"), (1.01 * upper, "leaves")] {
        let rate = rate.to_string();
        let words = ["--batch-size", "4", "--learning-rate", &rate];
        let answer = ask(&[&words[..], &independent].concat());
        assert_eq!(answer["verdict"], verdict, "{answer}");
        let margin = number(&answer["margin"]) * estimate;
        assert!((margin / number(&answer["learning_rate"]) - 1.0).abs() < 1e-9);
    }

    // An estimate from some orders stands beside the threshold that decides.
    let own = ask(&["--batch-size", "4"]);
    let epochs = threshold(&own["thresholds"], "reshuffled");
    assert_eq!(epochs["proves"], "nothing");
    assert_eq!(epochs["evidence"]["kind"], "orders");
    assert_eq!(own["sampling_assumed"], "independent-batches");
    let words = ["--learning-rate", &estimate.to_string()];
    let smallest = ask(&[&words[..], &independent].concat());
    assert_eq!(smallest["smallest_batch_size"]["estimated"], 4, "{smallest}");
    assert!(smallest["verdict"].is_null());
    let none = ask(&["--learning-rate", &(1.1 * descent).to_string()]);
    assert!(none["smallest_batch_size"]["estimated"].is_null());
    assert!(none["thresholds"].is_null());

    let momentum = ask(&["--batch-size", "all", "--momentum", "0.9"]);
    let found = &momentum["thresholds"];
    assert!((critical(found, "gradient-descent") / descent - 1.9).abs() < 1e-9);
    assert!((critical(found, "mean-square") / least - 1.9).abs() < 1e-4, "{found}");
    // With nobody left out, in all directions, the attributed threshold is the one asked about.
    // `--blame` is an older name of `--attribution`.
    let attributed = ask(&["--batch-size", "4", "--momentum", "0.9", "--blame", "2"]);
    let whole = number(&attributed["attribution"]["critical_of_rest"][0]["critical_learning_rate"]);
    let estimate = critical(&attributed["thresholds"], "mean-square");
    assert!((whole / estimate - 1.0).abs() < 1e-4, "{whole}: {estimate}");
    assert_eq!(attributed["attribution"]["rank"], 80);
}

/// After three steps nothing is fitted: no learning rate stays, however small, and one far above the
/// threshold leaves.
#[test]
fn what_is_no_minimum_has_no_verdict_that_says_stays() {
    let place = Place::new();
    let folder = place.run_into("runs", &["train.stop.max_steps=3"]);
    let id = id_of(&folder);
    let ask = |rate: &str| {
        let words = ["stability", id, "--quick", "--json", "--batch-size", "4", "--learning-rate"];
        place.json(&[&words[..], &[rate]].concat())
    };
    let small = ask("1e-6");
    assert!(number(&small["margin"]) < 1e-3, "{small}");
    assert_eq!(small["verdict"], "not-decided", "{small}");
    let notes = small["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().contains("no verdict says stays")));
    assert_eq!(ask("1e3")["verdict"], "leaves");
}

#[test]
fn the_boundary_rises_with_the_batch_size_and_is_drawn() {
    let (place, id) = Place::with_run(Fixture::Minimum);
    let id = id.as_str();
    let report = place.json(&["stability", id, "--boundary", "--attribution", "4", "--json"]);
    let rows = report["boundary"].as_array().unwrap();
    let sizes: Vec<u64> = rows.iter().map(|row| row["batch_size"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 40]);
    let mut before = 0.0;
    for row in rows {
        let thresholds = &row["thresholds"];
        assert_thresholds(thresholds);
        let estimate = critical(thresholds, "mean-square");
        assert!(estimate >= before * (1.0 - 1e-6), "{row}");
        before = estimate;
        let simulation = &threshold(thresholds, "almost-sure")["evidence"];
        assert_eq!(simulation["kind"], "simulation");
        let almost = critical(thresholds, "almost-sure");
        let error = number(&simulation["standard_error"]);
        assert!(almost > estimate - 4.0 * error - 1e-9, "{row}");
        let sample = &threshold(thresholds, "worst-batch")["evidence"];
        assert_eq!(sample["kind"], "sample");
        let (worst, mean) = (number(&sample["sharpness"]), number(&sample["mean_sharpness"]));
        // The batches' mean Hessian is H up to their choice; the sharpest batch is no sharper than the
        // sharpest example. Lanczos stops at a residual of 1e-4.
        assert!(mean <= worst * (1.0 + 1e-9), "{row}");
        let least = critical(thresholds, "worst-example") / number(&row["batch_size"]);
        assert!(critical(thresholds, "worst-batch") > least * (1.0 - 1e-4), "{row}");
        assert!(critical(thresholds, "decoupled") > 0.0, "{row}");
    }
    let attribution = &report["attribution"];
    let shares = attribution["non_uniformity"].as_array().unwrap();
    assert_eq!(shares.len(), 4);
    assert!(shares.is_sorted_by(|a, b| number(&a["share"]) >= number(&b["share"])));
    // Left out one after the other: the one of the largest share first, and each only once.
    for (of_rest, shares) in
        [("critical_of_rest", "mean_square"), ("non_uniformity_of_rest", "non_uniformity")]
    {
        let rests = attribution[of_rest].as_array().unwrap();
        let numbers: Vec<u64> = rests.iter().map(|at| at["left_out"].as_u64().unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4], "{of_rest}");
        assert_eq!(rests[0]["largest_share"], attribution[shares][0]);
        let leaders = rests.iter().map(|at| at["largest_share"]["example"].as_u64().unwrap());
        assert_eq!(leaders.collect::<std::collections::BTreeSet<_>>().len(), 5, "{of_rest}");
        let labelled = rests.iter().all(|at| at["largest_share"]["label"].is_u64());
        assert!(labelled, "{rests:?}");
    }
    let rates: Vec<f64> = attribution["critical_of_rest"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| number(&at["critical_learning_rate"]))
        .collect();
    assert!(rates.last() > rates.first(), "{rates:?}");
    let read = |name: &str| std::fs::read_to_string(place.run_folder(id).join(name)).unwrap();
    for figure in ["boundary.svg", "attribution.svg", "attribution-non-uniformity.svg"] {
        let svg = read(figure);
        assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{figure}");
    }
    assert!(read("attribution.svg").contains("image/png"));
    assert!(read("attribution-non-uniformity.svg").contains("image/png"));

    // The same question answered quickly stands beside it, and the page shows the whole answer.
    let page = |out: &str| {
        place.stdout(&["report", id, "--out", out]);
        std::fs::read_to_string(place.path().join(out)).unwrap()
    };
    let of_whole = page("whole.html");
    place.json(&["stability", id, "--boundary", "--attribution", "4", "--quick", "--json"]);
    let folder = place.run_folder(id).join("stability");
    let answers = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let whole = answers.filter(|path| !path.to_string_lossy().contains("quick"));
    let whole: Vec<_> = whole.collect();
    assert_eq!((whole.len(), std::fs::read_dir(&folder).unwrap().count()), (1, 2));
    assert!(page("both.html") == of_whole, "the later, quick answer is preferred");
    std::fs::remove_file(&whole[0]).unwrap();
    assert!(page("quick.html") != of_whole, "the quick answer says as much as the whole one");
}
