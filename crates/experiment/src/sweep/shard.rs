//! One of n equal parts of a plan.

use std::str::FromStr;

/// Part k of n: the runs whose index leaves k − 1 after division by n. A function of plan and
/// index alone, so that every machine that is given another k works on other runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: usize,
    of: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { part: 1, of: 1 };

    /// Part `part`, counted from 1, of `of`.
    pub fn new(part: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&part).then_some(Self { part, of })
    }

    /// Whether the run at `index`, counted from 0, belongs to it.
    pub fn holds(self, index: usize) -> bool {
        index % self.of == self.part - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse().ok();
        text.split_once('/')
            .and_then(|(part, of)| Self::new(number(part)?, number(of)?))
            .ok_or_else(|| "write k/n with k from 1 to n, such as 2/8".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_is_in_one_shard() {
        for of in 1..=7 {
            for index in 0..20 {
                let holds = |part: &usize| Shard::new(*part, of).unwrap().holds(index);
                assert_eq!((1..=of).filter(holds).count(), 1);
            }
        }
        assert!((0..20).all(|index| Shard::WHOLE.holds(index)));
    }

    #[test]
    fn shards_are_written_as_fractions() {
        assert_eq!("2/8".parse(), Ok(Shard { part: 2, of: 8 }));
        for text in ["0/3", "4/3", "1", "a/b", "1/0", "-1/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
