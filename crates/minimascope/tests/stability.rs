//! `stability` and `escape`: objects with their keys, orders that always hold, and bad input.

mod program;

use program::{Place, text};
use serde_json::Value;

/// A run that stands at a minimum of 40 images: gradient descent until the loss is small.
const TRAINED: [&str; 4] = [
    "train.learning_rate=0.5",
    "train.batch_size=all",
    "train.stop.max_steps=3000",
    "train.stop.full_loss_below=1e-3",
];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// The keys that every threshold has, and the order in which the proved ones stand.
fn assert_critical(critical: &Value) {
    let exact = &critical["exact"];
    let (lower, upper) = (number(&exact["lower"]), number(&exact["upper"]));
    let estimate = number(&exact["estimate"]);
    assert!(lower <= estimate && estimate <= upper && lower > 0.0, "{exact}");
    // Both ends come from iterations with a relative residual of 1e-5.
    assert!(number(&critical["theorem1"]) <= lower * (1.0 + 1e-4), "{critical}");
    let bounds = critical["bounds"].as_array().unwrap();
    assert_eq!(bounds.len(), 3);
    for bound in bounds {
        assert!(upper <= number(bound) * (1.0 + 1e-9), "{critical}");
    }
    assert!(upper <= number(&critical["gradient_descent"]) * (1.0 + 1e-9), "{critical}");
    assert!(number(&critical["rectangle"]) > 0.0);
}

#[test]
fn one_question_a_form_of_the_command() {
    let place = Place::new();
    let folder = place.run_into("runs", &TRAINED);
    let id = folder.file_name().unwrap().to_str().unwrap();
    let ask =
        |words: &[&str]| place.json(&[&["stability", id, "--quick", "--json"][..], words].concat());

    let own = ask(&[]);
    assert_eq!((&own["batch_size"], &own["learning_rate"]), (&40.into(), &0.5.into()));
    assert_critical(&own["critical_learning_rate"]);
    // A batch of everything: both ends are gradient descent's, with the larger sharpness of the full
    // Hessian and its Gauss–Newton part.
    let critical = &own["critical_learning_rate"];
    let descent = number(&critical["gradient_descent"]);
    let minimum = &own["minimum"];
    assert_eq!(descent, 2.0 / number(&minimum["sharpness"]["value"]));
    let least = descent.min(2.0 / number(&minimum["gauss_newton"]["sharpness"]));
    let ends = &critical["exact"];
    assert!((number(&ends["estimate"]) / least - 1.0).abs() < 1e-6, "{critical}");
    let expected = match 0.5 {
        rate if rate <= number(&ends["lower"]) => "stays",
        rate if rate > number(&ends["upper"]) => "leaves",
        _ => "not-decided",
    };
    assert_eq!(own["verdict"], expected);
    let ends = &minimum["example_curvatures"];
    assert_eq!((&ends["of_largest_curvature"], &ends["of_largest_loss"]), (&4.into(), &4.into()));
    assert!((4..=8).contains(&ends["examples"].as_u64().unwrap()), "{ends}");
    let p = (40.0 - 4.0) / (4.0 * 39.0);
    let edge = 1.0 / (number(&minimum["non_uniformity"]["value"]) * f64::sqrt(p));
    assert_eq!(own["example_sharpnesses"].as_array().unwrap().len(), 40);

    let largest = ask(&["--batch-size", "4"]);
    assert_critical(&largest["critical_learning_rate"]);
    assert!(largest["verdict"].is_null() && largest["learning_rate"].is_null());
    let exact = &largest["critical_learning_rate"]["exact"];
    let rectangle = number(&largest["critical_learning_rate"]["rectangle"]);
    assert!((rectangle / edge.min(descent) - 1.0).abs() < 1e-12, "{rectangle}: {edge}, {descent}");

    for (rate, verdict) in
        [(0.99 * number(&exact["lower"]), "stays"), (1.01 * number(&exact["upper"]), "leaves")]
    {
        let rate = rate.to_string();
        let answer = ask(&["--batch-size", "4", "--learning-rate", &rate]);
        assert_eq!(answer["verdict"], verdict, "{answer}");
        let margin = number(&answer["margin"]) * number(&exact["estimate"]);
        assert!((margin / number(&answer["learning_rate"]) - 1.0).abs() < 1e-9);
    }

    let rate = number(&exact["estimate"]).to_string();
    let smallest = ask(&["--learning-rate", &rate]);
    assert_eq!(smallest["smallest_batch_size"]["estimated"], 4, "{smallest}");
    assert!(smallest["verdict"].is_null());
    let none = ask(&["--learning-rate", &(1.1 * descent).to_string()]);
    assert!(none["smallest_batch_size"]["estimated"].is_null());
    assert!(none["critical_learning_rate"].is_null());

    let momentum = ask(&["--batch-size", "all", "--momentum", "0.9"]);
    let found = &momentum["critical_learning_rate"];
    assert!((number(&found["gradient_descent"]) / descent - 1.9).abs() < 1e-9);
    assert!((number(&found["exact"]["estimate"]) / least - 1.9).abs() < 1e-4, "{found}");
    // With nobody left out, in all directions, the blamed threshold is the one asked about.
    let blamed = ask(&["--batch-size", "4", "--momentum", "0.9", "--blame", "2"]);
    let whole = number(&blamed["blame"]["left_out"][0]["critical_learning_rate"]);
    let estimate = number(&blamed["critical_learning_rate"]["exact"]["estimate"]);
    assert!((whole / estimate - 1.0).abs() < 1e-4, "{whole}: {estimate}");
    assert_eq!(blamed["blame"]["directions"], 80);
}

