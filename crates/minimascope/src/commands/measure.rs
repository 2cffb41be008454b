//! `measure`: a finished run, or a file of parameters.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use minimascope_experiment::target::Target;
use minimascope_minimum::SpectrumQuestion;

use crate::arguments::MachineArguments;
use crate::exit::{Done, Failure};
use crate::output::ResultFormat;
use crate::{interrupt, progress, summary};

/// Measure a finished run, or a file of parameters.
#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    /// A run's folder or id, or a .safetensors file of parameters.
    #[arg(value_name = "RUN|CHECKPOINT")]
    target: String,
    /// The run preset or TOML file that a lone file of parameters belongs to.
    #[arg(long, value_name = "PRESET|FILE.toml")]
    config: Option<String>,
    /// The largest K eigenvalues of the Hessian.
    #[arg(long, value_name = "K")]
    top: Option<NonZeroUsize>,
    /// The density of the Hessian's eigenvalues.
    #[arg(long)]
    density: bool,
    /// The trace of the Hessian.
    #[arg(long)]
    trace: bool,
    /// The folder that holds run folders, where RUN is an id.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    #[command(flatten)]
    format: ResultFormat,
    #[command(flatten)]
    machine: MachineArguments,
}

pub(super) fn run(arguments: &MeasureArguments) -> Result<Done, Failure> {
    let machine = arguments.machine.start();
    let target = Target::find(&arguments.target, &arguments.out, arguments.config.as_deref())?;
    progress::say_notes(target.plan().notes());
    let question = SpectrumQuestion {
        top: arguments.top.map_or(0, usize::from),
        density: arguments.density,
        trace: arguments.trace,
    };
    let mut progress = progress::on_stderr();
    let summary = target.measure(&question, &machine, progress.as_mut(), interrupt::flag())?;
    drop(progress);
    arguments.format.print(&summary, summary::text)?;
    Ok(summary::ended(&summary))
}
