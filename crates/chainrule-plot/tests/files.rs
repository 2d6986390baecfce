//! What figures are as files: well-formed, escaped, bounded, and there to be seen.

use chainrule_plot::ready::{calculus, classification, descent, regression};
use chainrule_plot::scale::Scale;
use chainrule_plot::{Figure, Grid, Mark, Panel, Theme};

const THEMES: [Theme; 3] = [Theme::Light, Theme::Dark, Theme::Auto];

/// Parses the SVG and checks that every number in it is finite and near the page.
fn checked(figure: &Figure) -> String {
    for theme in THEMES {
        let svg = figure.svg(theme);
        let tree = roxmltree::Document::parse(&svg).expect("well-formed");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        for node in tree.descendants() {
            let data = node.attribute("d").unwrap_or("");
            let numbers = data.split(|c: char| !matches!(c, '0'..='9' | '.' | '-'));
            for number in numbers.filter(|text| !text.is_empty()) {
                let v: f64 = number.parse().expect("a number");
                assert!((-50.0..=4100.0).contains(&v), "{v} in {data}");
            }
        }
    }
    figure.svg(Theme::Light)
}

fn line(x: &[f64], y: &[f64]) -> Figure {
    let panel = Panel::new("x", "y").with(Mark::line(x, y).label("line"));
    Figure::of(panel.with(Mark::points(x, y).label("points")))
}

#[test]
fn degenerate_data_make_a_figure() {
    let cases: [&[f64]; 12] = [
        &[],
        &[1.0],
        &[0.0, 0.0],
        &[5.0, 5.0, 5.0],
        &[f64::NAN, f64::NAN],
        &[f64::INFINITY, 1.0, f64::NEG_INFINITY],
        &[1e-300, 2e-300],
        &[-1e300, 1e300],
        &[f64::MIN, f64::MAX],
        &[1e16, 1e16 + 2.0],
        &[5e-324, 0.0],
        &[-1.0, -2.0],
    ];
    for a in cases {
        for b in cases {
            let mut figure = line(a, b);
            checked(&figure);
            figure.panels[0].x.scale = Scale::Log;
            figure.panels[0].y.scale = Scale::Log;
            checked(&figure);
        }
        checked(&regression::residuals(a, a));
        checked(&regression::predicted_observed(a, a, ""));
        checked(&descent::learning_rates(a, a, Some(0.1)));
        let fit = regression::Fitted { x: a, y: a, fitted: a, ..Default::default() };
        checked(&regression::curve(&fit, ("x", "y"), &[]));
        checked(&calculus::difference_error(a, &[("forward", a)]));
        let curve = descent::Curve { name: "training", step: a, loss: a };
        checked(&descent::losses(&[curve, curve], "step", Scale::Log, 0.9));
        for mark in [Mark::heat(Grid::matrix(a, 1)), Mark::filled(Grid::matrix(a, 1), a)] {
            checked(&Figure::of(Panel::new("x", "y").with(mark)));
        }
        checked(&Figure::of(Panel::new("x", "y").with(Mark::histogram(a, 0, true))));
        checked(&Figure::of(
            Panel::new("x", "y").with(Mark::path(a, a)).with(Mark::bars(a, (0, 1))),
        ));
        checked(&Figure::of(
            Panel::new("x", "y").with(Mark::contour(Grid::of(a, a, |x, y| x + y), a)),
        ));
    }
    let odd = Mark::line(&[0.0, 1.0], &[0.0, 1.0]).width(f64::NAN).opacity(f64::INFINITY);
    let mut odd = Figure::of(Panel::new("x", "y").with(odd.label("line")));
    odd.rows = vec![f64::NAN];
    checked(&odd);
    checked(&Figure::grid(Vec::new(), 0, (f64::NAN, f64::INFINITY)));
    checked(&classification::confusion(&[], &[]));
    checked(&classification::roc(&[]));
    checked(&regression::coefficients(&[], &[], &[], &[]));
}