/// After three steps nothing is fitted: no learning rate stays, however small, and one far above the
/// threshold leaves.
#[test]
fn what_is_no_minimum_has_no_verdict_that_says_stays() {
    let place = Place::new();
    let folder = place.run_into("runs", &["train.stop.max_steps=3"]);
    let id = folder.file_name().unwrap().to_str().unwrap();
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
    let place = Place::new();
    let folder = place.run_into("runs", &TRAINED);
    let id = folder.file_name().unwrap().to_str().unwrap();
    let report = place.json(&["stability", id, "--boundary", "--blame", "4", "--json"]);
    let rows = report["boundary"].as_array().unwrap();
    let sizes: Vec<u64> = rows.iter().map(|row| row["batch_size"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [1, 2, 4, 8, 16, 32, 40]);
    let mut before = 0.0;
    for row in rows {
        let critical = &row["critical_learning_rate"];
        assert_critical(critical);
        let estimate = number(&critical["exact"]["estimate"]);
        assert!(estimate >= before * (1.0 - 1e-6), "{row}");
        before = estimate;
        let almost = &critical["almost_sure"];
        let error = number(&almost["standard_error"]);
        assert!(number(&almost["value"]) > estimate - 4.0 * error - 1e-9, "{row}");
        let batch = &critical["worst_batch"];
        let (worst, mean) = (number(&batch["sharpness"]), number(&batch["mean_sharpness"]));
        // The batches' mean Hessian is H up to their choice; the sharpest batch is no sharper than the
        // sharpest example. Lanczos stops at a residual of 1e-4.
        assert!(mean <= worst * (1.0 + 1e-9), "{row}");
        let least = number(&critical["worst_example"]) / row["batch_size"].as_f64().unwrap();
        assert!(number(&batch["critical_learning_rate"]) > least * (1.0 - 1e-4), "{row}");
        assert!(number(&critical["decoupled"]) > 0.0, "{row}");
    }
    let blame = &report["blame"];
    let shares = blame["non_uniformity"].as_array().unwrap();
    assert_eq!(shares.len(), 4);
    assert!(shares.is_sorted_by(|a, b| number(&a["share"]) >= number(&b["share"])));
    let left_out = blame["left_out"].as_array().unwrap();
    let numbers: Vec<u64> = left_out.iter().map(|at| at["examples"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 4]);
    for figure in ["boundary.svg", "blame.svg"] {
        let svg = std::fs::read_to_string(folder.join(figure)).unwrap();
        assert!(svg.starts_with("<svg") || svg.starts_with("<?xml"), "{figure}");
    }
    assert!(std::fs::read_to_string(folder.join("blame.svg")).unwrap().contains("image/png"));
}

#[test]
fn a_launch_far_above_the_threshold_leaves_and_one_below_stays() {
    let place = Place::new();
    let folder = place.run_into("runs", &TRAINED);
    let id = folder.file_name().unwrap().to_str().unwrap();
    let critical = &place.json(&["stability", id, "--batch-size", "4", "--quick", "--json"])["critical_learning_rate"];
    let escape = |rate: f64, more: &[&str]| {
        let rate = rate.to_string();
        let words = ["escape", id, "--learning-rate", &rate, "--batch-size", "4", "--json"];
        place.json(&[&words[..], &["--steps", "300", "--quick"], more].concat())
    };
    let stays = escape(0.5 * number(&critical["exact"]["lower"]), &["--seeds", "2"]);
    assert_eq!(stays["verdict"], "stays");
    let launches = stays["launches"].as_array().unwrap();
    assert_eq!(launches.len(), 2);
    for launch in launches {
        assert_eq!(launch["fate"], "stays", "{launch}");
        assert!(launch["left_at"].is_null());
        let course = launch["course"].as_array().unwrap();
        // Every one of the first hundred steps, then fewer, and the last.
        for (step, point) in course.iter().take(101).enumerate() {
            assert_eq!(point["step"].as_u64().unwrap() as usize, step);
        }
        assert_eq!(course.last().unwrap()["step"], 300);
        assert!(course.len() < 200 && number(&course[0]["distance"]) == 0.0);
    }
    assert!(number(&stays["predicted_growth"]["mean_square"]) <= 1.0 + 1e-6, "{stays}");

    let leaves = escape(3.0 * number(&critical["gradient_descent"]), &[]);
    assert_eq!(leaves["verdict"], "leaves");
    let launch = &leaves["launches"][0];
    assert!(launch["left_at"].as_u64().unwrap() < 100, "{launch}");
    assert!(number(&leaves["predicted_growth"]["mean_square"]) > 1.0);
    let written = std::path::Path::new(leaves["folder"].as_str().unwrap()).to_owned();
    let written = place.path().join(written);
    for name in ["escape.json", "escape.svg"] {
        assert!(written.join(name).exists(), "{}", written.display());
    }
}

#[test]
fn a_grid_counts_what_was_predicted_and_seen() {
    let place = Place::new();
    let folder = place.run_into("runs", &TRAINED);
    let id = folder.file_name().unwrap().to_str().unwrap();
    let words = ["escape", id, "--grid", "--batch-sizes", "1,8,all", "--steps", "200", "--json"];
    let grid = place.json(&[&words[..], &["--quick"]].concat());
    let cells = grid["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 21);
    let counts = grid["agreement"].as_object().unwrap();
    let sum: u64 = counts
        .iter()
        .filter(|(key, _)| *key != "not_decided_as_estimated")
        .map(|(_, count)| count.as_u64().unwrap())
        .sum();
    assert_eq!(sum, 21);
    // Gradient descent: the ends of the grid lie far on either side of 2/a.
    let descent: Vec<&Value> = cells.iter().filter(|cell| cell["batch_size"] == 40).collect();
    assert_eq!((&descent[0]["predicted"], &descent[0]["left"]), (&"stays".into(), &0.into()));
    assert_eq!((&descent[6]["predicted"], &descent[6]["left"]), (&"leaves".into(), &1.into()));
    for cell in cells {
        let asked = match cell["predicted"].as_str().unwrap() {
            "stays" => cell["left"] != 0,
            "leaves" => cell["left"] != cell["launches"],
            _ => true,
        };
        assert_eq!(cell["explanation"].is_string(), asked, "{cell}");
        let laws = if cell["batch_size"] == 40 { 1 } else { 2 };
        let relaunched = cell["linearised"]["laws"].as_array().map(Vec::len);
        assert_eq!(relaunched, asked.then_some(laws), "{cell}");
    }
    assert!(folder.join("escape/grid/agreement.svg").exists());

    // Half of the cells, one of them marked: the others are launched, and come out the same.
    let path = folder.join("escape/grid/grid.json");
    let mut half: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    half["cells"].as_array_mut().unwrap().truncate(10);
    half["cells"][0]["left_at"] = 12_345.into();
    half["complete"] = false.into();
    std::fs::write(&path, half.to_string()).unwrap();
    let resumed = place.json(&[&words[..], &["--quick"]].concat());
    assert_eq!(resumed["cells"][0]["left_at"], 12_345);
    assert_eq!(resumed["cells"].as_array().unwrap()[1..], cells[1..]);
    assert_eq!(resumed["agreement"], grid["agreement"]);
    // Another question, and --force, begin again.
    let forced = place.json(&[&words[..], &["--quick", "--force"]].concat());
    assert_eq!(forced["cells"], grid["cells"]);
}

/// Ten times a loss of 0.03 is more than a network that knows nothing has: the geometric mean with
/// the 0.25 of two classes can be met. Launches of an earlier call are kept, and more are added.
#[test]
fn a_launch_leaves_a_minimum_of_some_loss_and_goes_on_with_more_seeds() {
    let place = Place::new();
    let stop = "train.stop.full_loss_below=0.03";
    let folder = place.run_into("runs", &[&TRAINED[..3], &[stop]].concat());
    let id = folder.file_name().unwrap().to_str().unwrap();
    let ask = |more: &[&str]| {
        let words = ["escape", id, "--learning-rate", "50", "--batch-size", "4", "--json"];
        place.json(&[&words[..], &["--steps", "100", "--quick"], more].concat())
    };
    let record = ask(&[]);
    let (loss, limit) = (number(&record["minimum"]["train_loss"]), number(&record["leaving_loss"]));
    let constant = number(&record["constant_output_loss"]);
    assert!(constant > 0.2 && constant <= 0.25, "{constant}");
    assert!((limit / (loss * constant).sqrt() - 1.0).abs() < 1e-9 && limit < constant);
    assert!(record["launches"][0]["left_at"].as_u64().unwrap() < 100, "{record}");
    let kept = folder.join("escape/learning-rate-50-batch-size-4/escape.json");
    let mut earlier: Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    earlier["launches"][0]["left_at"] = 12_345.into();
    std::fs::write(&kept, earlier.to_string()).unwrap();
    let more = ask(&["--seeds", "3"]);
    let launches = more["launches"].as_array().unwrap();
    let seeds: Vec<u64> = launches.iter().map(|at| at["seed"].as_u64().unwrap()).collect();
    assert_eq!((seeds, &launches[0]["left_at"]), (vec![0, 1, 2], &12_345.into()));
    assert_eq!(ask(&["--force"])["launches"], record["launches"]);
}

/// A linear network is its own linearisation: the relaunch is the launch, step by step and batch by
/// batch, from residuals that are far from fitted. (Not from a minimum reached: there the direction
/// that grows starts with rounding errors.)
#[test]
fn the_relaunch_of_a_linear_network_is_its_launch() {
    let place = Place::new();
    let hidden = "    { kind = \"linear\", outputs = 6 },\n    { kind = \"activation\", function = \"tanh\" },\n";
    assert!(program::TINY.contains(hidden));
    place.write("linear.toml", program::TINY.replace(hidden, ""));
    let short = ["train.batch_size=all", "train.learning_rate=0.005", "train.stop.max_steps=100"];
    let run = place.json(&[&["run", "linear.toml", "--json"][..], &short].concat());
    let id = run["run"].as_str().unwrap();
    let rate = (2.1 / number(&run["sharpness"]["value"])).to_string();
    let words = ["escape", id, "--learning-rate", &rate, "--batch-size", "all", "--quick"];
    let record = place.json(&[&words[..], &["--steps", "400", "--json"]].concat());
    let (launch, linearised) = (&record["launches"][0], &record["linearised"]["laws"][0]);
    let left_at = launch["left_at"].as_u64().unwrap();
    assert!(left_at > 5 && left_at < 100, "{left_at}");
    assert_eq!(linearised["left_at"].as_u64().unwrap(), left_at, "{linearised}");
    let seen = number(&record["observed_growth"]["factor"]);
    let linear = number(&linearised["growth"]["factor"]);
    // The first hundred losses of the network are all seen, in double precision.
    assert!((seen / linear - 1.0).abs() < 1e-5, "{seen} against {linear}");

    // A slower departure, at a step that no timetable has: it and the next fifty are all recorded.
    let slow = (2.004 / number(&run["sharpness"]["value"])).to_string();
    let words = ["escape", id, "--learning-rate", &slow, "--batch-size", "all", "--quick"];
    let record = place.json(&[&words[..], &["--steps", "2000", "--json"]].concat());
    let launch = &record["launches"][0];
    let left_at = launch["left_at"].as_u64().unwrap();
    assert!(left_at > 150, "{left_at}");
    assert_eq!(record["linearised"]["laws"][0]["left_at"], left_at);
    let course = launch["course"].as_array().unwrap();
    let steps: Vec<u64> = course.iter().map(|point| point["step"].as_u64().unwrap()).collect();
    let after = steps.iter().copied().skip_while(|step| *step < left_at);
    assert!(after.take(51).eq(left_at..=left_at + 50), "{left_at}: {steps:?}");

    // A grid looks more rarely, and hears alarms: what its launches do their twins do, and mostly at
    // the same look; 0.3 % of the loss lies in directions too flat to be in a relaunch.
    let rates = [0.55, 0.75, 0.95].map(|share| share * 2.0 / number(&run["sharpness"]["value"]));
    let rates = rates.map(|rate| rate.to_string()).join(",");
    let words = ["escape", id, "--grid", "--learning-rates", &rates, "--batch-sizes", "4,7"];
    let grid = place.json(&[&words[..], &["--quick", "--steps", "1500", "--json"]].concat());
    let (mut late, mut same) = (0, 0);
    for cell in grid["cells"].as_array().unwrap() {
        let twins = cell["linearised"]["laws"][0]["departures"].as_array().unwrap();
        let departures = cell["departures"].as_array().unwrap();
        for (launch, twin) in departures.iter().zip(twins) {
            let (launch, twin) = (launch.as_u64(), twin.as_u64().filter(|at| *at <= 1500));
            assert_eq!(launch.is_some(), twin.is_some(), "{cell}");
            late += usize::from(launch.is_some_and(|at| at > 100));
            same += usize::from(launch == twin);
        }
    }
    assert!(late > 0 && same >= 14, "{late} late, {same} of 18 at the same look");

    for law in ["reshuffled-epochs", "independent-batches", "with-replacement"] {
        let words = ["escape", id, "--learning-rate", &rate, "--batch-size", "7", "--quick"];
        let more = ["--steps", "400", "--seeds", "4", "--sampling", law, "--json"];
        let record = place.json(&[&words[..], &more].concat());
        let launches = record["launches"].as_array().unwrap();
        let seen: Vec<&Value> = launches.iter().map(|launch| &launch["left_at"]).collect();
        let twins = record["linearised"]["laws"][0]["departures"].as_array().unwrap();
        assert_eq!(twins.len(), 32);
        assert!(seen.iter().all(|left_at| left_at.is_u64()), "{seen:?}");
        assert_eq!(seen, twins.iter().take(4).collect::<Vec<_>>(), "{law}");
        let others = record["linearised"]["laws"][1]["departures"].as_array().unwrap();
        assert_ne!(seen, others.iter().take(4).collect::<Vec<_>>(), "{law}");
    }
}

/// Curvatures 0.2 and 3.8: 2a/(a² + s²), 1/s, the root of E log|1 − ηh|, and 2/a.
#[test]
fn the_one_dimensional_example() {
    let place = Place::new();
    let toy = place.json(&["escape", "toy", "--json"]);
    let minima = toy["minima"].as_array().unwrap();
    assert_eq!((number(&minima[0]["position"]), number(&minima[1]["position"])), (0.0, 1.0));
    for minimum in minima {
        assert_critical(&minimum["critical_learning_rate"]);
    }
    assert_eq!((&minima[0]["verdict"], &minima[1]["verdict"]), (&"stays".into(), &"leaves".into()));
    let critical = &minima[1]["critical_learning_rate"];
    assert_eq!(format!("{:.6}", number(&critical["exact"]["estimate"])), "0.552486");
    assert_eq!(format!("{:.6}", number(&critical["rectangle"])), "0.555556");
    assert!((number(&critical["almost_sure"]["value"]) - 0.5595).abs() < 2e-4);
    assert!((number(&critical["gradient_descent"]) - 1.0).abs() < 1e-9);
    assert_eq!((&toy["sgd"]["at_zero"], &toy["sgd"]["seeds"]), (&1000.into(), &1000.into()));
    assert_eq!(toy["gradient_descent"], "at-one");
    assert!(place.path().join(toy["figure"].as_str().unwrap()).exists());

    let words = ["escape", "toy", "--curvatures", "1,3", "--learning-rate", "0.3", "--seeds", "20"];
    let other = place.json(&[&words[..], &["--json"]].concat());
    // a = 2, s = 1: 2·2/(4 + 1).
    let estimate = number(&other["minima"][1]["critical_learning_rate"]["exact"]["estimate"]);
    assert!((estimate - 0.8).abs() < 1e-9, "{estimate}");
    assert_eq!(other["sgd"]["at_one"], 20);
}

#[test]
fn what_has_no_meaning_is_refused_in_one_sentence() {
    let place = Place::new();
    let folder = place.run_into("runs", &TRAINED);
    let id = folder.file_name().unwrap().to_str().unwrap();
    let diverged = place.run_into("runs", &["train.learning_rate=1e6"]);
    let diverged = diverged.file_name().unwrap().to_str().unwrap();
    let without_a_spectrum = |words: &[&str]| {
        let output = place.output(&[&["run"][..], words, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        let run = record["run"].as_str().unwrap().to_owned();
        (record["outcome"].as_str().unwrap_or_default().to_owned(), run)
    };
    // Without a second example Σ is zero, which no relative residual measures: exit code 3. So it is
    // where the first step puts every rectified unit below zero, and there it stays.
    let (_, one) = without_a_spectrum(&["tiny.toml", "data.train.first=1", "train.batch_size=1"]);
    place.write("rectified.toml", program::TINY.replace("tanh", "relu"));
    let large = ["initialization.gain=6", "train.learning_rate=1", "train.stop.max_steps=1000"];
    let (outcome, dead) = without_a_spectrum(&[&["rectified.toml"][..], &large].concat());
    assert_eq!(outcome, "dead");
    let (one, dead) = (one.as_str(), dead.as_str());
    let untrained = place.run_into("runs", &["train.stop.max_steps=1", "train.learning_rate=1e-9"]);
    let untrained = untrained.file_name().unwrap().to_str().unwrap();
    for (words, said) in [
        (&["stability", id, "--learning-rate", "0"][..], "the learning rate is 0"),
        (&["stability", id, "--learning-rate", "-1"], "the learning rate is -1"),
        (&["stability", id, "--learning-rate", "nan"], "the learning rate is NaN"),
        (&["stability", id, "--batch-size", "0"], "the batch size is 0"),
        (&["stability", id, "--batch-size", "41"], "larger than the 40 examples"),
        (&["stability", id, "--momentum", "1"], "the momentum is 1"),
        (&["stability", id, "--tolerance", "0"], "the tolerance is 0"),
        (&["stability", id, "--tolerance", "-1"], "the tolerance is -1"),
        (&["stability", id, "--tolerance", "nan"], "the tolerance is NaN"),
        (&["stability", one], "there are 1 examples"),
        (&["stability", diverged], "diverged at step"),
        (&["stability", "absent"], "there is no run at absent"),
        (&["escape", id], "needs a learning rate and a batch size"),
        (&["escape", id, "--learning-rate", "0", "--batch-size", "4"], "the learning rate is 0"),
        (&["escape", id, "--learning-rate", "1", "--batch-size", "0"], "the batch size is 0"),
        (&["escape", id, "--grid", "--batch-sizes", "50"], "larger than the 40 examples"),
        (&["escape", id, "--grid", "--seeds", "0"], "the number of launches is zero"),
        (&["escape", id, "--grid", "--learning-rates", "-0.1,1"], "the learning rate is -0.1"),
        (&["escape", id, "--grid", "--batch-sizes", "-4,2"], "a number of examples or all"),
        (&["escape", id, "--grid", "--seeds", "-1"], "invalid value '-1' for '--seeds <K>'"),
        (&["stability", id, "--batch-size", "-4"], "invalid value '-4' for '--batch-size <B>'"),
        (&["stability", dead], "its outputs are the same for every input"),
        (&["escape", dead, "--grid"], "every learning rate stays at a dead one"),
        (&["escape", "toy", "--curvatures", "1"], "takes two numbers"),
        (&["escape", untrained, "--grid"], "no minimum to leave"),
        (&["escape", "toy", "--curvatures", "0,1"], "the curvature of f1 at x = 1 is 0"),
        (&["escape", "toy", "--curvatures", "-1,2"], "the curvature of f1 at x = 1 is -1"),
        (&["escape", "toy", "--curvatures", "1,1e300"], "the curvature of f2 at x = 1 is 1e300"),
        (&["escape", "toy", "--start", "1e300"], "the start is 1e300"),
        (&["escape", "toy", "--learning-rate", "-0.1"], "the learning rate is -0.1"),
    ] {
        let output = place.output(words);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {error}");
        assert!(error.starts_with("error: ") && error.contains(said), "{words:?}: {error}");
        assert_eq!(error.matches("error: ").count(), 1);
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}
