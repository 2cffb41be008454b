//! From a sweep as written to the runs it names, each one checked and each one once.

use std::collections::HashSet;
use std::path::Path;

use minimascope_record::sweep::SlurmSettings;

use crate::Error;
use crate::config::assignment::Assignment;
use crate::config::sources::Sources;
use crate::error::ValueOrigin;
use crate::folder::text_of;
use crate::plan::{Plan, SharedExamples};
use crate::presets;
use crate::sweep::axes::{SweepAxis, SweptAssignment, check_number, number_of_points, product};
use crate::sweep::file::{Block, SweepFile};
use crate::sweep::titles::Titles;

/// The runs of a sweep, in the order of its axes.
#[derive(Debug)]
pub struct SweepPlan {
    name: String,
    runs: Vec<Plan>,
    repeated: usize,
    slurm: SlurmSettings,
}

impl SweepPlan {
    /// Reads `name`: a sweep or a run of the program by its name, or a TOML file of either. Then
    /// come the command line's values over it, of which several for one key are an axis.
    ///
    /// # Errors
    /// Those of [`Sources::open`] and [`Plan::check`], and a wrong axis.
    pub fn open(
        name: &str,
        swept: &[SweptAssignment],
        data_folder: Option<&Path>,
    ) -> Result<Self, Error> {
        let (file, origin) = read(name)?;
        let slurm = file.slurm.clone();
        let command_line: Vec<SweepAxis> =
            swept.iter().map(|axis| SweepAxis::of(&axis.path, axis.values.clone())).collect();
        let (mut runs, mut seen, mut repeated) = (Vec::new(), HashSet::new(), 0);
        let mut examples = SharedExamples::default();
        let over = product(&command_line)?;
        let blocks = file.blocks(&origin)?;
        let of_blocks: f64 = blocks.iter().map(|block| number_of_points(&block.axes)).sum();
        check_number(of_blocks * over.len() as f64)?;
        for block in blocks {
            let base = base(&block, &origin)?;
            for point in product(&block.axes)? {
                for last in &over {
                    let mut sources = base.clone();
                    put(&mut sources, &block.set, &origin);
                    put(&mut sources, &point, &origin);
                    put(&mut sources, last, &ValueOrigin::CommandLine);
                    if let Some(folder) = data_folder {
                        sources.assign_path("data.folder", folder);
                    }
                    let plan = Plan::check_sharing(&sources.complete()?, &mut examples)?;
                    if seen.insert(plan.id().clone()) {
                        runs.push(plan);
                    } else {
                        repeated += 1;
                    }
                }
            }
        }
        let name = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, runs, repeated, slurm })
    }

    /// Its name, or that of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every run once.
    pub fn runs(&self) -> &[Plan] {
        &self.runs
    }

    /// What tells the runs apart.
    pub fn titles(&self) -> Titles {
        Titles::of_runs(&self.runs)
    }

    /// How many times a combination named a run that another had named before.
    pub fn repeated(&self) -> usize {
        self.repeated
    }

    /// What the file says about Slurm.
    pub fn slurm(&self) -> &SlurmSettings {
        &self.slurm
    }
}

/// A sweep, or a run as the sweep of one point.
fn read(name: &str) -> Result<(SweepFile, ValueOrigin), Error> {
    if let Some(text) = presets::sweep(name) {
        let file = toml::from_str(text).expect("the sweeps are checked by a test");
        return Ok((file, ValueOrigin::Preset(name.to_owned())));
    }
    let path = Path::new(name);
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    if is_toml && let Some(file) = SweepFile::from_text(path, &text_of(path)?)? {
        return Ok((file, ValueOrigin::File(path.to_owned())));
    }
    Ok((SweepFile::of_run(name), ValueOrigin::CommandLine))
}

/// What a block starts from; a file's name is relative to the file that names it.
fn base(block: &Block, origin: &ValueOrigin) -> Result<Sources, Error> {
    match (&block.base, origin) {
        (None, _) => Ok(Sources::default()),
        (Some(name), ValueOrigin::File(file)) if name.contains('/') || name.ends_with(".toml") => {
            let folder = file.parent().unwrap_or(Path::new(""));
            Sources::from_file(&folder.join(name))
        }
        (Some(name), _) => Sources::open(name),
    }
}