#[test]
fn hostile_text_stays_text() {
    let evil = "</text><script>alert(\"1\")</script>&\u{0}\u{1b}]";
    let figure = line(&[0.0, 1.0], &[0.0, 1.0]).title(evil).describe(evil);
    let mut figure = figure;
    figure.panels[0] = figure.panels[0].clone().note(0.5, 0.5, evil).fact(evil).title(evil);
    figure.panels[0].x.label = evil.into();
    figure.panels[0].marks[0].label = evil.into();
    let svg = checked(&figure);
    let tree = roxmltree::Document::parse(&svg).expect("well-formed");
    assert!(tree.descendants().all(|node| node.tag_name().name() != "script"));
    let title = tree.descendants().find(|node| node.tag_name().name() == "title");
    let shown = evil.replace(['\u{0}', '\u{1b}'], "\u{fffd}");
    assert_eq!(title.and_then(|node| node.text()), Some(&*shown));
}

#[test]
fn a_million_points_make_a_small_file() {
    let x: Vec<f64> = (0..1_000_000).map(f64::from).collect();
    let noise = |seed: u64| -> Vec<f64> {
        let step = |s: &mut u64| {
            *s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            Some((*s >> 11) as f64)
        };
        std::iter::repeat_n((), x.len()).scan(seed, |s, ()| step(s)).collect()
    };
    let (a, b) = (noise(1), noise(2));
    let size = |mark: Mark| Figure::of(Panel::new("x", "y").with(mark)).svg(Theme::Light).len();
    assert!(size(Mark::line(&x, &a)) < 150_000, "a line over time");
    assert!(size(Mark::line(&a, &b)) < 300_000, "a scribble");
    assert!(size(Mark::points(&a, &b)) < 300_000, "a cloud");
    assert!(size(Mark::band(&x, &a, &b)) < 300_000, "a band");
    assert!(size(Mark::heat(Grid::matrix(&a, 1000))) < 3_000_000, "an image");
}

#[test]
fn an_svg_says_what_it_shows() {
    let figure = line(&[0.0, 1.0], &[1e-4, 2e-4]).title("ŷ = θ₁x²").describe("rises");
    let svg = checked(&figure);
    let tree = roxmltree::Document::parse(&svg).expect("well-formed");
    let find = |name: &str| tree.descendants().find(|node| node.tag_name().name() == name);
    assert_eq!(find("title").and_then(|node| node.text()), Some("ŷ = θ₁x²"));
    assert_eq!(find("desc").and_then(|node| node.text()), Some("rises"));
    assert!(svg.contains(">×10⁻⁴</text>") && svg.contains("role=\"img\""));
    assert!(!svg.contains("var("), "colours are given unless the reader decides");
    assert!(figure.svg(Theme::Auto).contains("prefers-color-scheme:dark"));
    assert!(!figure.svg_outlined(Theme::Light).contains("<text"));
}

#[cfg(feature = "png")]
#[test]
fn a_png_has_its_size_and_is_not_blank() {
    let figure = line(&[0.0, 1.0, 2.0], &[0.0, 3.0, 1.0]).title("title").size(300.0, 200.0);
    for theme in THEMES {
        let bytes = figure.png(theme, 2.0).expect("a picture");
        let mut reader =
            png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!((info.width, info.height), (600, 400));
        let ground = &pixels[..4].to_vec();
        let drawn = pixels.chunks(4).filter(|pixel| pixel != ground).count();
        assert!((3_000..120_000).contains(&drawn), "{theme:?}: {drawn} pixels");
        let border = pixels[..2400].chunks(4).chain(pixels[pixels.len() - 2400..].chunks(4));
        assert!(border.into_iter().all(|pixel| pixel == ground), "nothing is cut off");
    }
    assert!(figure.png(Theme::Light, 1e6).is_err());
    assert!(figure.png(Theme::Light, f64::NAN).is_err());
}
