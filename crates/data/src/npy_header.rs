//! The header of a `.npy` file: a Python dictionary with the type, the order and the shape.
//!
//! Its grammar is fixed, so it is read here in one pass without recursion. The crates for it were
//! tried: `npyz` multiplies dimensions without a check, so that a damaged header panics, and
//! `py_literal` recurses.

/// What the header says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct NpyHeader {
    /// The element type, e.g. `<f4`; absent for structured records.
    pub(crate) descr: Option<String>,
    /// Whether the first dimension varies fastest.
    pub(crate) fortran_order: bool,
    /// Dimensions, slowest first.
    pub(crate) shape: Vec<u64>,
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 784), }` with the keys in any
/// order. The error says what is wrong.
pub(crate) fn parse(text: &str) -> Result<NpyHeader, String> {
    let mut rest = HeaderText(text);
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    rest.expect("{")?;
    while !rest.take("}") {
        let key = rest.string().ok_or("it is not a dictionary with quoted keys")?;
        rest.expect(":")?;
        match key {
            "descr" => descr = Some(rest.string().map(str::to_owned)),
            "fortran_order" => fortran_order = Some(rest.boolean()?),
            "shape" => shape = Some(rest.tuple()?),
            _ => return Err(format!("it has the unknown key {key}")),
        }
        if descr == Some(None) {
            // A list: structured records. Whatever follows does not matter.
            return Ok(NpyHeader::default());
        }
        if !rest.take(",") {
            rest.expect("}")?;
            break;
        }
    }
    let missing = |key: &str| format!("it has no {key}");
    Ok(NpyHeader {
        descr: descr.ok_or_else(|| missing("descr"))?,
        fortran_order: fortran_order.ok_or_else(|| missing("fortran_order"))?,
        shape: shape.ok_or_else(|| missing("shape"))?,
    })
}

/// The part of a header that has not been read yet.
struct HeaderText<'a>(&'a str);

impl<'a> HeaderText<'a> {
    fn take(&mut self, token: &str) -> bool {
        self.0 = self.0.trim_start();
        let after = self.0.strip_prefix(token);
        self.0 = after.unwrap_or(self.0);
        after.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("it lacks a {token}")) }
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = ["'", "\""].into_iter().find(|quote| self.take(quote))?;
        let (string, after) = self.0.split_once(quote)?;
        self.0 = after;
        Some(string)
    }

    fn boolean(&mut self) -> Result<bool, String> {
        if self.take("True") {
            Ok(true)
        } else if self.take("False") {
            Ok(false)
        } else {
            Err("its fortran_order is neither True nor False".into())
        }
    }

    fn tuple(&mut self) -> Result<Vec<u64>, String> {
        const FAULT: &str = "its shape is not a tuple of non-negative 64-bit integers";
        let mut numbers = Vec::new();
        self.take("(").then_some(()).ok_or(FAULT)?;
        while !self.take(")") {
            self.0 = self.0.trim_start();
            let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            numbers.push(self.0[..end].parse().map_err(|_| FAULT)?);
            self.0 = &self.0[end..];
            // Python 2 wrote long integers with an L.
            self.take("L");
            if !self.take(",") {
                self.take(")").then_some(()).ok_or(FAULT)?;
                break;
            }
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::{NpyHeader, parse};

    #[test]
    fn headers_of_every_numpy_are_read() {
        let header = |shape: &[u64]| NpyHeader {
            descr: Some("<f4".into()),
            fortran_order: false,
            shape: shape.to_vec(),
        };
        for (text, shape) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n", &[2, 3][..]),
            ("{'shape': (10L,), \"descr\": \"<f4\", 'fortran_order': False}", &[10]),
            ("{'descr':'<f4','fortran_order':False,'shape':()}", &[]),
        ] {
            assert_eq!(parse(text).unwrap(), header(shape), "{text}");
        }
        let records = "{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (2,), }";
        assert_eq!(parse(records).unwrap().descr, None);
    }

    #[test]
    fn other_headers_are_refused_with_a_reason() {
        let shape = "its shape is not a tuple of non-negative 64-bit integers";
        for (text, reason) in [
            ("", "it lacks a {"),
            ("{'descr': '<f4', 'fortran_order': False}", "it has no shape"),
            ("{'fortran_order': False, 'shape': (2,)}", "it has no descr"),
            ("{'descr': '<f4', 'shape': (2,)}", "it has no fortran_order"),
            ("{'descr': '<f4', 'fortran_order': 1}", "its fortran_order is neither True nor False"),
            ("{3: 4}", "it is not a dictionary with quoted keys"),
            ("{'colour': 3}", "it has the unknown key colour"),
            ("{'shape': (-2,)}", shape),
            ("{'shape': (2", shape),
            ("{'shape': (18446744073709551616,)}", shape),
            ("{'shape': (2,) 'descr': '<f4'}", "it lacks a }"),
        ] {
            assert_eq!(parse(text).unwrap_err(), reason, "{text}");
        }
    }
}
