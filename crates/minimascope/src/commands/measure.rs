//! `measure`: a finished run, or a file of parameters.

use minimascope_experiment::target::Target;
use minimascope_minimum::SpectrumQuestion;

use crate::arguments::Measure;
use crate::exit::{Done, Failure};
use crate::{interrupt, output, progress, summary};

pub(crate) fn run(arguments: &Measure) -> Result<Done, Failure> {
    let target = Target::find(&arguments.target, &arguments.out, arguments.config.as_deref())?;
    let question = SpectrumQuestion {
        top: arguments.top.map_or(0, usize::from),
        density: arguments.density,
        trace: arguments.trace,
    };
    let mut progress = progress::on_stderr();
    let machine = arguments.machine.into();
    let summary = target.measure(&question, &machine, progress.as_mut(), interrupt::flag())?;
    drop(progress);
    if arguments.json {
        output::json(&summary)?;
    } else {
        output::text(&summary::text(&summary))?;
    }
    Ok(summary::ended(&summary))
}
