//! Parameters and checkpoints in safetensors files.

use std::path::Path;
use std::sync::LazyLock;

use minimascope_net::train::Checkpoint;
use minimascope_net::{Network, Scalar, files};
use minimascope_record::architecture::{Architecture, Layer, Shape};

use crate::FuzzTarget;
use crate::input::choice;

/// A name and its places in the file become strings and numbers of a list and of a table.
const MEMORY_PER_BYTE: usize = 400;

/// Sixteen numbers in tensors of four dimensions, two and one.
pub static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let layers = vec![
        Layer::Convolution { channels: 2, kernel: 2, stride: 1, padding: 0, bias: true },
        Layer::Linear { outputs: 2, bias: true },
    ];
    let input = Shape { channels: 1, height: 2, width: 2 };
    Network::new(&Architecture { input, layers }).expect("the layers fit")
});

pub(crate) const PARAMETERS: FuzzTarget = FuzzTarget {
    name: "parameters",
    longest: 1024,
    memory_per_byte: MEMORY_PER_BYTE,
    read: |input| {
        let (choice, file) = choice(input);
        if choice & 1 == 0 { parameters::<f32>(file) } else { parameters::<f64>(file) }
    },
};

fn parameters<T: Scalar>(file: &[u8]) {
    let read = |bytes: &[u8]| files::from_bytes::<T>(Path::new("file"), bytes, &NETWORK);
    match read(file) {
        Ok(found) => {
            let written = files::to_bytes(&NETWORK, &found).expect("parameters can be written");
            let again = read(&written).expect("what is written can be read");
            assert!(bits(&found).eq(bits(&again)), "what is written reads as the same");
        }
        Err(error) => drop(error.to_string()),
    }
}

pub(crate) const CHECKPOINT: FuzzTarget = FuzzTarget {
    name: "checkpoint",
    longest: 2048,
    memory_per_byte: MEMORY_PER_BYTE,
    read: |input| {
        let (choice, file) = choice(input);
        if choice & 1 == 0 { checkpoint::<f32>(file) } else { checkpoint::<f64>(file) }
    },
};

fn checkpoint<T: Scalar>(file: &[u8]) {
    let read = |bytes: &[u8]| Checkpoint::<T>::from_bytes(Path::new("file"), bytes, &NETWORK);
    match read(file) {
        Ok(found) => {
            let written = found.to_bytes(&NETWORK).expect("a checkpoint can be written");
            let again = read(&written).expect("what is written can be read");
            assert_eq!(found.step(), again.step(), "the step is the same");
            let same = bits(found.parameters()).eq(bits(again.parameters()));
            assert!(same, "what is written reads as the same");
        }
        Err(error) => drop(error.to_string()),
    }
}

fn bits<T: Scalar>(numbers: &[T]) -> impl Iterator<Item = u64> {
    numbers.iter().map(|number| number.to_f64().to_bits())
}
