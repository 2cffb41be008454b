//! Where a run's numbers come from.

use std::time::{SystemTime, UNIX_EPOCH};

use minimascope_record::SCHEMA_VERSION;
use minimascope_record::run::Provenance;

use crate::plan::{Plan, numerics_version};

pub(super) fn of(plan: &Plan, threads: usize) -> Provenance {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Provenance {
        schema_version: SCHEMA_VERSION,
        run: plan.id().to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: option_env!("MINIMASCOPE_COMMIT").map(str::to_owned),
        numerics_version: numerics_version(plan.config().loss),
        processor: processor(),
        threads,
        started,
        train_digest: plan.train().digest().to_owned(),
        test_digest: plan.test().map(|test| test.digest().to_owned()),
        data_origin: plan.train().source().to_owned(),
    }
}

#[cfg(target_arch = "x86_64")]
fn processor() -> Vec<String> {
    let features = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ];
    let offered = features.into_iter().filter(|(_, offered)| *offered).map(|(name, _)| name);
    std::iter::once(std::env::consts::ARCH).chain(offered).map(str::to_owned).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> Vec<String> {
    vec![std::env::consts::ARCH.to_owned()]
}
