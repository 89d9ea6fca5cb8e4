//! All studies on one page: HTML that needs no other file, in light and dark.

use std::fmt::Write;

use super::output::{Figures, Outcome};

const STYLE: &str = "\
:root { color-scheme: light dark; --text: #1b1f24; --faint: #59636e; --line: #d1d9e0; --page: #fff; --mark: #eef4fb }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e9ed; --faint: #9aa4af; --line: #3a424b; --page: #14181d; --mark: #1d2733 }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem } h2 { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1.5rem }
nav ul { columns: 2; padding-left: 1.2rem } a { color: inherit }
.finding { background: var(--mark); padding: .7rem 1rem; border-radius: .4rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; margin: 1rem 0 }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left } th { color: var(--faint); font-weight: 600 }
figure { margin: 1.5rem 0 } figure svg { max-width: 100%; height: auto }
figure svg text { fill: var(--text) } figure svg > rect:first-of-type { fill: var(--page) }
figure svg [stroke='#000000'] { stroke: var(--text) }
footer { color: var(--faint); margin: 3rem 0 1rem }";

/// The page. Each study has a name (its anchor), a title and its outcome.
#[must_use]
pub fn page(studies: &[(&str, &str, &Outcome)], seed: u64) -> String {
    let mut html = String::new();
    let mut add = |text: std::fmt::Arguments<'_>| html.write_fmt(text).expect("a string takes all text");
    add(format_args!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Hashwalk: hashed page tables, measured</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n\
         <h1>Hashed page tables, measured</h1>\n<nav><ul>\n"
    ));
    for (name, title, _) in studies {
        add(format_args!("<li><a href=\"#{name}\">{}</a></li>\n", escaped(title)));
    }
    add(format_args!("</ul></nav>\n"));
    for (name, title, outcome) in studies {
        add(format_args!("<section id=\"{name}\">\n<h2>{}</h2>\n", escaped(title)));
        add(format_args!("<p class=\"finding\">{}</p>\n", escaped(&outcome.finding)));
        outcome.figures.iter().for_each(|figures| add(format_args!("{}", table(figures))));
        for (file, svg) in &outcome.plots {
            add(format_args!("<figure id=\"{file}\">\n{}\n</figure>\n", svg.trim_end()));
        }
        let files: Vec<String> =
            outcome.csv.iter().map(|(file, _)| format!("<a href=\"{0}\">{0}</a>", escaped(file))).collect();
        add(format_args!("<p>All figures: {}</p>\n</section>\n", files.join(", ")));
    }
    add(format_args!(
        "<footer>hashwalk {} explore all --seed {seed}</footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    ));
    html
}

fn table(figures: &Figures) -> String {
    let row = |cells: &[String], tag: &str| {
        let cells: String = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = figures.rows.iter().map(|cells| row(cells, "td")).collect();
    let head = row(&figures.header, "th");
    format!(
        "<div class=\"wide\"><table>\n<caption>{}</caption>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n",
        escaped(&figures.caption)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_everything_and_needs_nothing() {
        let mut figures = Figures::new("Reads", ["name", "reads"]);
        figures.row(["a < b".into(), "1.05".into()]);
        let plots = vec![("one.svg".into(), "<svg></svg>\n".into())];
        let csv = vec![("one.csv".into(), vec![])];
        let outcome = Outcome { finding: "So & so.".into(), figures: vec![figures], csv, plots };
        let html = page(&[("one", "The first", &outcome)], 7);
        for part in ["<h2>The first</h2>", "So &amp; so.", "<td>a &lt; b</td>", "<svg></svg>", "--seed 7", "#one"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("http"), "{html}");
    }
}
