//! Every product for every layer, activation and loss against JAX's automatic differentiation in
//! f64: see `fixtures/README.md`.

use std::path::PathBuf;

use minimascope_net::{Curvature, Evaluator, Examples, Execution, Network};
use minimascope_record::architecture::Architecture;
use minimascope_record::training::Loss;
use safetensors::SafeTensors;

/// Two f64 programs that add the same numbers in other orders: the bound of the ladder,
/// relative to the norm of the vector.
const TOLERANCE: f64 = 1e-10;

#[derive(serde::Deserialize)]
struct Case {
    architecture: Architecture,
    loss: Loss,
    weight_decay: f64,
    names: Vec<String>,
}

struct Fixture {
    name: String,
    case: Case,
    bytes: Vec<u8>,
}

impl Fixture {
    fn all() -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
            .collect();
        paths.sort();
        assert!(paths.len() > 100, "the fixtures are missing");
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &std::path::Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let text = &header.metadata().as_ref().unwrap()["fixture"];
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { name, case: serde_json::from_str(text).unwrap(), bytes }
    }

    fn tensor(&self, name: &str) -> Option<Vec<f64>> {
        let file = SafeTensors::deserialize(&self.bytes).unwrap();
        let view = file.tensor(name).ok()?;
        Some(view.data().as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect())
    }

    fn get(&self, name: &str) -> Vec<f64> {
        self.tensor(name).unwrap_or_else(|| panic!("{}: no tensor {name}", self.name))
    }

    fn compare(&self, what: &str, ours: &[f64], theirs: &[f64]) {
        assert_eq!(ours.len(), theirs.len());
        let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
        let difference: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a - b).collect();
        let (error, size) = (norm(&difference), norm(theirs));
        assert!(
            error <= TOLERANCE * size,
            "{}: {what} differs by {:e} of its norm (ratio of norms {})",
            self.name,
            error / size,
            norm(ours) / size,
        );
    }
}

fn check(fixture: &Fixture, memory: Option<usize>) {
    let Case { architecture, loss, weight_decay, names } = &fixture.case;
    let network = Network::new(architecture).unwrap();
    let ours: Vec<&str> = network.tensors().iter().map(|t| t.name.as_str()).collect();
    assert_eq!(ours, names.iter().map(String::as_str).collect::<Vec<_>>(), "{}", fixture.name);
    let (inputs, targets) = (fixture.get("inputs"), fixture.get("targets"));
    let examples = Examples::<f64>::from_targets(&network, *loss, &inputs, &targets).unwrap();
    let memory =
        memory.unwrap_or_else(|| minimascope_net::MemoryEstimate::of(&network, &examples).least());
    let execution = Execution::new(1, memory).unwrap();
    let mut evaluator =
        Evaluator::new(&network, *loss, *weight_decay, &examples, &execution).unwrap();
    evaluator.set_point(&network.from_torch_order(&fixture.get("theta"))).unwrap();

    fixture.compare("objective", &[evaluator.value()], &fixture.get("objective"));
    let gradient = network.to_torch_order(evaluator.gradient());
    fixture.compare("gradient", &gradient, &fixture.get("gradient"));

    let direction = network.from_torch_order(&fixture.get("direction"));
    let mut out = vec![0.0; direction.len()];
    let kinds = [
        (Curvature::Hessian, "hessian_vector", "second_moment_vector"),
        (Curvature::GaussNewton, "gauss_newton_vector", "gauss_newton_second_moment_vector"),
    ];
    for (kind, product, second_moment) in kinds {
        evaluator.product(kind, &direction, &mut out).unwrap();
        fixture.compare(product, &network.to_torch_order(&out), &fixture.get(product));
        evaluator.second_moment(kind, &direction, &mut out).unwrap();
        let theirs = fixture.get(second_moment);
        fixture.compare(second_moment, &network.to_torch_order(&out), &theirs);
    }
    if let Some(theirs) = fixture.tensor("variance_vector") {
        evaluator.variance(&direction, &mut out).unwrap();
        fixture.compare("variance_vector", &network.to_torch_order(&out), &theirs);
    }
}

#[test]
fn every_product_is_that_of_automatic_differentiation() {
    for fixture in Fixture::all() {
        check(&fixture, Some(1 << 30));
    }
}

/// The least memory: nothing is kept between passes, everything is computed again.
#[test]
fn a_small_budget_gives_the_same_products() {
    for fixture in Fixture::all() {
        check(&fixture, None);
    }
}
