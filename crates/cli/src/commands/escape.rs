//! `escape`: SGD launched from a minimum, or from a minimum of the one-dimensional example.

mod toy;

use crate::arguments::Escape;
use crate::exit::{Done, Failure};

pub(crate) fn run(arguments: &Escape) -> Result<Done, Failure> {
    if arguments.target == "toy" {
        return toy::run(arguments);
    }
    Ok(Done::Well)
}
