//! `chainrule graph` as its users meet it; pages in Chromium, where it is installed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

fn graph(arguments: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .arg("graph")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    (done.status.code().expect("the command is not killed"), text(done.stdout), text(done.stderr))
}

#[test]
fn nodes_with_values_and_gradients() {
    let (code, out, err) = graph(&["(x + y)^2", "--at", "x=1,y=2", "--json"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let nodes: Value = serde_json::from_str(&out).expect("JSON");
    let rows: Vec<_> = nodes.as_array().expect("a list").iter().collect();
    let seen: Vec<_> = rows.iter().map(|n| (&n["op"], &n["value"], &n["gradient"])).collect();
    assert_eq!(rows[0]["name"], "x");
    assert_eq!(seen[2], (&"add".into(), &3.0.into(), &6.0.into()));
    assert_eq!(seen[3], (&"square".into(), &9.0.into(), &1.0.into()));
    let (_, out, _) = graph(&["(x + y)^2", "--at", "x=1,y=2"]);
    assert!(out.starts_with("digraph") && out.contains("x\\n1\\n∂ 6"), "{out}");
    assert!(!graph(&["x^2", "--at", "x=1", "--forward"]).1.contains('∂'));
}

#[test]
fn files_by_extension() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, start) in [
        ("g.svg", &b"<svg"[..]),
        ("g.png", b"\x89PNG"),
        ("g.dot", b"digraph"),
        ("g.html", b"<!doctype html>"),
    ] {
        let path = folder.path().join(name);
        let (code, out, err) = graph(&["x^2", "--at", "x=1", "--out", &path.display().to_string()]);
        assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""), "{name}");
        let bytes = fs::read(&path).expect("a file");
        let place = bytes.windows(start.len()).take(200).any(|w| w == start);
        assert!(place, "{name}");
    }
    let (code, _, err) = graph(&["x^2", "--at", "x=1", "--out", "g.gif"]);
    assert_eq!(code, 2);
    assert!(err.contains("end the name in .svg or .png or .dot or .html"), "{err}");
    let (code, _, err) = graph(&["x^2", "--at", "x=1", "--out", "no/such/folder/g.svg"]);
    assert!(code == 1 && !err.is_empty(), "{err}");
}

/// What Chromium makes of a page, and its picture if a file is given for it.
fn opened(chromium: &Path, page: &Path, place: &str, profile: &Path, png: Option<&Path>) -> String {
    let wanted = png.map_or("--dump-dom".into(), |png| format!("--screenshot={}", png.display()));
    let done = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--virtual-time-budget=2000", "--window-size=900,700", &wanted])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}#{place}", page.display()))
        .stdin(Stdio::null())
        .output()
        .expect("Chromium starts");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The pixels of a picture that differ from its first one, and how many colours there are.
fn drawn(png: &Path) -> (usize, usize) {
    let file = std::io::BufReader::new(fs::File::open(png).expect("a picture"));
    let mut reader = png::Decoder::new(file).read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let frame = reader.next_frame(&mut bytes).expect("its pixels");
    assert_eq!((frame.width, frame.height), (900, 700));
    let pixels: Vec<&[u8]> = bytes.chunks(frame.color_type.samples()).collect();
    let colours: std::collections::HashSet<&[u8]> = pixels.iter().copied().collect();
    (pixels.iter().filter(|p| **p != pixels[0]).count(), colours.len())
}

/// A number that the page's program leaves at its body.
fn count(dom: &str, name: &str) -> usize {
    let (_, rest) = dom.split_once(&format!("data-{name}=\"")).expect("the program has run");
    rest.split('"').next().and_then(|n| n.parse().ok()).expect("a number")
}

#[test]
fn the_page_plays_forward_and_backward() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("g.html");
    // Eight times tanh(… + y), which fold.
    let formula = "tanh(".repeat(8) + "x" + &" + y)".repeat(8);
    let (code, ..) = graph(&[&formula, "--at", "x=1,y=2", "--out", &page.display().to_string()]);
    assert_eq!(code, 0);
    let text = fs::read_to_string(&page).expect("a page");
    for outside in ["src=", "href=", "@import", "url("] {
        assert!(!text.contains(outside), "the page needs nothing else, but has {outside}");
    }
    let names = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let Some(chromium) = names.iter().map(Path::new).find(|path| path.exists()) else {
        println!("SKIPPED: Chromium is not installed, so the page's program was not run");
        return;
    };
    let profile = folder.path().join("profile");
    let at = |place: &str| opened(chromium, &page, place, &profile, None);
    let start = at("step=start");
    assert_eq!((count(&start, "values"), count(&start, "slopes")), (0, 0));
    let nodes = count(&start, "nodes");
    assert!(nodes < 8, "eight layers are folded into {nodes} nodes");
    let middle = at("step=middle&open=1");
    let all = count(&middle, "nodes");
    assert_eq!((count(&middle, "values"), count(&middle, "slopes")), (all, 0));
    assert_eq!(all, 18, "x, y, eight sums and eight tangents");
    let end = at("step=end&open=1");
    assert_eq!((count(&end, "values"), count(&end, "slopes")), (all, all));
    // What is seen: boxes, edges and text, and more of them with all numbers than at the start.
    let picture = |place: &str| {
        let png = folder.path().join("g.png");
        opened(chromium, &page, place, &profile, Some(&png));
        drawn(&png)
    };
    let (start, end) = (picture("step=start&open=1"), picture("step=end&open=1"));
    assert!(start.0 > 2000 && start.1 > 20, "{start:?}");
    assert!(end.0 > start.0, "{start:?} {end:?}");
}
