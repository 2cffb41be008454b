//! The palette's two promises: contrast with the surface, and distance for every reader.

use super::*;

/// Severity-1 matrices of Machado, Oliveira & Fernandes, "A Physiologically-based Model for
/// Simulation of Color Vision Deficiency" (2009), table 1, on linear RGB; first, normal vision.
const VISION: [[[f64; 3]; 3]; 4] = [
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
];

fn linear(colour: &str) -> [f64; 3] {
    [1, 3, 5].map(|start| {
        let byte = u8::from_str_radix(&colour[start..start + 2], 16).unwrap();
        let value = f64::from(byte) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
}

fn dot(row: [f64; 3], colour: [f64; 3]) -> f64 {
    row.iter().zip(colour).map(|(weight, channel)| weight * channel).sum()
}

/// CIE L*a*b* under D65.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let [x, y, z] = [
        dot([0.4124, 0.3576, 0.1805], rgb) / 0.9505,
        dot([0.2126, 0.7152, 0.0722], rgb),
        dot([0.0193, 0.1192, 0.9505], rgb) / 1.089,
    ]
    .map(|t| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn contrast(one: &str, other: &str) -> f64 {
    let [one, other] = [one, other].map(|colour| dot([0.2126, 0.7152, 0.0722], linear(colour)));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn series_stand_out_from_the_surface_and_text_is_readable() {
    for theme in [&LIGHT, &DARK] {
        for series in theme.series {
            // WCAG 2.2, success criterion 1.4.11: 3:1 for graphics.
            let ratio = contrast(series, theme.surface);
            assert!(ratio >= 3.0, "{series} on {}: {ratio:.2}", theme.surface);
        }
        for text in [theme.text, theme.muted] {
            // Success criterion 1.4.3: 4.5:1 for text.
            let ratio = contrast(text, theme.surface);
            assert!(ratio >= 4.5, "{text} on {}: {ratio:.2}", theme.surface);
        }
    }
}

#[test]
fn series_stay_apart_for_every_reader() {
    // 2.3 is a just noticeable difference; ten times that is a different colour at a glance.
    let apart = 23.0;
    for theme in [&LIGHT, &DARK] {
        for (index, one) in theme.series.iter().enumerate() {
            for other in &theme.series[..index] {
                for (vision, matrix) in VISION.iter().enumerate() {
                    let [one_lab, other_lab] = [one, other].map(|colour| {
                        let rgb = linear(colour);
                        lab(matrix.map(|row| dot(row, rgb).clamp(0.0, 1.0)))
                    });
                    let square: f64 =
                        one_lab.iter().zip(other_lab).map(|(l, r)| (l - r) * (l - r)).sum();
                    let distance = square.sqrt();
                    assert!(distance >= apart, "{one} {other}, vision {vision}: {distance:.1}");
                }
            }
        }
    }
}

#[test]
fn plain_themes_have_no_custom_properties() {
    assert!(stylesheet(Theme::Auto).contains("prefers-color-scheme:dark"));
    for theme in [Theme::Light, Theme::Dark] {
        let css = stylesheet(theme);
        assert!(!css.contains("var(") && !css.contains("@media"), "{css}");
    }
}
