//! CSV as RFC 4180 has it: a header, commas, quotation marks where needed, nothing where a value
//! is not there.

use super::table::{Table, Values};

pub(super) fn write(table: &Table) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut record = |cells: Vec<String>| {
        writer.write_record(cells).expect("memory takes all, and rows are of one length");
    };
    record(table.columns.iter().map(|column| column.name.clone()).collect());
    for row in 0..table.rows() {
        record(table.columns.iter().map(|column| cell(&column.values, row)).collect());
    }
    writer.into_inner().expect("memory takes all")
}

/// Numbers in the shortest digits that read back as the same bits.
fn cell(values: &Values, row: usize) -> String {
    let text = match values {
        Values::Boolean(values) => values[row].map(|value| value.to_string()),
        Values::Integer(values) => values[row].map(|value| value.to_string()),
        Values::Number(values) => values[row].map(|value| format!("{value:?}")),
        Values::Text(values) => values[row].clone(),
    };
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::table::Column;
    use super::*;

    #[test]
    fn what_needs_quotation_marks_gets_them() {
        let columns = vec![
            Column::bare("text", Values::Text(vec![Some("a,\"b\"".into()), None])),
            Column::bare("number", Values::Number(vec![Some(0.1 + 0.2), Some(1e-7)])),
            Column::bare("integer", Values::Integer(vec![Some(u64::MAX), None])),
            Column::bare("boolean", Values::Boolean(vec![Some(true), Some(false)])),
        ];
        let text = String::from_utf8(write(&Table { columns })).unwrap();
        assert_eq!(
            text,
            "text,number,integer,boolean\n\"a,\"\"b\"\"\",0.30000000000000004,\
             18446744073709551615,true\n,1e-7,,false\n"
        );
    }
}
