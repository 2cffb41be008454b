//! The header of a `.npy` file: a Python dictionary with the type, the order and the shape.
//!
//! It is read as the TOML that a few replacements make of it, by a parser that bounds its depth.
//! The crates for it were tried: `npyz` multiplies dimensions without a check, so that a damaged
//! header panics, and `py_literal` recurses.

use serde::Deserialize;
use toml::Value;

/// What the header says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NpyHeader {
    /// The element type, e.g. `<f4`; a list for structured records.
    pub(crate) descr: Value,
    /// Whether the first dimension varies fastest.
    pub(crate) fortran_order: bool,
    /// Dimensions, slowest first.
    pub(crate) shape: Vec<u64>,
}

/// What Python writes otherwise than TOML. Python 2 wrote long integers with an L.
const TO_TOML: [(&str, &str); 9] = [
    (" ", ""),
    (",}", "}"),
    (":", "="),
    ("(", "["),
    (")", "]"),
    ("L,", ","),
    ("L]", "]"),
    ("=True", "=true"),
    ("=False", "=false"),
];

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 784), }` with the keys in any
/// order. The error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<NpyHeader, String> {
    #[derive(Deserialize)]
    struct Wrapped {
        header: NpyHeader,
    }
    let document = format!("header={}", text.trim_end());
    let document = TO_TOML.iter().fold(document, |text, (python, toml)| text.replace(python, toml));
    let parsed = toml::from_str::<Wrapped>(&document);
    parsed.map(|document| document.header).map_err(|fault| {
        format!("it is not a dictionary of descr, fortran_order and shape ({})", fault.message())
    })
}
