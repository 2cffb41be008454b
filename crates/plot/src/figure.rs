//! A figure: a title, panels in a grid, notes; and its SVG.

use crate::Error;
use crate::bars::{self, BarChart};
use crate::chart::legend::{Legend, entries};
use crate::chart::{self, Chart, Location};
use crate::plot::Plot;
use crate::sheet::{self, Sheet};
use crate::svg::text::Text;
use crate::svg::theme::{Theme, stylesheet};
use crate::svg::writer::{Anchor, Frame, TextPlace, TextRole, Writer, coordinate};

/// Space around a figure and between its panels.
const MARGIN: f64 = 14.0;
const GUTTER: f64 = 26.0;

/// Smallest width in which data are still drawn.
const NARROWEST: f64 = 90.0;

/// What a panel holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Two axes and series.
    Chart(Chart),
    /// Horizontal bars.
    BarChart(BarChart),
    /// Pictures.
    Sheet(Sheet),
}

/// One cell of a figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Heading; may be empty.
    pub title: Text,
    /// Contents.
    pub body: Body,
}

impl Panel {
    /// A panel that holds a chart.
    pub fn chart(title: Text, chart: Chart) -> Panel {
        Panel { title, body: Body::Chart(chart) }
    }
}

/// Where the names of the series stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegendPlace {
    /// Above each panel: its own series.
    Panels,
    /// Once, above all panels.
    Figure,
}

/// A figure, complete but for its colours.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Name within a page and of the file: lower-case letters, digits and hyphens. Two figures of
    /// one page need different ones.
    pub identifier: String,
    /// Heading.
    pub title: Text,
    /// What was done, under the heading; may be empty.
    pub subtitle: Text,
    /// What the figure shows, in words, for readers who do not see it.
    pub description: String,
    /// Panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels in a row.
    pub columns: usize,
    /// Position of the legend.
    pub legend: LegendPlace,
    /// Remarks below; may be empty.
    pub notes: Vec<Text>,
    /// Width in user units; the height follows from the contents.
    pub width: f64,
}

impl Figure {
    /// A figure without panels, 860 units wide.
    pub fn new(identifier: &str, title: Text, description: impl Into<String>) -> Figure {
        Figure {
            identifier: identifier.to_owned(),
            title,
            subtitle: Text::default(),
            description: description.into(),
            panels: Vec::new(),
            columns: 1,
            legend: LegendPlace::Panels,
            notes: Vec::new(),
            width: 860.0,
        }
    }

    /// The figure as one SVG document, which stands alone and inside an HTML page alike.
    ///
    /// The same figure gives the same bytes.
    ///
    /// # Errors
    /// [`Error::NotFinite`], [`Error::NotPositive`] and [`Error::Reversed`] for values that have no
    /// place on their axes, [`Error::Empty`] for a figure or panel without data, and
    /// [`Error::TooNarrow`] when the labels leave no room for the data.
    pub fn to_svg(&self, theme: Theme) -> Result<String, Error> {
        let plots = self.plots()?;
        let grid = PanelGrid::new(self, &plots)?;
        let mut body = Writer::default();
        let mut y = MARGIN;
        y = self.draw_head(&mut body, y);
        y = grid.draw(&mut body, y);
        y = self.draw_notes(&mut body, y);
        Ok(self.document(theme, &body.finish(), y + MARGIN))
    }

    fn plots(&self) -> Result<Vec<Box<dyn Plot + '_>>, Error> {
        let location = Location { figure: &self.identifier, panel: "" };
        if self.panels.is_empty() {
            return Err(location.empty());
        }
        self.panels.iter().map(|panel| self.plot(panel)).collect()
    }

    fn plot<'a>(&self, panel: &'a Panel) -> Result<Box<dyn Plot + 'a>, Error> {
        let title = panel.title.bare();
        let location = Location { figure: &self.identifier, panel: &title };
        Ok(match &panel.body {
            Body::Chart(chart) => {
                let own_legend = self.legend == LegendPlace::Panels;
                Box::new(chart::draw::CheckedChart::new(chart, own_legend, &location)?)
            }
            Body::BarChart(bars) => Box::new(bars::CheckedBars::new(bars, &location)?),
            Body::Sheet(sheet) => Box::new(sheet::CheckedSheet::new(sheet, &location)?),
        })
    }

    fn room(&self) -> f64 {
        self.width - 2.0 * MARGIN
    }

    fn draw_head(&self, writer: &mut Writer, mut y: f64) -> f64 {
        for (role, text) in [(TextRole::Title, &self.title), (TextRole::Subtitle, &self.subtitle)] {
            y = draw_lines(writer, role, text, y, self.room());
        }
        y += 6.0;
        if self.legend == LegendPlace::Figure {
            let charts = self.panels.iter().filter_map(|panel| match &panel.body {
                Body::Chart(chart) => Some(chart),
                Body::BarChart(_) | Body::Sheet(_) => None,
            });
            let series = charts.flat_map(|chart| &chart.series);
            let legend = Legend::new(entries(series, false), self.room());
            legend.draw(writer, MARGIN, y);
            y += legend.height();
        }
        y
    }

    fn draw_notes(&self, writer: &mut Writer, mut y: f64) -> f64 {
        if !self.notes.is_empty() {
            y += 6.0;
        }
        for note in &self.notes {
            y = draw_lines(writer, TextRole::Note, note, y, self.room());
        }
        y
    }

    fn document(&self, theme: Theme, body: &str, height: f64) -> String {
        let [width_text, height_text] = [self.width, height.ceil()].map(coordinate);
        let view = format!("0 0 {width_text} {height_text}");
        let [title_id, description_id] =
            ["title", "description"].map(|part| format!("mm-{}-{part}", self.identifier));
        let mut writer = Writer::default();
        writer.open(
            "svg",
            &[
                ("xmlns", "http://www.w3.org/2000/svg"),
                ("class", "mm"),
                ("width", &width_text),
                ("height", &height_text),
                ("viewBox", &view),
                ("role", "img"),
                ("aria-labelledby", &format!("{title_id} {description_id}")),
            ],
        );
        writer.leaf("title", &[("id", &title_id)], &self.title.bare());
        writer.leaf("desc", &[("id", &description_id)], &self.description);
        writer.leaf("style", &[], &format!("\n{}", stylesheet(theme)));
        let page = Frame { x: 0.0, y: 0.0, width: self.width, height: height.ceil() };
        writer.rectangle(page, "mm-surface");
        writer.finish() + body + "</svg>\n"
    }
}

