//! Writes the inputs that are right, `seed-…`, into the corpus: from these a fuzzer starts. Inputs that a
//! fuzzer found lie beside them and stay.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use minimascope_fuzz::NETWORK;
use minimascope_net::train::{Checkpoint, Settings, Trainer};
use minimascope_net::{Examples, Execution, Scalar, files};
use minimascope_record::escape::{Escape, EscapeGrid, ToyEscape};
use minimascope_record::reproduction::Theory;
use minimascope_record::run::{Provenance, RunSummary, Timing};
use minimascope_record::stability::StabilityReport;
use minimascope_record::sweep::{RunFailure, SlurmLaunch};
use minimascope_record::training::{Initialization, Loss, Optimizer};
use minimascope_record::versions::from_json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn main() {
    images();
    parameters();
    for (index, name) in ["first", "all"].iter().enumerate() {
        seed("trace", name, &[&[index as u8], TRACES[index].as_bytes()]);
    }
    records();
    for (target, texts) in TEXTS {
        for (index, text) in texts.iter().enumerate() {
            seed(target, &index.to_string(), &[text.as_bytes()]);
        }
    }
}

fn seed(target: &str, name: &str, parts: &[&[u8]]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("the corpus can be written");
    let file = folder.join(format!("seed-{name}"));
    fs::write(file, parts.concat()).expect("the corpus can be written");
}

/// Two files of one input.
fn two(target: &str, name: &str, choice: u8, first: &[u8], second: &[u8]) {
    seed(target, name, &[&[choice], &(first.len() as u16).to_le_bytes(), first, second]);
}

fn array(element: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{element}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn images() {
    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat();
    let labels = [0, 0, 8, 1, 0, 0, 0, 2, 0, 1];
    two("idx", "plain", 0, &images, &labels);
    two("idx", "gzip", 1, &images, &labels);
    for choice in 0..4 {
        seed("cifar", &choice.to_string(), &[&[choice], &3073_u16.to_le_bytes(), &[1, 3, 5, 9]]);
    }
    let x = array("<f4", "(2, 1, 2)", &[0; 16]);
    let y = array("<i8", "(2,)", &[0; 16]);
    two("npy", "f4", 0, &x, &y);
    two("npy", "u1", 1, &array("|u1", "(2, 3)", &[9; 6]), &array(">i2", "(2, 1)", &[0; 4]));
    two("npy", "f8", 1, &array(">f8", "(1, 5, 2, 1)", &[0; 80]), &array("|u1", "(1,)", &[7]));
    for (name, method) in
        [("stored", zip::CompressionMethod::Stored), ("deflated", zip::CompressionMethod::Deflated)]
    {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (member, array) in
            [("x.npy", &x), ("y.npy", &y), ("x_test.npy", &x), ("y_test.npy", &y)]
        {
            let options = SimpleFileOptions::default().compression_method(method);
            writer.start_file(member, options).expect("in memory");
            writer.write_all(array).expect("in memory");
        }
        seed("npz", name, &[&writer.finish().expect("in memory").into_inner()]);
    }
}

fn parameters() {
    let double = NETWORK.initialize(&Initialization::default(), 1);
    let single: Vec<f32> = double.iter().map(|number| *number as f32).collect();
    for choice in 0..2 {
        let single = files::to_bytes(&NETWORK, &single).expect("in memory");
        let double = files::to_bytes(&NETWORK, &double).expect("in memory");
        seed("parameters", &format!("f32-{choice}"), &[&[choice], &single]);
        seed("parameters", &format!("f64-{choice}"), &[&[choice], &double]);
    }
    for (name, optimizer) in [
        ("sgd", Optimizer::Sgd),
        ("heavy-ball", Optimizer::HeavyBall { momentum: 0.9 }),
        ("adam", Optimizer::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }),
    ] {
        let single = checkpoint(single.clone(), optimizer).to_bytes(&NETWORK).expect("in memory");
        let double = checkpoint(double.clone(), optimizer).to_bytes(&NETWORK).expect("in memory");
        seed("checkpoint", &format!("{name}-f32"), &[&[0], &single]);
        seed("checkpoint", &format!("{name}-f64"), &[&[1], &double]);
    }
}

fn checkpoint<T: Scalar>(parameters: Vec<T>, optimizer: Optimizer) -> Checkpoint<T> {
    let loss = Loss::MeanSquaredError;
    let inputs = vec![0.5; NETWORK.input().size()];
    let examples = Examples::from_targets(&NETWORK, loss, &inputs, &[1.0, 0.0]).expect("they fit");
    let execution = Execution::new(1, 1 << 20).expect("one thread");
    let settings = Settings { optimizer, ..Settings::plain(0.1, 1) };
    let trainer = Trainer::new(&NETWORK, loss, &examples, settings, parameters, &execution);
    trainer.expect("they fit").checkpoint()
}

