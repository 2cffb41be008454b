//! Parquet, flat: one row group, every column optional.

use std::sync::Arc;

use ::parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use ::parquet::column::writer::ColumnWriter;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::Type;

use super::table::{Table, Values};

pub(super) fn write(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let fields = table
        .columns
        .iter()
        .map(|column| field(&column.name, &column.values).map(Arc::new))
        .collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder("table").with_fields(fields).build()?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for column in &table.columns {
        let mut open = group.next_column()?.expect("as many as the schema has");
        match (open.untyped(), &column.values) {
            (ColumnWriter::BoolColumnWriter(to), Values::Boolean(values)) => {
                let (levels, values) = split(values, |value| *value);
                to.write_batch(&values, Some(&levels), None)?;
            }
            (ColumnWriter::Int64ColumnWriter(to), Values::Integer(values)) => {
                // The logical type says that the bits are unsigned.
                let (levels, values) = split(values, |value| value.cast_signed());
                to.write_batch(&values, Some(&levels), None)?;
            }
            (ColumnWriter::DoubleColumnWriter(to), Values::Number(values)) => {
                let (levels, values) = split(values, |value| *value);
                to.write_batch(&values, Some(&levels), None)?;
            }
            (ColumnWriter::ByteArrayColumnWriter(to), Values::Text(values)) => {
                let (levels, values) = split(values, |value| ByteArray::from(value.as_str()));
                to.write_batch(&values, Some(&levels), None)?;
            }
            _ => unreachable!("the schema was made from the columns"),
        }
        open.close()?;
    }
    group.close()?;
    writer.into_inner()
}

fn field(name: &str, values: &Values) -> Result<Type, ParquetError> {
    let (physical, logical) = match values {
        Values::Boolean(_) => (Physical::BOOLEAN, None),
        Values::Integer(_) => (Physical::INT64, Some(LogicalType::integer(64, false))),
        Values::Number(_) => (Physical::DOUBLE, None),
        Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

/// Which values are there, and those that are.
fn split<V, T>(values: &[Option<V>], convert: impl Fn(&V) -> T) -> (Vec<i16>, Vec<T>) {
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (levels, values.iter().flatten().map(convert).collect())
}

#[cfg(test)]
mod tests {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;

    use super::super::table::Column;
    use super::*;

    /// By the crate's reader of rows, which shares nothing with the writer of columns.
    #[test]
    fn what_was_written_reads_back() {
        let columns = vec![
            Column::bare("flag", Values::Boolean(vec![Some(true), None, Some(false)])),
            Column::bare("count", Values::Integer(vec![Some(u64::MAX), Some(3), None])),
            Column::bare("value", Values::Number(vec![None, Some(0.1), Some(-2.5e-300)])),
            Column::bare(
                "word",
                Values::Text(vec![Some("Füße".into()), None, Some(String::new())]),
            ),
        ];
        let bytes = write(&Table { columns }).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<Vec<Field>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect())
            .collect();
        let text = |text: &str| Field::Str(text.to_owned());
        assert_eq!(
            rows,
            [
                vec![Field::Bool(true), Field::ULong(u64::MAX), Field::Null, text("Füße")],
                vec![Field::Null, Field::ULong(3), Field::Double(0.1), Field::Null],
                vec![Field::Bool(false), Field::Null, Field::Double(-2.5e-300), text("")],
            ]
        );
    }
}
