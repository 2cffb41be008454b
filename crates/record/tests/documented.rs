//! Every key of an object that this crate describes stands in docs/records.md.

mod schema_words;

use minimascope_record::escape::{Escape, EscapeGrid, ToyEscape};
use minimascope_record::listing::{ConfigTable, DataCheck, DataList, ModelList, ModelTable};
use minimascope_record::point::PointSummary;
use minimascope_record::reproduction::Theory;
use minimascope_record::run::{Provenance, RunSummary, Timing};
use minimascope_record::stability::StabilityReport;
use minimascope_record::sweep::{SlurmLaunch, SweepReport, SweepTables};
use minimascope_record::trace::{CurvatureLine, StepLine};
use schema_words::words;
use schemars::{Schema, schema_for};

#[test]
fn every_key_is_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/records.md");
    let page = std::fs::read_to_string(page).unwrap();
    let schemas: [(&str, Schema); 19] = [
        ("a run", schema_for!(RunSummary)),
        ("provenance", schema_for!(Provenance)),
        ("timing", schema_for!(Timing)),
        ("steps", schema_for!(StepLine)),
        ("curvature", schema_for!(CurvatureLine)),
        ("theory", schema_for!(Theory)),
        ("model list", schema_for!(ModelList)),
        ("model show", schema_for!(ModelTable)),
        ("data list", schema_for!(DataList)),
        ("data verify", schema_for!(DataCheck)),
        ("config show", schema_for!(ConfigTable)),
        ("a measured point", schema_for!(PointSummary)),
        ("stability", schema_for!(StabilityReport)),
        ("escape", schema_for!(Escape)),
        ("escape grid", schema_for!(EscapeGrid)),
        ("escape toy", schema_for!(ToyEscape)),
        ("sweep", schema_for!(SweepReport)),
        ("sweep launch", schema_for!(SlurmLaunch)),
        ("sweep collect", schema_for!(SweepTables)),
    ];
    for (name, schema) in schemas {
        for word in words(&schema.into()) {
            assert!(
                page.contains(&format!("`{word}`")),
                "{name}: `{word}` is not in docs/records.md"
            );
        }
    }
}
