//! TOML of runs, networks and sweeps. Files that they name are not opened here.

use std::path::Path;

use minimascope_experiment::Error;
use minimascope_experiment::config::sources::{Configured, Sources};
use minimascope_experiment::error::ValueOrigin;
use minimascope_experiment::plan::{architecture_of_text, check_ranges};
use minimascope_experiment::sweep::axes::{check_number, number_of_points, product};
use minimascope_experiment::sweep::file::SweepFile;
use minimascope_net::Network;
use minimascope_record::architecture::{Architecture, Layer};

use crate::FuzzTarget;

/// The shortest value, `1,` in a list, becomes a value of a tree and of its copy, and a path of keys.
const MEMORY_PER_BYTE: usize = 2000;

pub(crate) const RUN: FuzzTarget = FuzzTarget {
    name: "run",
    longest: 512,
    memory_per_byte: MEMORY_PER_BYTE,
    read: |input| {
        let Ok(text) = str::from_utf8(input) else { return };
        match configured(text) {
            Ok(found) => {
                let written = toml::to_string(&found.config).expect("a configuration is TOML");
                let again = configured(&written).unwrap_or_else(|error| panic!("{error}"));
                let again = toml::to_string(&again.config).expect("a configuration is TOML");
                assert_eq!(written, again, "what is written reads as the same");
                let _ = found.rows();
                said(check_ranges(&found));
            }
            other => said(other.map(drop)),
        }
    },
};

fn configured(text: &str) -> Result<Configured, Error> {
    Sources::from_text(Path::new("run.toml"), text)?.complete()
}

pub(crate) const ARCHITECTURE: FuzzTarget = FuzzTarget {
    name: "architecture",
    longest: 512,
    memory_per_byte: MEMORY_PER_BYTE,
    read: |input| {
        let Ok(text) = str::from_utf8(input) else { return };
        let read = |text: &str| architecture_of_text(Path::new("net.toml"), text);
        match read(text) {
            Ok(found) => {
                let written = toml::to_string(&found).expect("an architecture is TOML");
                let again = read(&written).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(found, again, "what is written reads as the same");
                if is_small(&found) {
                    said(Network::new(&found).map(drop).map_err(Error::from));
                }
            }
            other => said(other.map(drop)),
        }
    },
};

/// A network takes memory for its size, whatever the length of its file is.
fn is_small(architecture: &Architecture) -> bool {
    let Architecture { input, layers } = architecture;
    [input.channels, input.height, input.width].iter().all(|side| *side <= 8) && are_small(layers)
}

fn are_small(layers: &[Layer]) -> bool {
    layers.iter().all(|layer| match layer {
        Layer::Linear { outputs, .. } => *outputs <= 8,
        Layer::Convolution { channels, padding, .. } => *channels <= 8 && *padding <= 2,
        Layer::Residual { layers, .. } => are_small(layers),
        _ => true,
    })
}

/// Combinations that a target makes: a plan makes more, as many as its file names.
const MOST_POINTS: f64 = 100.0;

pub(crate) const SWEEP: FuzzTarget = FuzzTarget {
    name: "sweep",
    longest: 512,
    memory_per_byte: MOST_POINTS as usize * MEMORY_PER_BYTE / 20,
    read: |input| {
        let Ok(text) = str::from_utf8(input) else { return };
        said(points(text));
    },
};

/// The values of every run of a sweep.
fn points(text: &str) -> Result<(), Error> {
    let path = Path::new("sweep.toml");
    let Some(file) = SweepFile::from_text(path, text)? else { return Ok(()) };
    for block in file.blocks(&ValueOrigin::File(path.to_owned()))? {
        let number = number_of_points(&block.axes);
        check_number(number)?;
        if number <= MOST_POINTS {
            let points = product(&block.axes)?;
            assert_eq!(points.len() as f64, number, "every combination is there");
        }
    }
    Ok(())
}

/// What an error says, and what it says to do.
pub(crate) fn said(ended: Result<(), Error>) {
    if let Err(error) = ended {
        let _ = (error.to_string(), error.hint());
    }
}
