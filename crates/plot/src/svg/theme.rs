//! Inks and the stylesheet that gives them their colours in light and dark.

use std::fmt::Write as _;

/// Series colours before they repeat.
///
/// Six is what stays apart for readers with each of the three colour-vision deficiencies (the test
/// below measures it). Every series has its own marker or dash as well.
pub(crate) const SERIES: usize = 6;

/// The colours of one theme, as sRGB hexadecimal numbers.
struct Colours {
    surface: &'static str,
    text: &'static str,
    muted: &'static str,
    axis: &'static str,
    grid: &'static str,
    series: [&'static str; SERIES],
}

const LIGHT: Colours = Colours {
    surface: "#ffffff",
    text: "#1b1f24",
    muted: "#57606a",
    axis: "#8c959f",
    grid: "#e4e8ec",
    series: ["#1f3f9f", "#e07000", "#04a374", "#9a2c76", "#5e4b16", "#8b8cce"],
};

const DARK: Colours = Colours {
    surface: "#14181d",
    text: "#e6e9ed",
    muted: "#a3adb8",
    axis: "#6b7682",
    grid: "#2b323a",
    series: ["#6a9fe8", "#f07237", "#3cde98", "#cc8cb4", "#f7ee68", "#7f50ee"],
};

/// Where a figure takes its colours from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// The reader's preference, through CSS custom properties (`--mm-surface`, `--mm-text`,
    /// `--mm-muted`, `--mm-axis`, `--mm-grid`, `--mm-series-0` to `-5`) that a page may set itself.
    #[default]
    Auto,
    /// Light, with plain colours: for programs that know no custom properties.
    Light,
    /// Dark, with plain colours.
    Dark,
}

/// The ink of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// One of six series colours; larger numbers start again.
    Series(usize),
    /// The text's colour, for what must stand out from every series.
    Strong,
    /// Grey, for references.
    Muted,
}

impl Ink {
    fn name(self) -> String {
        match self {
            Ink::Series(index) => format!("series-{}", index % SERIES),
            Ink::Strong => "text".to_owned(),
            Ink::Muted => "muted".to_owned(),
        }
    }

    /// Class that strokes with this ink.
    pub(crate) fn stroke(self) -> String {
        format!("mm-stroke-{}", self.name())
    }

    /// Class that fills with this ink.
    pub(crate) fn fill(self) -> String {
        format!("mm-fill-{}", self.name())
    }
}

/// The contents of a figure's `<style>`. Every rule is under `.mm`, the figure's own class.
pub(crate) fn stylesheet(theme: Theme) -> String {
    let mut css = String::new();
    if theme == Theme::Auto {
        // `:where` has no specificity: a page's own `.mm {…}` wins wherever it stands.
        let _ = writeln!(css, ":where(.mm){{{}}}", properties(&LIGHT));
        let _ = writeln!(
            css,
            "@media (prefers-color-scheme:dark){{:where(.mm){{{}}}}}",
            properties(&DARK)
        );
        let _ = writeln!(css, "@media print{{:where(.mm){{{}}}}}", properties(&LIGHT));
    }
    let colour = |name: &str| match theme {
        Theme::Auto => format!("var(--mm-{name})"),
        Theme::Light => value(&LIGHT, name),
        Theme::Dark => value(&DARK, name),
    };
    css.push_str(
        ".mm text{font-family:\"Helvetica Neue\",Arial,\"Liberation Sans\",\"DejaVu Sans\",sans-serif}\n",
    );
    let mut rule = |selector: &str, body: String| {
        let _ = writeln!(css, ".mm {selector}{{{body}}}");
    };
    let [surface, text, muted, axis, grid] =
        ["surface", "text", "muted", "axis", "grid"].map(&colour);
    rule(".mm-surface", format!("fill:{surface}"));
    rule(".mm-text", format!("fill:{text}"));
    rule(".mm-muted-text", format!("fill:{muted}"));
    rule(".mm-axis", format!("stroke:{axis};stroke-width:1;fill:none"));
    rule(".mm-grid", format!("stroke:{grid};stroke-width:1;fill:none"));
    for name in names() {
        let ink = colour(&name);
        rule(&format!(".mm-stroke-{name}"), format!("stroke:{ink};fill:none"));
        rule(&format!(".mm-fill-{name}"), format!("fill:{ink}"));
    }
    rule(".mm-line", "stroke-width:1.6;stroke-linejoin:round".to_owned());
    rule(".mm-thin", "stroke-width:1".to_owned());
    rule(".mm-dashed", "stroke-dasharray:6 4".to_owned());
    rule(".mm-dotted", "stroke-dasharray:1.5 3".to_owned());
    rule(".mm-tint", "fill-opacity:0.16".to_owned());
    rule(".mm-veil", "fill-opacity:0.05".to_owned());
    rule(".mm-rim", format!("stroke:{surface};stroke-width:0.8"));
    rule(".mm-open", format!("fill:{surface};stroke-width:1.6"));
    rule(".mm-bold", "stroke-width:2".to_owned());
    css
}

fn names() -> Vec<String> {
    let series = (0..SERIES).map(|index| format!("series-{index}"));
    series.chain(["text".to_owned(), "muted".to_owned()]).collect()
}

fn value(colours: &Colours, name: &str) -> String {
    let colour = match name {
        "surface" => colours.surface,
        "text" => colours.text,
        "muted" => colours.muted,
        "axis" => colours.axis,
        "grid" => colours.grid,
        series => {
            let digit = series.bytes().last().map_or(0, |byte| usize::from(byte - b'0'));
            colours.series[digit % SERIES]
        }
    };
    colour.to_owned()
}

fn properties(colours: &Colours) -> String {
    let fixed = ["surface", "text", "muted", "axis", "grid"].map(str::to_owned);
    let series = (0..SERIES).map(|index| format!("series-{index}"));
    let pairs = fixed
        .into_iter()
        .chain(series)
        .map(|name| format!("--mm-{name}:{}", value(colours, &name)));
    pairs.collect::<Vec<_>>().join(";")
}

#[cfg(test)]
#[path = "theme_tests.rs"]
mod tests;
