//! Every kernel on one thread, beside its floor: `cargo bench -p minimascope-net --bench kernels`.
//!
//! The kernels are private, and stay so: this program compiles their source again. They use nothing
//! of the crate but its number types.

#[path = "../src/kernels/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub)]
mod kernels;
mod roofline;
#[path = "../src/scalar.rs"]
#[allow(dead_code, unreachable_pub)]
mod scalar;

use std::fmt;
use std::sync::LazyLock;

use divan::Bencher;
use kernels::Strides;
use roofline::{Floor, Roofline};
use scalar::Scalar;

static MACHINE: LazyLock<Roofline> = LazyLock::new(|| Roofline::new(1));

#[allow(clippy::print_stdout)]
fn main() {
    println!("{}", *MACHINE);
    divan::main();
}

/// A size with its floor.
struct Case<S> {
    name: String,
    size: S,
    floor: Floor,
}

impl<S> Case<S> {
    /// `numbers` are those that a call touches, and it goes over them `turns` times.
    fn new(name: String, size: S, operations: usize, turns: f64, numbers: usize) -> Self {
        Self { name, size, floor: MACHINE.floor(operations as f64, turns, 4.0 * numbers as f64) }
    }
}

impl<S> fmt::Display for Case<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.name, self.floor)
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919) % 997) as f32 / 500.0 - 1.0).collect()
}

/// The three products of a linear layer on a chunk of 500 examples.
#[derive(Clone, Copy)]
struct Dense {
    inputs: usize,
    outputs: usize,
}

const ROWS: usize = 500;

fn dense() -> impl Iterator<Item = Case<Dense>> {
    [(784, 500), (500, 500), (500, 10)].into_iter().map(|(inputs, outputs)| {
        let name = format!("{ROWS}×{inputs} → {outputs}");
        let numbers = ROWS * inputs + inputs * outputs + ROWS * outputs;
        Case::new(name, Dense { inputs, outputs }, 2 * ROWS * inputs * outputs, 1.0, numbers)
    })
}

fn multiply(bencher: Bencher<'_, '_>, c: Strides, a: Strides, b: Strides) {
    let left = numbers(a.rows * a.columns);
    let right = numbers(b.rows * b.columns);
    let mut out = vec![0.0; c.rows * c.columns];
    bencher.bench_local(|| kernels::multiply((&mut out, c), (&left, a), (&right, b), false));
}

#[divan::bench(args = dense())]
fn dense_forward(bencher: Bencher<'_, '_>, case: &Case<Dense>) {
    let Dense { inputs, outputs } = case.size;
    let weights = Strides::rows(outputs, inputs).transposed();
    multiply(bencher, Strides::rows(ROWS, outputs), Strides::rows(ROWS, inputs), weights);
}

#[divan::bench(args = dense())]
fn dense_input_derivative(bencher: Bencher<'_, '_>, case: &Case<Dense>) {
    let Dense { inputs, outputs } = case.size;
    let weights = Strides::rows(outputs, inputs);
    multiply(bencher, Strides::rows(ROWS, inputs), Strides::rows(ROWS, outputs), weights);
}

#[divan::bench(args = dense())]
fn dense_gradient(bencher: Bencher<'_, '_>, case: &Case<Dense>) {
    let Dense { inputs, outputs } = case.size;
    let delta = Strides::rows(ROWS, outputs).transposed();
    multiply(bencher, Strides::rows(outputs, inputs), delta, Strides::rows(ROWS, inputs));
}

/// A 3×3 convolution of padded images, as the layers of the VGG have it: so many together that
/// they have at least 32 positions.
#[derive(Clone, Copy)]
struct Images {
    side: usize,
    inputs: usize,
    outputs: usize,
}

impl Images {
    fn count(self) -> usize {
        (32 / (self.side * self.side)).max(1)
    }

    fn padded(self) -> usize {
        self.count() * (self.side + 2) * (self.side + 2) * self.inputs
    }

    /// Where each position's patch starts.
    fn positions(self) -> Vec<u32> {
        let Self { side, inputs, .. } = self;
        let at = |image: usize, p: usize| {
            let row = image * (side + 2) + p / side;
            ((row * (side + 2) + p % side) * inputs) as u32
        };
        let of_image = |image| (0..side * side).map(move |p| at(image, p));
        (0..self.count()).flat_map(of_image).collect()
    }

    /// Where each number of a patch lies from there.
    fn cells(self) -> Vec<u32> {
        let at = |cell: usize| (cell / 3 * (self.side + 2) + cell % 3) * self.inputs;
        (0..9).flat_map(|cell| (0..self.inputs).map(move |c| (at(cell) + c) as u32)).collect()
    }
}

