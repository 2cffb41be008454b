//! Advance widths of text, without a font at hand.
//!
//! A figure is laid out before anyone knows the reader's font. The widths here are, character by
//! character, the larger of DejaVu Sans (the widest face in the figures' font list) and Liberation
//! Sans (metric-compatible with Arial and Helvetica), rounded up to a thousandth of an em. Text
//! laid out with them is never wider on the page than in the plan.

/// Printable ASCII, regular weight, from the space to the tilde, in thousandths of an em.
const REGULAR: [u16; 95] = [
    318, 401, 460, 838, 637, 951, 780, 275, 391, 391, 500, 838, 318, 361, 318, 337, 637, 637, 637,
    637, 637, 637, 637, 637, 637, 637, 337, 337, 838, 838, 838, 557, 1016, 685, 687, 723, 771, 667,
    611, 778, 752, 295, 500, 667, 558, 863, 749, 788, 667, 788, 723, 667, 611, 732, 685, 989, 686,
    667, 686, 391, 337, 391, 838, 557, 500, 613, 635, 550, 635, 616, 353, 635, 634, 278, 278, 580,
    278, 975, 634, 612, 635, 635, 412, 521, 393, 634, 592, 818, 592, 592, 525, 637, 337, 637, 838,
];

/// The same in bold.
const BOLD: [u16; 95] = [
    349, 457, 521, 838, 696, 1002, 873, 307, 458, 458, 523, 838, 380, 416, 380, 366, 696, 696, 696,
    696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 611, 1000, 774, 763, 734, 831, 684,
    684, 821, 837, 373, 557, 775, 638, 996, 837, 851, 733, 851, 771, 721, 683, 813, 774, 1104, 771,
    725, 726, 458, 366, 458, 838, 557, 500, 675, 716, 593, 716, 679, 436, 716, 712, 343, 343, 666,
    343, 1042, 712, 688, 716, 716, 494, 596, 479, 712, 652, 924, 646, 652, 583, 712, 366, 712, 838,
];

/// Every other character counts as one em, which is at least what the fonts above give to Greek,
/// mathematical and accented Latin characters; the frequent ones have their own (bold) width.
const ELSEWHERE: u16 = 1000;

/// Weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Of running text.
    Regular,
    /// Of titles.
    Bold,
}

/// Advance width of one character in em.
pub(crate) fn advance(character: char, weight: Weight) -> f64 {
    let table = match weight {
        Weight::Regular => &REGULAR,
        Weight::Bold => &BOLD,
    };
    let thousandths = match character {
        ' '..='~' => table[character as usize - ' ' as usize],
        '\u{a0}' => table[0],
        'η' | 'σ' | 'λ' | 'Σ' | 'ρ' | 'β' | 'μ' | 'θ' | '∇' => 740,
        '·' | '‘' | '’' => 400,
        '×' | '−' | '±' | '≤' | '≥' | '≈' | '∞' => 838,
        '√' => 670,
        '–' => 560,
        _ => ELSEWHERE,
    };
    f64::from(thousandths) / 1000.0
}
