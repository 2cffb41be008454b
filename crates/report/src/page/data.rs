//! The numbers of a figure, for the page's script to write as CSV.

use minimascope_plot::{Body, DataPoint, Figure, Mark, Panel, Series, Text};
use serde_json::{Value, json};

/// One entry for each series: its panel, the quantities of its columns and its rows
/// `[x, y, x error, y error]`; for a band `[x, lower, null, null, upper]`.
pub(super) fn of(figure: &Figure) -> String {
    let series: Vec<Value> = figure.panels.iter().flat_map(panel).collect();
    // Escape `<`, so that no name can end the script element.
    Value::Array(series).to_string().replace('<', "\\u003c")
}

fn panel(panel: &Panel) -> Vec<Value> {
    let title = panel.title.bare();
    match &panel.body {
        Body::Chart(chart) => {
            let axes = [chart.x.label.bare(), chart.y.label.bare()];
            let entries = chart.series.iter().filter_map(|series| {
                let rows = rows(series)?;
                Some(entry(&title, series.label.as_ref(), &axes, &rows))
            });
            entries.collect()
        }
        Body::BarChart(bars) => {
            let axes = [bars.axis.label.bare(), String::new()];
            let row = |bar: &minimascope_plot::LabelledBar| {
                let rows = vec![json!([number(bar.value), null, bar.error.map(number)])];
                entry(&title, Some(&bar.name), &axes, &rows)
            };
            bars.bars.iter().map(row).collect()
        }
        Body::Sheet(sheet) => {
            let axes = ["picture".to_owned(), "wrong label".to_owned()];
            let tiles = sheet.tiles.iter().enumerate().map(|(index, tile)| {
                let rows = vec![json!([index, u8::from(tile.marked)])];
                entry(&title, Some(&tile.label), &axes, &rows)
            });
            tiles.collect()
        }
    }
}

fn entry(panel: &str, label: Option<&Text>, axes: &[String; 2], rows: &[Value]) -> Value {
    let name = label.map(Text::bare).unwrap_or_default();
    json!({ "panel": panel, "series": name, "x": axes[0], "y": axes[1], "rows": rows })
}

fn rows(series: &Series) -> Option<Vec<Value>> {
    let point = |point: &DataPoint| {
        let [x, y] = point.at.map(number);
        match point.error {
            [None, None] => json!([x, y]),
            [across, up] => json!([x, y, across.map(number), up.map(number)]),
        }
    };
    Some(match &series.mark {
        Mark::Line { points, .. } => points.iter().map(|at| json!(at.map(number))).collect(),
        Mark::Points { points, .. } => points.iter().map(point).collect(),
        Mark::Band { bounds } => {
            let bound = |[x, low, high]: &[f64; 3]| {
                json!([number(*x), number(*low), null, null, number(*high)])
            };
            bounds.iter().map(bound).collect()
        }
        Mark::Region { x, y, .. } => {
            vec![json!([x[1].map(number), y[1].map(number)])]
        }
        Mark::Horizontal { y, .. } => vec![json!([null, number(*y)])],
        Mark::Vertical { x, .. } => vec![json!([number(*x)])],
        Mark::Rug { values } => values.iter().map(|value| json!([number(*value)])).collect(),
        Mark::Beside { .. } => return None,
    })
}

/// Rounds to seven significant digits, the precision of f32.
fn number(value: f64) -> Value {
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    if rounded == rounded.trunc() && rounded.abs() < 1e15 {
        json!(rounded as i64)
    } else {
        json!(rounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minimascope_plot::{Axis, Chart, Ink, Series};

    #[test]
    fn every_series_is_there_and_no_name_ends_the_element() {
        let label = Text::plain("</script><b>");
        let axis = || Axis::linear(Text::markup("*a*"));
        let chart = Chart::new(axis(), axis())
            .with(Series::line(vec![[0.0, 1.0 / 3.0], [1e7, 2.0]], Ink::Series(0)).named(label));
        let mut figure = Figure::new("f", Text::plain("F"), "");
        figure.panels.push(Panel::chart(Text::plain("P"), chart));
        let text = of(&figure);
        assert_eq!(
            text,
            "[{\"panel\":\"P\",\"rows\":[[0,0.3333333],[10000000,2]],\
             \"series\":\"\\u003c/script>\\u003cb>\",\"x\":\"a\",\"y\":\"a\"}]"
        );
    }
}
