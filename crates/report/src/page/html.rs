//! Text as HTML.

use minimascope_plot::{Setting, Text, escaped};

/// The text with its italics, subscripts and superscripts as elements.
pub(super) fn rich(text: &Text) -> String {
    let runs = text.runs().iter().map(|run| {
        // No line break within an equation, a value with its error, or 2/η.
        let safe = escaped(&run.text)
            .replace(" = ", "\u{a0}=\u{a0}")
            .replace(" ± ", "\u{a0}±\u{a0}")
            .replace("2/", "2/\u{2060}");
        match run.setting {
            Setting::Upright => safe,
            Setting::Italic => format!("<i>{safe}</i>"),
            Setting::Subscript => format!("<sub>{safe}</sub>"),
            Setting::Superscript => format!("<sup>{safe}</sup>"),
        }
    });
    runs.collect()
}

/// `<name class="…">content</name>` of content that is HTML already.
pub(super) fn element(name: &str, class: &str, content: &str) -> String {
    if class.is_empty() {
        format!("<{name}>{content}</{name}>\n")
    } else {
        format!("<{name} class=\"{class}\">{content}</{name}>\n")
    }
}

/// A text as an element.
pub(super) fn line(name: &str, class: &str, text: &Text) -> String {
    element(name, class, &rich(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_text() {
        let name = Text::plain("<img src=x onerror=alert(1)> & \"co\"");
        let html = line("p", "", &Text::markup("*a*_{max}: ").then(name));
        assert_eq!(
            html,
            "<p><i>a</i><sub>max</sub>: &lt;img src=x onerror=alert(1)&gt; &amp; \
             &quot;co&quot;</p>\n"
        );
    }
}
