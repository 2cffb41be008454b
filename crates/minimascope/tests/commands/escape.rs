//! `escape`: launches, grids of launches, and the one-dimensional example.

use serde_json::Value;

use crate::program::{Fixture, Place, TINY, TO_A_MINIMUM, id_of};
use crate::thresholds::{assert_thresholds, bracket, critical, number};

/// The step at which each launch left, of a cell of a grid or of a relaunch.
fn departures(launches: &Value) -> impl Iterator<Item = Option<u64>> {
    launches["departures"].as_array().unwrap().iter().map(Value::as_u64)
}

#[test]
fn a_launch_far_above_the_threshold_leaves_and_one_below_stays() {
    let (place, id) = Place::with_run(Fixture::Minimum);
    let id = id.as_str();
    let answer = place.json(&["stability", id, "--batch-size", "4", "--quick", "--json"]);
    let thresholds = &answer["thresholds"];
    let escape = |rate: f64, more: &[&str]| {
        let rate = rate.to_string();
        let words = ["escape", id, "--learning-rate", &rate, "--batch-size", "4", "--json"];
        place.json(&[&words[..], &["--steps", "300", "--quick"], more].concat())
    };
    let stays = escape(0.5 * bracket(thresholds).0, &["--seeds", "2"]);
    assert_eq!(stays["verdict"], "stays");
    assert_eq!(stays["thresholds"], *thresholds);
    assert_eq!((&stays["origin"], &stays["point"]), (&answer["origin"], &answer["point"]));
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

    let leaves = escape(3.0 * critical(thresholds, "gradient-descent"), &[]);
    assert_eq!(leaves["verdict"], "leaves");
    let launch = &leaves["launches"][0];
    assert!(launch["left_at"].as_u64().unwrap() < 100, "{launch}");
    assert!(number(&leaves["predicted_growth"]["mean_square"]) > 1.0);
    let written = place.path().join(leaves["folder"].as_str().unwrap());
    for name in ["escape.json", "escape.svg"] {
        assert!(written.join(name).exists(), "{}", written.display());
    }
}

