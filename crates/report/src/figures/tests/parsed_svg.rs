//! An SVG figure read back: texts with the room they take, marks, images, names.

use minimascope_plot::{Text, Weight};
use roxmltree::{Document, Node};

/// A line of text and the box that holds it, from the width table.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) content: String,
    /// Left, top, right, bottom.
    pub(crate) bounds: [f64; 4],
}

impl Placed {
    pub(crate) fn overlaps(&self, other: &Placed) -> bool {
        // Coordinates are written to a hundredth.
        let slack = 0.02;
        let [left, top, right, bottom] = self.bounds;
        let [other_left, other_top, other_right, other_bottom] = other.bounds;
        left + slack < other_right
            && other_left + slack < right
            && top + slack < other_bottom
            && other_top + slack < bottom
    }
}

pub(crate) struct ParsedSvg {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) texts: Vec<Placed>,
    /// Marks in panels; those in legends are not data.
    pub(crate) marks: usize,
    pub(crate) paths: usize,
    pub(crate) panels: usize,
    pub(crate) images: Vec<String>,
    pub(crate) identifiers: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
}

impl ParsedSvg {
    pub(crate) fn read(svg: &str) -> ParsedSvg {
        let document = Document::parse(svg).unwrap();
        let root = document.root_element();
        let view: Vec<f64> = root
            .attribute("viewBox")
            .unwrap()
            .split(' ')
            .map(|part| part.parse().unwrap())
            .collect();
        let all = || root.descendants().filter(Node::is_element);
        let named = |name: &'static str| {
            all().filter(move |node| node.has_tag_name(("http://www.w3.org/2000/svg", name)))
        };
        let in_panel =
            |node: &Node<'_, '_>| node.ancestors().any(|above| has_class(&above, "mm-series"));
        let labelled = |index: usize| {
            let id = root.attribute("aria-labelledby")?.split(' ').nth(index)?;
            all().find(|node| node.attribute("id") == Some(id))?.text().map(str::to_owned)
        };
        ParsedSvg {
            width: view[2],
            height: view[3],
            texts: named("text").map(|node| placed(&node)).collect(),
            marks: all().filter(|node| has_class(node, "mm-mark") && in_panel(node)).count(),
            paths: named("path").filter(in_panel).count(),
            panels: all().filter(|node| has_class(node, "mm-panel")).count(),
            images: named("image")
                .filter_map(|node| node.attribute("href").map(str::to_owned))
                .collect(),
            identifiers: all().filter_map(|node| node.attribute("id").map(str::to_owned)).collect(),
            name: labelled(0),
            description: labelled(1),
        }
    }
}

fn has_class(node: &Node<'_, '_>, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
}

fn placed(node: &Node<'_, '_>) -> Placed {
    let number = |name: &str| node.attribute(name).unwrap().parse::<f64>().unwrap();
    let (x, y, size) = (number("x"), number("y"), number("font-size"));
    let weight =
        if node.attribute("font-weight").is_some() { Weight::Bold } else { Weight::Regular };
    let (mut content, mut width) = (String::new(), 0.0);
    for part in node.descendants().filter(Node::is_text) {
        let holder = part.parent().unwrap();
        let size = holder.attribute("font-size").map_or(size, |own| own.parse().unwrap());
        let text = part.text().unwrap();
        width += Text::plain(text).width(size, weight);
        content.push_str(text);
    }
    let start = match node.attribute("text-anchor").unwrap() {
        "start" => 0.0,
        "middle" => -0.5 * width,
        "end" => -width,
        other => panic!("unknown anchor {other}"),
    };
    // Height of capitals and depth of descenders in the figures' fonts.
    let (ascent, descent) = (0.76 * size, 0.24 * size);
    let bounds = if node.attribute("transform").is_some() {
        [x - ascent, y - start - width, x + descent, y - start]
    } else {
        [x + start, y - ascent, x + start + width, y + descent]
    };
    Placed { content, bounds }
}
