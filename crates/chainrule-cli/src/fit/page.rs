//! `--report`: everything that a fit says, and its figures, on one page that needs nothing else.

use std::fmt::Write;
use std::path::Path;

use chainrule_fit::{Error, Result, atomic};
use chainrule_plot::{Figure, Theme};

/// The style of the page: readable, in the colours that the reader prefers.
const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
pre { font: 14px/1.45 ui-monospace, monospace; overflow-x: auto; padding: 1rem;
      border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 6px; }
figure { margin: 1.5rem 0; } svg { max-width: 100%; height: auto; }
";

/// Whether a page can be written to `path`.
pub(super) fn check(path: &Path) -> Result<()> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    if !matches!(extension.as_deref(), Some("html" | "htm")) {
        let name = path.display().to_string();
        let name = chainrule_fit::shown(&name);
        return Err(Error::new(format!("`{name}` is no name of a page; end it in .html")));
    }
    atomic::check(path)
}

/// Writes the page: a heading, what the terminal shows, the warnings, and the figures.
pub(super) fn write(
    path: &Path,
    heading: &str,
    text: &str,
    warnings: &[String],
    figures: &[Figure],
) -> Result<()> {
    atomic::write(path, page(heading, text, warnings, figures).as_bytes())
}

fn page(heading: &str, text: &str, warnings: &[String], figures: &[Figure]) -> String {
    let title = escaped(heading);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for warning in warnings {
        let _ = writeln!(page, "<p><strong>Warning:</strong> {}.</p>", escaped(warning));
    }
    let _ = writeln!(page, "<pre>{}</pre>", escaped(text.trim_end()));
    for figure in figures {
        let svg = figure.svg(Theme::Auto);
        // Inside of HTML there is no XML declaration.
        let start = svg.find("<svg").unwrap_or(0);
        let _ = writeln!(page, "<figure>{}</figure>", &svg[start..]);
    }
    page + "</body>\n</html>\n"
}

/// Text that stands between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let page = page("<script>", "a < b & c", &["<i>".into()], &[]);
        assert!(page.contains("<h1>&lt;script&gt;</h1>") && page.contains("a &lt; b &amp; c"));
        assert!(page.contains("&lt;i&gt;") && !page.contains("<script>"));
    }

    #[test]
    fn only_pages() {
        assert!(check(Path::new("report.pdf")).unwrap_err().to_string().contains(".html"));
    }
}
