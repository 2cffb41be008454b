//! Numbers of bytes as people write them.

use std::fmt;

/// A number of bytes, shown in the largest unit that it reaches: `443 MiB`. It is rounded up to three
/// digits, so that a budget of what is shown is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

const UNITS: [(char, u32); 4] = [('T', 40), ('G', 30), ('M', 20), ('K', 10)];

impl Bytes {
    /// As the program takes it on its command line: `443M`.
    pub fn argument(self) -> String {
        match self.in_unit() {
            Some((number, unit)) => format!("{number}{unit}"),
            None => self.0.to_string(),
        }
    }

    /// The number in its unit; nothing below 1024.
    fn in_unit(self) -> Option<(f64, char)> {
        let (unit, shift) = UNITS.into_iter().find(|(_, shift)| self.0 >> shift > 0)?;
        let number = self.0 as f64 / (1_u64 << shift) as f64;
        let scale = match number {
            _ if number >= 100.0 => 1.0,
            _ if number >= 10.0 => 10.0,
            _ => 100.0,
        };
        Some(((number * scale).ceil() / scale, unit))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.in_unit() {
            Some((number, unit)) => write!(f, "{number} {unit}iB"),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_and_are_never_too_small() {
        for (bytes, shown, argument) in [
            (1000, "1000 bytes", "1000"),
            (1024, "1 KiB", "1K"),
            (1025, "1.01 KiB", "1.01K"),
            (463_885_248, "443 MiB", "443M"),
            (3 << 29, "1.5 GiB", "1.5G"),
            (12_900_000, "12.4 MiB", "12.4M"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), shown);
            assert_eq!(Bytes(bytes).argument(), argument);
        }
    }
}