/// Lines of text from the left margin down; returns where the next thing starts.
fn draw_lines(writer: &mut Writer, role: TextRole, text: &Text, mut y: f64, width: f64) -> f64 {
    for line in role.wrapped(text, width) {
        let baseline = y + 0.5 * role.line_height() + 0.35 * role.size();
        writer.text(&line, role, TextPlace::at(MARGIN, baseline, Anchor::Start));
        y += role.line_height();
    }
    y
}

/// Panels in rows and columns whose axes are aligned.
struct PanelGrid<'a> {
    figure: &'a Figure,
    plots: &'a [Box<dyn Plot + 'a>],
    columns: usize,
    left: Vec<f64>,
    width: Vec<f64>,
    cell: f64,
}

impl<'a> PanelGrid<'a> {
    fn new(figure: &'a Figure, plots: &'a [Box<dyn Plot + 'a>]) -> Result<PanelGrid<'a>, Error> {
        let columns = figure.columns.clamp(1, plots.len());
        let cell = (figure.room() - (columns - 1) as f64 * GUTTER) / columns as f64;
        let column = |index: usize| plots.iter().skip(index).step_by(columns);
        let widest = |index: usize, margin: &dyn Fn(&dyn Plot) -> f64| {
            column(index).map(|plot| margin(plot.as_ref())).fold(0.0, f64::max)
        };
        let (mut left, mut width) = (Vec::new(), Vec::new());
        for index in 0..columns {
            let left_margin = widest(index, &|plot| plot.left());
            // Ticks, and with them the right margin, depend on the width that is left: a second
            // look with the first answer settles it.
            let mut room = (cell - left_margin - 8.0).max(NARROWEST);
            for _ in 0..2 {
                let right = widest(index, &|plot| plot.right(room));
                room = cell - left_margin - right;
                if room < NARROWEST {
                    let panel = figure.panels.get(index).map(|panel| panel.title.bare());
                    return Err(Error::TooNarrow {
                        figure: figure.identifier.clone(),
                        what: format!("panel `{}`", panel.unwrap_or_default()),
                        room,
                        needed: NARROWEST,
                    });
                }
            }
            left.push(left_margin);
            width.push(room);
        }
        Ok(PanelGrid { figure, plots, columns, left, width, cell })
    }

    fn draw(&self, writer: &mut Writer, mut y: f64) -> f64 {
        let panels: Vec<(&Panel, &dyn Plot)> =
            self.figure.panels.iter().zip(self.plots.iter().map(AsRef::as_ref)).collect();
        for row in panels.chunks(self.columns) {
            let most = |measure: &dyn Fn(usize, &dyn Plot) -> f64| {
                let all = row.iter().enumerate().map(|(column, (_, plot))| measure(column, *plot));
                all.fold(0.0, f64::max)
            };
            let role = TextRole::PanelTitle;
            let titles = row.iter().map(|(panel, _)| role.wrapped(&panel.title, self.cell).len());
            let title = titles.max().unwrap_or(0) as f64 * role.line_height();
            let top = most(&|column, plot| plot.top(self.width[column]));
            let height = most(&|_, plot| plot.height());
            let bottom = most(&|column, plot| plot.bottom(self.width[column]));
            for (column, (panel, plot)) in row.iter().enumerate() {
                let x = MARGIN + column as f64 * (self.cell + GUTTER);
                let name = panel.title.bare();
                writer.open("g", &[("class", "mm-panel"), ("data-name", &name)]);
                for (index, line) in role.wrapped(&panel.title, self.cell).iter().enumerate() {
                    let baseline =
                        y + 0.75 * role.line_height() + index as f64 * role.line_height();
                    writer.text(line, role, TextPlace::at(x, baseline, Anchor::Start));
                }
                let frame = Frame {
                    x: x + self.left[column],
                    y: y + title + top,
                    width: self.width[column],
                    height: plot.height(),
                };
                plot.draw(writer, frame, self.left[column]);
                writer.close("g");
            }
            y += title + top + height + bottom + 14.0;
        }
        y
    }
}
