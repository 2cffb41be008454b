//! What the folder of one run holds, read and ready to be shown.

use crate::config::RunConfig;
use crate::escape::{Escape, EscapeGrid};
use crate::run::{Provenance, RunSummary, Spectrum, Timing};
use crate::stability::{Judged, StabilityReport};
use crate::trace::{CurvatureLine, StepLine};

/// The records of one run, finished or not.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRun {
    /// The id.
    pub run: String,
    /// The configuration.
    pub config: RunConfig,
    /// The same, as the file says it.
    pub text: String,
    /// Where the numbers come from.
    pub provenance: Option<Provenance>,
    /// Seconds.
    pub timing: Option<Timing>,
    /// The result; `None` for a run that is not finished.
    pub result: Option<RunSummary>,
    /// Why the run failed, where it did for another reason than its numbers.
    pub error: Option<String>,
    /// Batch losses; read for the page of one run only.
    pub steps: Vec<StepLine>,
    /// The whole sets and the curvature while training.
    pub curvature: Vec<CurvatureLine>,
    /// The most of the spectrum that any `measure` of the run found.
    pub spectrum: Option<Spectrum>,
    /// The criteria at the run's own learning rate, of all answers.
    pub judged: Vec<Judged>,
    /// What `stability` answered, one a question; the best known first.
    pub stability: Vec<StabilityReport>,
    /// `escape/*/escape.json`.
    pub escapes: Vec<Escape>,
    /// `escape/grid/grid.json`.
    pub grid: Option<EscapeGrid>,
}

impl StoredRun {
    /// A run of which only the configuration is known.
    pub fn new(run: String, config: RunConfig, text: String) -> Self {
        Self {
            run,
            config,
            text,
            provenance: None,
            timing: None,
            result: None,
            error: None,
            steps: Vec::new(),
            curvature: Vec::new(),
            spectrum: None,
            judged: Vec::new(),
            stability: Vec::new(),
            escapes: Vec::new(),
            grid: None,
        }
    }

    /// The judgement at the run's own learning rate and batch size.
    pub fn own_judgement(&self) -> Option<&Judged> {
        let result = self.result.as_ref()?;
        let (rate, size) = (result.learning_rate, result.batch_size);
        self.judged.iter().rfind(|at| at.learning_rate == rate && at.batch_size == size)
    }
}
