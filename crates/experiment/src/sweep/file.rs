//! A sweep as written: TOML with a base, values over it, and axes.
//!
//! ```toml
//! base = "fashion-mnist-fnn"            # a run preset or a configuration file
//! set = { train.stop.max_steps = 400_000 }
//! grid.train.learning_rate = [0.1, 0.5] # every combination of the lists under `grid`
//! grid.train.seed = [0, 1]
//! zip.data.train.first = [1000, 1200]   # the lists under `zip` side by side
//! zip.data.corruption.corrupted = [0, 200]
//! [[list]]                              # one set of values after the other
//! train.batch_size = "all"
//! ```
//!
//! `[[part]]` holds the same keys again; what stands outside holds for every part.

use std::path::Path;

use serde::Deserialize;

use minimascope_record::sweep::SlurmSettings;

use crate::Error;
use crate::config::sources::{assignments, parsed_toml};
use crate::error::SweepError;
use crate::error::ValueOrigin;
use crate::sweep::axes::{Point, SweepAxis};

/// The tables of a sweep's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepFile {
    base: Option<String>,
    set: toml::Table,
    grid: toml::Table,
    zip: toml::Table,
    list: Vec<toml::Table>,
    part: Vec<Part>,
    pub(super) slurm: SlurmSettings,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Part {
    base: Option<String>,
    set: toml::Table,
    grid: toml::Table,
    zip: toml::Table,
    list: Vec<toml::Table>,
}

/// A base, values over it, and axes over both.
#[derive(Clone, Debug)]
pub struct Block {
    /// A preset or a file, if any.
    pub base: Option<String>,
    /// Values over the base.
    pub set: Point,
    /// The axes, the slowest first.
    pub axes: Vec<SweepAxis>,
}

impl SweepFile {
    /// A run alone.
    pub(super) fn of_run(name: &str) -> Self {
        Self { base: Some(name.to_owned()), ..Self::default() }
    }

    /// The sweep of a file at `path` that has this text; `None` for a configuration.
    ///
    /// # Errors
    /// [`Error::Syntax`].
    pub fn from_text(path: &Path, text: &str) -> Result<Option<Self>, Error> {
        Ok(if Self::is_one(&parsed_toml(path, text)?) {
            Some(parsed_toml(path, text)?)
        } else {
            None
        })
    }

    /// Whether a TOML file is a sweep rather than a configuration.
    fn is_one(table: &toml::Table) -> bool {
        ["base", "set", "grid", "zip", "list", "part", "slurm"]
            .iter()
            .any(|key| table.contains_key(*key))
    }

    /// Every part with what holds for all of them.
    ///
    /// # Errors
    /// [`SweepError::Axis`].
    pub fn blocks(self, origin: &ValueOrigin) -> Result<Vec<Block>, Error> {
        let outer = Part {
            base: self.base,
            set: self.set,
            grid: self.grid,
            zip: self.zip,
            list: self.list,
        };
        let outer = outer.block(origin)?;
        if self.part.is_empty() {
            return Ok(vec![outer]);
        }
        let with_outer = |part: Part| {
            let inner = part.block(origin)?;
            Ok(Block {
                base: inner.base.or_else(|| outer.base.clone()),
                set: [outer.set.as_slice(), &inner.set].concat(),
                axes: [outer.axes.as_slice(), &inner.axes].concat(),
            })
        };
        self.part.into_iter().map(with_outer).collect()
    }
}

impl Part {
    fn block(self, origin: &ValueOrigin) -> Result<Block, Error> {
        let mut axes = Vec::new();
        for (path, values) in lists("grid", self.grid, origin)? {
            axes.push(SweepAxis::of(&path, values));
        }
        axes.extend(side_by_side(&lists("zip", self.zip, origin)?, origin)?);
        if !self.list.is_empty() {
            axes.push(SweepAxis { points: self.list.into_iter().map(assignments).collect() });
        }
        Ok(Block { base: self.base, set: assignments(self.set), axes })
    }
}

/// A key with its list of values.
type List = (Vec<String>, Vec<toml::Value>);

fn lists(kind: &'static str, table: toml::Table, origin: &ValueOrigin) -> Result<Vec<List>, Error> {
    let mut lists = Vec::new();
    for assignment in assignments(table) {
        let refused = |reason: &str| SweepError::Axis {
            key: format!("{kind}.{}", assignment.path.join(".")),
            reason: reason.to_owned(),
            origin: origin.clone(),
        };
        match &assignment.value {
            toml::Value::Array(values) if values.is_empty() => {
                return Err(refused("the list is empty").into());
            }
            toml::Value::Array(values) => lists.push((assignment.path.clone(), values.clone())),
            _ => return Err(refused("it must be a list of values").into()),
        }
    }
    Ok(lists)
}

/// One axis that takes the lists' first values together, then their second, and so on.
fn side_by_side(lists: &[List], origin: &ValueOrigin) -> Result<Option<SweepAxis>, Error> {
    let Some((first, others)) = lists.split_first() else { return Ok(None) };
    let length = first.1.len();
    let mut axis = SweepAxis::of(&first.0, first.1.clone());
    for (path, values) in others {
        if values.len() != length {
            return Err(SweepError::Axis {
                key: format!("zip.{}", path.join(".")),
                reason: format!(
                    "it has {} values, zip.{} has {length}",
                    values.len(),
                    first.0.join(".")
                ),
                origin: origin.clone(),
            }
            .into());
        }
        for (point, more) in axis.points.iter_mut().zip(SweepAxis::of(path, values.clone()).points)
        {
            point.extend(more);
        }
    }
    Ok(Some(axis))
}