/// Records of version 1 and, read and written, of version 2. The number chooses the target's reader.
fn records() {
    macro_rules! old {
        ($record:ty, $choice:literal, $name:literal) => {
            record::<$record>(
                $choice,
                $name,
                include_str!(concat!("../../record/tests/version-1/", $name, ".json")),
            )
        };
    }
    old!(RunSummary, 0, "run");
    old!(RunSummary, 0, "spectrum");
    old!(Provenance, 1, "provenance");
    record::<Timing>(2, "timing", r#"{"train_seconds": 1.5, "measure_seconds": 0.25}"#);
    old!(StabilityReport, 3, "momentum");
    old!(StabilityReport, 3, "stability");
    old!(Escape, 4, "escape");
    old!(EscapeGrid, 5, "grid");
    old!(ToyEscape, 6, "toy");
    old!(Theory, 7, "theory");
    record::<RunFailure>(8, "failure", FAILURE);
    record::<SlurmLaunch>(9, "launch", LAUNCH);
}

fn record<T: Serialize + DeserializeOwned>(choice: u8, name: &str, text: &str) {
    let value: serde_json::Value = serde_json::from_str(text).expect("a record");
    let today = from_json::<T>(text).expect("a record");
    let today = serde_json::to_string(&today).expect("a record is JSON");
    seed("record", &format!("{name}-as-it-is"), &[&[choice], value.to_string().as_bytes()]);
    seed("record", &format!("{name}-today"), &[&[choice], today.as_bytes()]);
}

const FAILURE: &str = r#"{"schema_version": 2, "run": "a", "error": "e", "hint": null, "attempts": 1,
    "failed": 7, "configuration": {"model": {"preset": "linear"}, "data": {"source": "fashion-mnist"},
    "train": {"learning_rate": 0.1, "stop": {"max_steps": 5}}}}"#;

const LAUNCH: &str = r#"{"schema_version": 2, "plan": "p", "folder": "f", "submitted": 7, "job": "12",
    "collect_job": "13", "tasks": [["a", "b"], ["c"]]}"#;

const TRACES: [&str; 2] = [
    "{\"step\":10,\"batch_loss\":0.5,\"average_loss\":null}\n{\"step\":20,\"batch_loss\":0.25,\"average_loss\":0.5}\n{\"st",
    "{\"step\":5,\"train_loss\":0.1,\"sharpness\":{\"value\":3.5,\"residual\":1e-3,\"relative_residual\":3e-4,\"converged\":true,\"products\":9}}\n{\"step\":15,\"test_accuracy\":0.5}\n",
];

const TEXTS: [(&str, &[&str]); 7] = [
    (
        "run",
        &[
            "model.preset = \"linear\"\ndata = { source = \"fashion-mnist\", train = { first = 12 }, test = { first = 1 } }\ntrain = { learning_rate = 0.1, stop = { max_steps = 5 } }\n",
            "precision = \"f64\"\nloss = \"softmax-cross-entropy\"\n[model]\nfile = \"net.toml\"\n[data]\nsource = \"x.npz\"\nclasses = [0, 1]\ncorruption = { kind = \"number\", examples = 2 }\n[train]\nlearning_rate = 1e-3\nbatch_size = \"all\"\nseed = 3\noptimizer = { kind = \"adam\", beta1 = 0.5 }\n[train.stop]\nmax_steps = 1_000\n[observe]\nsharpness_every = 3\n",
            "[model.architecture]\ninput = { channels = 1, height = 28, width = 28 }\nlayers = [{ kind = \"linear\", outputs = 2 }]\n[data]\nsource = \"a\"\n[train]\nlearning_rate = 1e-400\nstop = { max_steps = 1 }\n",
        ],
    ),
    (
        "architecture",
        &[
            "input = { channels = 1, height = 4, width = 4 }\nlayers = [\n{ kind = \"convolution\", channels = 2, kernel = 3, padding = 1 },\n{ kind = \"activation\", function = \"relu\" },\n{ kind = \"max-pool\", window = 2 },\n{ kind = \"linear\", outputs = 2 },\n]\n",
            "input = { channels = 2, height = 2, width = 2 }\n[[layers]]\nkind = \"residual\"\nprojection = true\nlayers = [{ kind = \"convolution\", channels = 3, kernel = 1, stride = 2, bias = false }]\n[[layers]]\nkind = \"average-pool\"\nwindow = 1\nstride = 1\n[[layers]]\nkind = \"global-average-pool\"\n[[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"linear\"\noutputs = 1\n",
        ],
    ),
    (
        "sweep",
        &[
            "base = \"base.toml\"\nset = { train.stop.max_steps = 7 }\ngrid.train.seed = [0, 1]\n[[part]]\ngrid.train.learning_rate = [0.1, 0.5]\n[[part]]\nzip.train.learning_rate = [0.2, 0.3]\nzip.data.train.first = [10, 11]\n[[part]]\n[[part.list]]\ntrain = { learning_rate = 0.1, batch_size = 12 }\n",
            "base = \"lenet5\"\n[slurm]\ncpus_per_task = 4\nthrottle = 3\ndirectives = [\"--partition=long\"]\n[[list]]\ntrain.batch_size = \"all\"\n[[list]]\ntrain.optimizer = { kind = \"heavy-ball\", momentum = 0.5 }\n",
        ],
    ),
    ("queue", &["12_1 RUNNING None\n12_3 PENDING Resources\n13 PENDING Dependency\n"]),
    ("job", &["12\n", "12;cluster\n"]),
    (
        "number",
        &[
            "0.5", ".5", "5.", "1_000.5", "1e-3", "-1e-400", "inf", "nan", "0,1", "1/128", "5%",
            "2/8",
        ],
    ),
    (
        "assignment",
        &[
            "train.learning_rate=.5,1.,1e-3",
            "data.classes=[0, 1],[2, 3]",
            "train.optimizer={ kind = \"heavy-ball\", momentum = .9 }",
            "data.source=\"a,\\\" .5\",'c,d'",
            "train.batch_size=all",
            "a=2026-01-01T00:00:00Z # note",
        ],
    ),
];