fn put(sources: &mut Sources, values: &[Assignment], origin: &ValueOrigin) {
    for value in values {
        sources.assign_from(value.clone(), origin);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use minimascope_record::training::Optimizer;

    use super::*;

    const FILE: &str = r#"
        base = "base.toml"
        set = { train.stop.max_steps = 7 }
        grid.train.seed = [0, 1]

        [[part]]
        grid.train.learning_rate = [0.1, 0.5]
        grid.train.batch_size = [4, "all"]

        [[part]]
        zip.train.learning_rate = [0.2, 0.3]
        zip.data.train.first = [10, 11]

        [[part]]
        [[part.list]]
        train = { learning_rate = 0.1, batch_size = 12 }
        [[part.list]]
        train.optimizer = { kind = "heavy-ball", momentum = 0.5 }
    "#;

    const BASE: &str = r#"
        model.preset = "linear"
        data = { source = "fashion-mnist", train = { first = 12 }, test = { first = 1 } }
        train = { learning_rate = 0.1, stop = { max_steps = 5 } }
    "#;

    fn planned(text: &str, swept: &[&str]) -> Result<SweepPlan, Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base.toml"), BASE).unwrap();
        let path = folder.path().join("sweep.toml");
        std::fs::write(&path, text).unwrap();
        let swept: Vec<_> = swept.iter().map(|text| text.parse().unwrap()).collect();
        SweepPlan::open(path.to_str().unwrap(), &swept, None)
    }

    fn listed(plan: &SweepPlan) -> String {
        let mut text = String::new();
        for run in plan.runs() {
            let train = &run.config().train;
            let (rate, size) = (train.learning_rate, train.batch_size);
            write!(text, "{rate} {size} {} {}; ", train.seed, run.train().len()).unwrap();
            assert_eq!(train.stop.max_steps, 7);
        }
        text
    }

    #[test]
    fn parts_grids_zips_and_lists_expand_in_order_and_name_a_run_once() {
        let plan = planned(FILE, &[]).unwrap();
        assert_eq!(
            listed(&plan),
            "0.1 4 0 12; 0.5 4 0 12; 0.1 all 0 12; 0.5 all 0 12; \
             0.1 4 1 12; 0.5 4 1 12; 0.1 all 1 12; 0.5 all 1 12; \
             0.2 all 0 10; 0.3 all 0 11; 0.2 all 1 10; 0.3 all 1 11; \
             0.1 all 0 12; 0.1 all 1 12; "
        );
        // B = 12 is B = n, and heavy ball is not plain.
        assert_eq!(plan.repeated(), 2);
        assert_eq!(plan.name(), "sweep");
    }

    #[test]
    fn a_title_has_what_tells_runs_apart_and_nothing_twice() {
        let plan = planned(FILE, &[]).unwrap();
        // The momentum follows from the optimiser, the examples from the learning rate.
        let titles = plan.titles();
        let shown: Vec<&str> = titles.keys().collect();
        assert_eq!(shown, ["batch_size", "learning_rate", "optimizer.kind", "seed"]);
        assert!(titles.of(0).contains("learning_rate=0.1"), "{}", titles.of(0));
        let zipped = planned(
            "base = \"base.toml\"\nset.train.stop.max_steps = 7\n\
            zip.train.learning_rate = [0.1, 0.2]\nzip.train.weight_decay = [0.0, 0.5]",
            &[],
        );
        assert_eq!(zipped.unwrap().titles().of(1), "learning_rate=0.2");
    }

    #[test]
    fn the_command_line_stands_over_the_file_and_adds_axes() {
        let plan = planned(FILE, &["train.seed=5", "train.batch_size=1,2"]).unwrap();
        assert_eq!(plan.runs().len(), 2 * 4 + 2);
        assert!(plan.runs().iter().all(|run| run.config().train.seed == 5));
        // Two seeds became one, and so did two batch sizes of the first part.
        assert_eq!(plan.repeated() + plan.runs().len(), 2 * 2 * (4 + 2 + 2));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let said = |text: &str| {
            let said = planned(text, &[]).unwrap_err().to_string();
            said.split_once("sweep.toml").unwrap_or_else(|| panic!("{said}"));
            said.split_whitespace().last().unwrap().to_owned()
        };
        assert_eq!(said("grid.train.seed = 3"), "values");
        assert_eq!(said("grid.train.seed = []"), "empty");
        assert_eq!(said("zip.train.seed = [1]\nzip.data.train.first = [1, 2]"), "2");
        assert!(said("grdi.train.seed = [3]\nbase = \"lenet5\"").ends_with('`'));
        let unknown = planned("base = \"base.toml\"\ngrid.train.sed = [3]", &[]).unwrap_err();
        assert!(unknown.to_string().starts_with("unknown key train.sed ("), "{unknown}");
        assert_eq!(unknown.hint().as_deref(), Some("did you mean train.seed?"));
    }

    #[test]
    fn the_paper_has_every_cell_with_five_seeds() {
        let plan = SweepPlan::open("paper", &[], None).unwrap();
        // 3 × 3 and 2 × 4 of the batch sizes; of the diagrams 12 each less the two and three
        // (gain 1 at B = 10, n and at B = 4, 10, n) that stand there; of Table 1 the three and two
        // learning rates beyond; four of the corrupted set; beyond the study, three of momentum and
        // two of Adam.
        let cells = 9 + 8 + (12 - 2) + (12 - 3) + 3 + 2 + 4 + 5;
        assert_eq!(plan.runs().len(), 5 * cells);
        assert!(plan.runs().iter().all(|run| run.config().train.stop.max_steps == 400_000));
        let traced = |run: &&Plan| run.batch_size() == run.train().len();
        let gd = plan.runs().iter().filter(traced).filter(|run| {
            let config = run.config();
            config.initialization.gain == 1.0
                && config.observe.sharpness_every == 0
                && config.train.optimizer == Optimizer::Sgd
        });
        assert_eq!(gd.count(), 0, "gradient descent is traced");
    }

    #[test]
    fn a_run_is_a_sweep_of_one_point() {
        let plan = SweepPlan::open("cifar10-vgg", &[], None).unwrap();
        assert_eq!(plan.runs().len(), 1);
        let missing = SweepPlan::open("cifar10", &[], None).unwrap_err();
        assert!(matches!(missing, Error::UnknownPreset { .. }));
    }
}
