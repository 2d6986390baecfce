//! What all examples share: their few options, where data are, and how a figure is written.
//!
//! ```text
//! --quick        the same on less, for the tests
//! --seed N       initial values, orders of rows and what is drawn follow from it (0)
//! --plot FILE    a figure, as SVG or, if the name ends so, as PNG
//! ```

#![allow(dead_code, reason = "each example uses a part")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chainrule_fit::{Error, Result, atomic, data::table::Table};
use chainrule_plot::{Figure, Theme};

/// What was asked for on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// Whether to do the same on less.
    pub(crate) quick: bool,
    /// The seed.
    pub(crate) seed: u64,
    /// Where the figure goes.
    pub(crate) plot: Option<PathBuf>,
    flags: Vec<String>,
}

impl Options {
    /// Reads `words`, which may name `flags` besides the options of all examples.
    pub(crate) fn read<S: AsRef<str>>(words: &[S], flags: &[&str]) -> Result<Options> {
        let mut options = Options::default();
        let mut words = words.iter().map(AsRef::as_ref);
        while let Some(word) = words.next() {
            let mut value = |what| words.next().ok_or(Error::new(format!("{word} needs {what}")));
            match word {
                "--quick" => options.quick = true,
                "--plot" => options.plot = Some(value("a file")?.into()),
                "--seed" => {
                    let read = value("a number")?.parse();
                    options.seed = read.map_err(|_| Error::new("--seed needs a whole number"))?;
                }
                _ if flags.contains(&word) => options.flags.push(word.into()),
                _ => {
                    let known = ["--quick", "--seed N", "--plot FILE"].iter().chain(flags);
                    let known = known.copied().collect::<Vec<_>>().join(", ");
                    return Err(Error::new(format!("{word} is no option; there are {known}")));
                }
            }
        }
        Ok(options)
    }

    /// Whether this flag was given.
    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }

    /// Writes the figure, if one is asked for.
    pub(crate) fn draw(&self, figure: impl FnOnce() -> Result<Figure>) -> Result<()> {
        let Some(path) = &self.plot else { return Ok(()) };
        let figure = figure()?;
        let bytes = match path.extension().is_some_and(|end| end == "png") {
            true => figure.png(Theme::Light, 2.0).map_err(|why| Error::new(why.to_string()))?,
            false => figure.svg(Theme::Light).into_bytes(),
        };
        atomic::write(path, &bytes)?;
        println!("\nfigure written to {}", path.display());
        Ok(())
    }
}

/// Runs an example with the words of the command line.
pub(crate) fn start(flags: &[&str], run: impl FnOnce(&Options) -> Result<f64>) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match Options::read(&words, flags).and_then(|options| run(&options)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The path of a file of the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// A table of the folder `data`, called as one would from the root of the repository.
pub(crate) fn table(name: &str) -> Result<Table> {
    let file = format!("data/{name}");
    let bytes = std::fs::read(path(&file)).map_err(|e| Error::new(format!("{file}: {e}")))?;
    Table::parse(&file, &bytes)
}
