//! Text with italics, subscripts and superscripts, and its width.

use super::font::{Weight, advance};

/// Size of raised and lowered characters relative to their line.
const SCRIPT: f64 = 0.72;

/// How a run of characters is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// On the line.
    Upright,
    /// On the line, in italics.
    Italic,
    /// Lowered and smaller.
    Subscript,
    /// Raised and smaller.
    Superscript,
}

/// Consecutive characters with the same setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRun {
    /// The characters.
    pub text: String,
    /// Their setting.
    pub setting: Setting,
}

/// A label.
///
/// Symbols are set in italics and indices are raised and lowered, as in the field's papers.
/// [`Text::plain`] takes names that come from data as they are; [`Text::markup`] reads the
/// small notation in which the figures write their own labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    runs: Vec<TextRun>,
}

impl Text {
    /// The characters as they are, upright.
    pub fn plain(text: impl Into<String>) -> Text {
        let text = text.into();
        if text.is_empty() {
            return Text::default();
        }
        Text { runs: vec![TextRun { text, setting: Setting::Upright }] }
    }

    /// Reads `*a*` as italic, `_{max}` as lowered and `^{−4}` as raised.
    ///
    /// A mark that is not closed holds to the end of the text.
    pub fn markup(source: &str) -> Text {
        let mut text = Text::default();
        let mut setting = Setting::Upright;
        let mut rest = source;
        while let Some(character) = rest.chars().next() {
            let (step, next) = match setting {
                Setting::Upright if rest.starts_with("_{") => (2, Some(Setting::Subscript)),
                Setting::Upright if rest.starts_with("^{") => (2, Some(Setting::Superscript)),
                Setting::Upright if character == '*' => (1, Some(Setting::Italic)),
                Setting::Italic if character == '*' => (1, Some(Setting::Upright)),
                Setting::Subscript | Setting::Superscript if character == '}' => {
                    (1, Some(Setting::Upright))
                }
                _ => (character.len_utf8(), None),
            };
            match next {
                Some(next) => setting = next,
                None => text.push(character, setting),
            }
            rest = &rest[step..];
        }
        text
    }

    /// This text followed by another.
    pub fn then(mut self, other: Text) -> Text {
        for run in other.runs {
            for character in run.text.chars() {
                self.push(character, run.setting);
            }
        }
        self
    }

    /// Whether there is nothing to set.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The characters without their setting, for attributes and accessible names.
    pub fn bare(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }

    /// The text in runs, to write it in another format.
    pub fn runs(&self) -> &[TextRun] {
        &self.runs
    }

    /// Upper bound of the width, in the unit of `size`, in any of the fonts that the figures name.
    pub fn width(&self, size: f64, weight: Weight) -> f64 {
        let characters = self.runs.iter().flat_map(|run| {
            let scale = script_size(run.setting, size);
            run.text.chars().map(move |character| scale * advance(character, weight))
        });
        characters.sum()
    }

    /// The text in lines no wider than `width`, broken at spaces (not at no-break spaces), and
    /// inside a word only where that word alone is wider.
    pub(crate) fn wrapped(&self, width: f64, size: f64, weight: Weight) -> Vec<Text> {
        let mut lines = Vec::new();
        let mut line = Text::default();
        for word in self.words() {
            let spaced = if line.is_empty() {
                word.clone()
            } else {
                line.clone().then(Text::plain(" ")).then(word.clone())
            };
            if spaced.width(size, weight) <= width {
                line = spaced;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for run in &word.runs {
                for character in run.text.chars() {
                    let mut longer = line.clone();
                    longer.push(character, run.setting);
                    if longer.width(size, weight) > width && !line.is_empty() {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.push(character, run.setting);
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    fn words(&self) -> Vec<Text> {
        let mut words = vec![Text::default()];
        for run in &self.runs {
            for character in run.text.chars() {
                if character == ' ' {
                    words.push(Text::default());
                } else if let Some(word) = words.last_mut() {
                    word.push(character, run.setting);
                }
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    fn push(&mut self, character: char, setting: Setting) {
        match self.runs.last_mut() {
            Some(run) if run.setting == setting => run.text.push(character),
            _ => self.runs.push(TextRun { text: character.to_string(), setting }),
        }
    }
}

/// Font size of a run in a line of the given size.
pub(crate) fn script_size(setting: Setting, size: f64) -> f64 {
    match setting {
        Setting::Upright | Setting::Italic => size,
        Setting::Subscript | Setting::Superscript => SCRIPT * size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_sets_symbols_and_indices() {
        let text = Text::markup("*s*_{max} ≤ 10^{−4}");
        assert_eq!(text.bare(), "smax ≤ 10−4");
        let settings: Vec<Setting> = text.runs().iter().map(|run| run.setting).collect();
        assert_eq!(
            settings,
            [Setting::Italic, Setting::Subscript, Setting::Upright, Setting::Superscript]
        );
    }

    #[test]
    fn plain_text_is_not_read_as_markup() {
        assert_eq!(Text::plain("a*b_{c}").bare(), "a*b_{c}");
    }

    #[test]
    fn a_wrapped_text_keeps_its_words_and_its_width() {
        let text = Text::markup("the *quick* brown fox jumps over averyverylongwordindeed");
        let lines = text.wrapped(80.0, 12.0, Weight::Regular);
        assert!(lines.len() > 3);
        assert!(lines.iter().all(|line| line.width(12.0, Weight::Regular) <= 80.0));
        let squeezed = |text: &str| text.replace(' ', "");
        let joined: String = lines.iter().map(|line| squeezed(&line.bare())).collect();
        assert_eq!(joined, squeezed(&text.bare()));
    }
}
