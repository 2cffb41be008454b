//! `measure`: a finished run, or a file of parameters.

use minimascope_experiment::measure::MoreSpectrum;
use minimascope_experiment::measure::target::Target;

use crate::arguments::Measure;
use crate::exit::{Done, Failure};
use crate::{interrupt, output, progress, summary};

pub(crate) fn run(arguments: &Measure) -> Result<Done, Failure> {
    let target = Target::find(&arguments.target, &arguments.out, arguments.config.as_deref())?;
    let more = MoreSpectrum {
        top: arguments.top.map_or(0, usize::from),
        density: arguments.density,
        trace: arguments.trace,
    };
    let mut progress = progress::on_stderr();
    let machine = arguments.machine.into();
    let summary = target.measure(&more, &machine, progress.as_mut(), interrupt::flag())?;
    drop(progress);
    let Some(summary) = summary else { return Ok(Done::Interrupted) };
    if arguments.json {
        output::json(&summary)?;
    } else {
        output::text(&summary::text(&summary))?;
    }
    Ok(summary::ended(&summary))
}
