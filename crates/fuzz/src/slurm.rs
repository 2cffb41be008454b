//! What Slurm's commands say.

use minimascope_experiment::sweep::slurm::{Queue, job_of};

use crate::FuzzTarget;
use crate::configuration::said;

pub(crate) const QUEUE: FuzzTarget = FuzzTarget {
    name: "queue",
    longest: 256,
    memory_per_byte: 400,
    read: |input| said(Queue::read(&String::from_utf8_lossy(input)).map(drop)),
};

pub(crate) const JOB: FuzzTarget = FuzzTarget {
    name: "job",
    longest: 64,
    memory_per_byte: 100,
    read: |input| match job_of(&String::from_utf8_lossy(input)) {
        Ok(job) => assert_eq!(job_of(&job).ok(), Some(job), "a job is a number"),
        other => said(other.map(drop)),
    },
};