#[test]
fn a_grid_counts_what_was_predicted_and_seen() {
    let (place, id) = Place::with_run(Fixture::Minimum);
    let id = id.as_str();
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
    for (cell, predicted, left) in [(descent[0], "stays", 0), (descent[6], "leaves", 1)] {
        assert_eq!(
            (&cell["predicted"], departures(cell).flatten().count()),
            (&predicted.into(), left)
        );
    }
    for cell in cells {
        let asked = match cell["predicted"].as_str().unwrap() {
            "stays" => departures(cell).any(|step| step.is_some()),
            "leaves" => departures(cell).any(|step| step.is_none()),
            _ => true,
        };
        assert_eq!(cell["explanation"].is_string(), asked, "{cell}");
        let schemes = if cell["batch_size"] == 40 { 1 } else { 2 };
        let relaunched = cell["linearised"]["by_sampling"].as_array().map(Vec::len);
        assert_eq!(relaunched, asked.then_some(schemes), "{cell}");
    }
    let folder = place.run_folder(id).join("escape/grid");
    assert!(folder.join("agreement.svg").exists());

    // Half of the cells, one of them marked: the others are launched, and come out the same.
    let path = folder.join("grid.json");
    let mut half: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let kept = half["cells"].as_array_mut().unwrap();
    kept.truncate(10);
    // A mark that changes no count: another step of a launch that left.
    let leaves = |cell: &Value| departures(cell).any(|step| step.is_some());
    let marked = kept.iter().position(leaves).unwrap();
    let launch = departures(&kept[marked]).position(|step| step.is_some()).unwrap();
    kept[marked]["departures"][launch] = 12_345.into();
    let expected = [kept, &cells[10..]].concat();
    half["complete"] = false.into();
    std::fs::write(&path, half.to_string()).unwrap();
    let resumed = place.json(&[&words[..], &["--quick"]].concat());
    assert_eq!(*resumed["cells"].as_array().unwrap(), expected);
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
    let folder = place.run_into("runs", &[&TO_A_MINIMUM[..3], &[stop]].concat());
    let id = id_of(&folder);
    let ask = |more: &[&str]| {
        let words = ["escape", id, "--learning-rate", "50", "--batch-size", "4", "--json"];
        place.json(&[&words[..], &["--steps", "100", "--quick"], more].concat())
    };
    let record = ask(&[]);
    let (loss, limit) = (number(&record["point"]["train_loss"]), number(&record["leaving_loss"]));
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
    assert!(TINY.contains(hidden));
    place.write("linear.toml", TINY.replace(hidden, ""));
    let short = ["train.batch_size=all", "train.learning_rate=0.005", "train.stop.max_steps=100"];
    let run = place.json(&[&["run", "linear.toml", "--json"][..], &short].concat());
    let id = run["run"].as_str().unwrap();
    let rate = (2.1 / number(&run["sharpness"]["value"])).to_string();
    let words = ["escape", id, "--learning-rate", &rate, "--batch-size", "all", "--quick"];
    let record = place.json(&[&words[..], &["--steps", "400", "--json"]].concat());
    let (launch, linearised) = (&record["launches"][0], &record["linearised"]["by_sampling"][0]);
    let left_at = launch["left_at"].as_u64().unwrap();
    assert!(left_at > 5 && left_at < 100, "{left_at}");
    assert_eq!(departures(linearised).collect::<Vec<_>>(), [Some(left_at)], "{linearised}");
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
    let linearised = &record["linearised"]["by_sampling"][0];
    assert_eq!(departures(linearised).collect::<Vec<_>>(), [Some(left_at)], "{linearised}");
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
        let twins = departures(&cell["linearised"]["by_sampling"][0]);
        for (launch, twin) in departures(cell).zip(twins) {
            let twin = twin.filter(|at| *at <= 1500);
            assert_eq!(launch.is_some(), twin.is_some(), "{cell}");
            late += usize::from(launch.is_some_and(|at| at > 100));
            same += usize::from(launch == twin);
        }
    }
    assert!(late > 0 && same >= 14, "{late} late, {same} of 18 at the same look");
    // Of 12 examples, batches of 4 are even and batches of 7 end with one of 5.
    let ends = |record: &Value| record["notes"].to_string().matches(" examples ends with ").count();
    assert_eq!(ends(&grid), 1, "{}", grid["notes"]);

    for scheme in ["reshuffled-epochs", "independent-batches", "with-replacement"] {
        let words = ["escape", id, "--learning-rate", &rate, "--batch-size", "7", "--quick"];
        let more = ["--steps", "400", "--seeds", "4", "--sampling", scheme, "--json"];
        let record = place.json(&[&words[..], &more].concat());
        let launches = record["launches"].as_array().unwrap();
        let seen: Vec<_> = launches.iter().map(|launch| launch["left_at"].as_u64()).collect();
        let ragged = usize::from(scheme == "reshuffled-epochs");
        assert_eq!(ends(&record), ragged, "{}", record["notes"]);
        let linearised = &record["linearised"]["by_sampling"];
        assert_eq!(linearised[0]["sampling"], scheme);
        assert_eq!(departures(&linearised[0]).count(), 32);
        assert!(seen.iter().all(Option::is_some), "{seen:?}");
        let first = |index: usize| departures(&linearised[index]).take(4).collect::<Vec<_>>();
        assert_eq!(seen, first(0), "{scheme}");
        assert_ne!(seen, first(1), "{scheme}");
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
        assert_thresholds(&minimum["thresholds"]);
    }
    assert_eq!((&minima[0]["verdict"], &minima[1]["verdict"]), (&"stays".into(), &"leaves".into()));
    let thresholds = &minima[1]["thresholds"];
    assert_eq!(format!("{:.6}", critical(thresholds, "mean-square")), "0.552486");
    assert_eq!(format!("{:.6}", critical(thresholds, "rectangle")), "0.555556");
    assert!((critical(thresholds, "almost-sure") - 0.5595).abs() < 2e-4);
    assert!((critical(thresholds, "gradient-descent") - 1.0).abs() < 1e-9);
    assert_eq!((&toy["sgd"]["at_zero"], &toy["sgd"]["seeds"]), (&1000.into(), &1000.into()));
    assert_eq!(toy["gradient_descent"], "at-one");
    assert!(place.path().join(toy["figure"].as_str().unwrap()).exists());

    let words = ["escape", "toy", "--curvatures", "1,3", "--learning-rate", "0.3", "--seeds", "20"];
    let other = place.json(&[&words[..], &["--json"]].concat());
    // a = 2, s = 1: 2·2/(4 + 1).
    let estimate = critical(&other["minima"][1]["thresholds"], "mean-square");
    assert!((estimate - 0.8).abs() < 1e-9, "{estimate}");
    assert_eq!(other["sgd"]["at_one"], 20);
}
