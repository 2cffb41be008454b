//! What all launches from a minimum share.

use minimascope_record::training::Sampling;

use super::leaving::LeavingRule;
use crate::loaded_plan::LoadedPlan;

/// The network, its start, and how a launch is run and judged.
pub(super) struct LaunchSetting<'p, 'a, T> {
    pub(super) loaded: &'p LoadedPlan<'a, T>,
    /// The parameters of the minimum.
    pub(super) start: &'p [T],
    pub(super) sampling: Sampling,
    pub(super) rule: LeavingRule,
    pub(super) max_steps: u64,
}
