//! A table with a type, a unit and a meaning for each column.

/// Columns of one length.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) meaning: String,
    pub(super) values: Values,
}

/// The values of a column; what is not there is `None`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Boolean(Vec<Option<bool>>),
    /// Counts and seeds: never negative.
    Integer(Vec<Option<u64>>),
    Number(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

#[cfg(test)]
impl Column {
    /// Without unit and meaning, which no writer of values reads.
    pub(super) fn bare(name: &str, values: Values) -> Self {
        Self { name: name.into(), unit: String::new(), meaning: String::new(), values }
    }
}

impl Table {
    pub(super) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }
}

impl Values {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Boolean(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Number(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// The name of the type, in the dictionary.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Number(_) => "number",
            Self::Text(_) => "text",
        }
    }
}