fn images() -> impl Iterator<Item = Case<Images>> {
    let sizes = [(32, 3, 16), (16, 16, 16), (8, 16, 32), (4, 32, 64), (2, 64, 64)];
    sizes.into_iter().map(|(side, inputs, outputs)| {
        let images = Images { side, inputs, outputs };
        let count = images.count();
        let name = format!("{count} of {side}×{side}, {inputs} → {outputs}");
        let positions = count * side * side;
        let numbers = images.padded() + 9 * inputs * outputs + positions * outputs;
        Case::new(name, images, 2 * positions * 9 * inputs * outputs, 1.0, numbers)
    })
}

fn indexed(bencher: Bencher<'_, '_>, images: Images, (rows, steps): (&[u32], &[u32])) {
    let (a, b) = (numbers(images.padded()), numbers(steps.len() * images.outputs));
    let mut c = vec![0.0; rows.len() * images.outputs];
    bencher.bench_local(|| {
        kernels::indexed_product(&a, rows, steps, &b, images.outputs, &mut c, false);
    });
}

#[divan::bench(args = images())]
fn convolution_forward(bencher: Bencher<'_, '_>, case: &Case<Images>) {
    indexed(bencher, case.size, (&case.size.positions(), &case.size.cells()));
}

#[divan::bench(args = images())]
fn convolution_gradient(bencher: Bencher<'_, '_>, case: &Case<Images>) {
    indexed(bencher, case.size, (&case.size.cells(), &case.size.positions()));
}

/// A linear layer on a few rows.
#[derive(Clone, Copy)]
struct Few {
    rows: usize,
    inputs: usize,
    outputs: usize,
}

/// `turns` counts how often the weights are read or written.
fn few(turns: f64, operations: usize) -> impl Iterator<Item = Case<Few>> {
    let sizes = [1, 4, 10].into_iter().flat_map(|rows| [(rows, 784, 500), (rows, 500, 500)]);
    sizes.map(move |(rows, inputs, outputs)| {
        let name = format!("{rows}×{inputs} → {outputs}");
        let weights = inputs * outputs;
        let size = Few { rows, inputs, outputs };
        Case::new(name, size, operations * rows * weights, turns, weights)
    })
}

#[divan::bench(args = few(1.0, 2))]
fn few_rows_forward(bencher: Bencher<'_, '_>, case: &Case<Few>) {
    let Few { rows, inputs, outputs } = case.size;
    let (a, weights, bias) = (numbers(rows * inputs), numbers(inputs * outputs), numbers(outputs));
    let mut z = vec![0.0; rows * outputs];
    let one = kernels::Team::alone();
    bencher.bench_local(|| {
        let z = (outputs, &mut z[..]);
        kernels::forward_rows(one, rows, (inputs, &a), &weights, Some(&bias), z);
    });
}

#[divan::bench(args = few(2.0, 4))]
fn few_rows_backward_and_step(bencher: Bencher<'_, '_>, case: &Case<Few>) {
    let Few { rows, inputs, outputs } = case.size;
    let (a, delta) = (numbers(rows * inputs), numbers(rows * outputs));
    let (mut weights, mut d) = (numbers(inputs * outputs), vec![0.0; rows * inputs]);
    let one = kernels::Team::alone();
    bencher.bench_local(|| {
        let (a, delta) = ((inputs, &a[..]), (outputs, &delta[..]));
        // A rate of 0 keeps the numbers in range for any number of turns.
        let step = (0.0, 1.0);
        kernels::backward_and_step(one, rows, a, delta, &mut weights, Some(&mut d), step);
    });
}

/// Rows of a chunk, of two widths; `vectors` of that size are touched, `turns` of them altogether.
fn rows(vectors: usize, turns: f64, operations: usize) -> impl Iterator<Item = Case<usize>> {
    [500, 784].into_iter().map(move |width| {
        let (name, size) = (format!("{ROWS}×{width}"), ROWS * width);
        Case::new(name, width, operations * size, turns / vectors as f64, vectors * size)
    })
}

#[divan::bench(args = rows(2, 2.0, 2))]
fn row_dots(bencher: Bencher<'_, '_>, case: &Case<usize>) {
    let (x, y) = (numbers(ROWS * case.size), numbers(ROWS * case.size + 1));
    let mut out = vec![0.0; ROWS];
    bencher.bench_local(|| kernels::row_dots(&x, &y[1..], case.size, &mut out));
}

#[divan::bench(args = rows(3, 4.0, 4))]
fn add_scaled_rows(bencher: Bencher<'_, '_>, case: &Case<usize>) {
    let (x, y) = (numbers(ROWS * case.size), numbers(ROWS * case.size));
    let (c, mut out) = (vec![0.0; ROWS], numbers(ROWS * case.size));
    bencher.bench_local(|| kernels::add_scaled_rows(&mut out, case.size, (&c, &x), (&c, &y)));
}

#[divan::bench(args = rows(1, 1.0, 1))]
fn column_sums(bencher: Bencher<'_, '_>, case: &Case<usize>) {
    let x = numbers(ROWS * case.size);
    let mut sums = vec![0.0; case.size];
    bencher.bench_local(|| kernels::add_column_sums(&x, &mut sums, false));
}
