//! `chainrule fit`: a model of one column of a table.
//!
//! What all models share is here; each kind of model has a file with its own options and its way
//! from the table to the report. [`Kind`] reads `--model`. Files that are larger than a table may
//! be, and others if `--stream` says so, are read block by block.

pub(crate) mod curve;
mod descent;
mod figures;
mod glm;
mod linear;
mod network;
mod page;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chainrule::Profile;
use chainrule_fit::data::table::MAX_BYTES;
use chainrule_fit::parallel::Communicator;
use chainrule_fit::{Error, Result, atomic};
use chainrule_plot::Figure;
use clap::Args;
use serde_json::{Value, json};

use crate::check::Trouble;
use crate::picture::{Ground, Picture};

/// Fit a model to a table: linear, a formula, a network, …
///
/// The table is a CSV file with a header. Columns of text become categories; missing values take
/// the mean of the column, or a category of their own. Nothing is learnt from the rows to test on.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule fit data/diabetes.csv --target bp
  chainrule fit data/diabetes.csv --target bp --features age,bmi,s5 --out bp.safetensors
  chainrule fit data/diabetes.csv --target bp --json > fit.json
  chainrule fit data/diabetes.csv --target bp --profile profile.json
  chainrule fit dose.csv --target y --model \"top*(1 - exp(-rate*x))\" --start top=500,rate=1e-4
  chainrule fit data/breast_cancer.csv --target diagnosis --model mlp:16 --early-stop 10")]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten, next_help_heading = "Descents")]
    descent: descent::Descent,
    #[command(flatten, next_help_heading = "Formulas")]
    curve: curve::Options,
    #[command(flatten, next_help_heading = "Generalised linear models")]
    glm: glm::Options,
    #[command(flatten, next_help_heading = "Networks")]
    network: network::Options,
}

/// What all kinds of models are told.
#[derive(Args)]
#[group(skip)]
struct Common {
    /// The table: a CSV file whose first line names the columns
    #[arg(value_name = "DATA.csv")]
    data: PathBuf,
    /// The column to predict
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// What to fit: linear, ridge:0.1, lasso:0.1, logistic, softmax, poisson, mlp:64,32, or a
    /// formula [default: a linear model by descent, beside its closed form]
    #[arg(long, value_name = "MODEL", value_parser = kind)]
    model: Option<Kind>,
    /// The columns to predict from, separated by commas [default: all others]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    features: Option<Vec<String>>,
    /// Decides which rows are tested on, and everything else that is drawn
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The share of the rows to test on, from 0 to below 1
    #[arg(long, value_name = "SHARE", default_value = "0.2", allow_negative_numbers = true,
          value_parser = share)]
    test_split: f64,
    /// The level of intervals and bands
    #[arg(long, value_name = "LEVEL", default_value = "0.95", allow_negative_numbers = true,
          value_parser = level)]
    confidence: f64,
    /// Read the file again and again, block by block, instead of once into memory: linear, ridge,
    /// lasso, logistic, softmax, poisson and mlp [default: of files of more than 512 MiB]
    #[arg(long)]
    stream: bool,
    /// Save the model to this file, for `chainrule predict`
    #[arg(long, value_name = "MODEL.safetensors")]
    out: Option<PathBuf>,
    /// Tell where the time of the fit went, and save its steps to this file, a Chrome trace
    #[arg(long, value_name = "FILE.json")]
    profile: Option<PathBuf>,
    /// Draw the fit into this file, SVG or PNG by its name
    #[arg(long, value_name = "FILE.svg|png")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    ground: Ground,
    /// Write the report with its figures as a page of its own to this file
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// The kinds of models.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Ordinary least squares.
    Linear,
    /// Least squares with a penalty λ on the squares of the weights.
    Ridge(f64),
    /// Least squares with a penalty λ on the absolute values of the weights.
    Lasso(f64),
    /// Two classes.
    Logistic,
    /// Any number of classes.
    Softmax,
    /// Counts.
    Poisson,
    /// A network with hidden layers of these widths.
    Mlp(Vec<usize>),
    /// A formula of columns and parameters.
    Formula(String),
}

/// Reads `--model`: a word, a word with numbers behind a colon, or else a formula.
fn kind(text: &str) -> std::result::Result<Kind, String> {
    let (word, numbers) = match text.split_once(':') {
        Some((word, numbers)) => (word.trim(), Some(numbers.trim())),
        None => (text.trim(), None),
    };
    let penalty = || match numbers.and_then(|n| n.parse::<f64>().ok()) {
        Some(x) if x >= 0.0 && x.is_finite() => Ok(x),
        _ => Err(format!("{word} needs its penalty, a number of at least 0: {word}:0.1")),
    };
    let alone = |kind: Kind| match numbers {
        None => Ok(kind),
        Some(_) => Err(format!("{word} takes no number: write --model {word}")),
    };
    match word {
        "linear" => alone(Kind::Linear),
        "logistic" => alone(Kind::Logistic),
        "softmax" => alone(Kind::Softmax),
        "poisson" => alone(Kind::Poisson),
        "ridge" => Ok(Kind::Ridge(penalty()?)),
        "lasso" => Ok(Kind::Lasso(penalty()?)),
        "mlp" => widths(text).map(Kind::Mlp),
        "" => Err("it is empty; name a model or write a formula".into()),
        _ => Ok(Kind::Formula(text.into())),
    }
}

/// Reads `mlp:64,32`.
pub(crate) fn widths(text: &str) -> std::result::Result<Vec<usize>, String> {
    let numbers = text.split_once(':').filter(|(word, _)| word.trim() == "mlp");
    let widths = numbers.map_or("", |(_, n)| n).split(',').map(|n| n.trim().parse::<usize>());
    match widths.collect::<std::result::Result<Vec<usize>, _>>() {
        Ok(widths) if widths.iter().all(|n| (1..=65_536).contains(n)) => Ok(widths),
        _ => Err("mlp needs the widths of its hidden layers: mlp:64,32".into()),
    }
}

/// The options whose condition holds.
fn given(all: &[(&'static str, bool)]) -> Vec<&'static str> {
    all.iter().filter(|option| option.1).map(|option| option.0).collect()
}

pub(crate) fn positive(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1_000_000_000) => Ok(n),
        _ => Err("it must be a whole number from 1 to 1000000000".into()),
    }
}

pub(crate) fn rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x.is_finite() => Ok(x),
        _ => Err("it must be a positive number, such as 0.05".into()),
    }
}

fn share(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if (0.0..1.0).contains(&x) => Ok(x),
        _ => Err("it must be at least 0 and less than 1, such as 0.2".into()),
    }
}

fn level(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x < 1.0 => Ok(x),
        _ => Err("it must be between 0 and 1, such as 0.95".into()),
    }
}

impl Arguments {
    /// What is wrong with options that are for other kinds of models, if any were given.
    fn misplaced(&self) -> Option<String> {
        let model = self.common.model.as_ref();
        let is_network = matches!(model, Some(Kind::Mlp(_)));
        let wrong = |is_right: bool, options: Vec<&'static str>, home: &str| {
            let clause = match options[..] {
                [one] => format!("{one} is for {home}; leave it out"),
                _ => format!("{} are for {home}; leave them out", options.join(" and ")),
            };
            (!is_right && !options.is_empty()).then_some(clause)
        };
        let descends = model.is_none() || is_network;
        let is_curve = matches!(model, Some(Kind::Formula(_)));
        wrong(descends, self.descent.given(), "descents, those of --model mlp:… or of no --model")
            .or_else(|| wrong(is_network, self.network.given(), "networks, --model mlp:…"))
            .or_else(|| wrong(is_curve, self.curve.given(), "formulas, --model \"a*x + b\""))
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments, ranks: &dyn Communicator) -> Result<ExitCode> {
    let common = &arguments.common;
    if ranks.is_first() {
        common.check()?;
    }
    if let Some(misplaced) = arguments.misplaced() {
        crate::note("error", &misplaced);
        return Ok(ExitCode::from(2));
    }
    if ranks.size() > 1 && common.model.is_none() {
        crate::note("error", "a descent on a linear model is for one rank; add --model linear");
        return Ok(ExitCode::from(2));
    }
    if common.streams() && matches!(common.model, None | Some(Kind::Formula(_))) {
        let what = match common.model {
            None => "a descent on a linear model needs all rows in memory; add --model linear",
            _ => "a formula needs all rows in memory; leave --stream out, or fit some of the rows",
        };
        crate::note("error", what);
        return Ok(ExitCode::from(2));
    }
    if let Err(Trouble::Misuse(text) | Trouble::Failure(text)) = common.picture() {
        crate::note("error", &text);
        return Ok(ExitCode::from(2));
    }
    let done = match &common.model {
        Some(Kind::Formula(text)) => return curve::run(common, &arguments.curve, text, ranks),
        None => linear::run(common, &arguments.descent),
        Some(Kind::Mlp(widths)) => {
            network::run(common, &arguments.descent, &arguments.network, widths, ranks)
        }
        Some(kind) => glm::run(common, &arguments.glm, kind, ranks),
    };
    done.map(|()| ExitCode::SUCCESS)
}

impl Common {
    /// Refuses files that cannot be written or must not be, before any work is done.
    fn check(&self) -> Result<()> {
        let outputs = [
            ("--out", &self.out),
            ("--profile", &self.profile),
            ("--plot", &self.plot),
            ("--report", &self.report),
        ];
        if let Some(path) = &self.report {
            page::check(path)?;
        }
        let mut places: Vec<(&str, PathBuf)> = vec![];
        for (option, path) in outputs {
            let Some(path) = path else { continue };
            differs(option, path, &self.data)?;
            atomic::check(path)?;
            // Where a file does not exist yet, names are all there is to compare.
            let place = path.canonicalize().or_else(|_| std::path::absolute(path));
            let Ok(place) = place else { continue };
            if let Some((other, _)) = places.iter().find(|(_, p)| *p == place) {
                return Err(Error::new(format!(
                    "{other} and {option} name the same file; name two"
                )));
            }
            places.push((option, place));
        }
        Ok(())
    }
}

/// Where the time of a fit went.
struct Profiled {
    profile: Profile,
    /// Its steps, in the format of Chrome's tracing.
    trace: String,
}

impl Profiled {
    /// The same with the steps of all ranks, one lane for each.
    fn of_all(mut self, ranks: &dyn Communicator) -> Result<Profiled> {
        if ranks.size() == 1 {
            return Ok(self);
        }
        let mut events = vec![];
        for (rank, text) in ranks.gather(self.trace.into_bytes())?.iter().enumerate() {
            let mut trace: Value = serde_json::from_slice(text)
                .map_err(|why| Error::new(format!("the trace of rank {rank} is no JSON: {why}")))?;
            events.push(json!({
                "name": "thread_name", "ph": "M", "pid": 1, "tid": rank + 1,
                "args": {"name": format!("rank {rank}")},
            }));
            for event in trace["traceEvents"].as_array_mut().into_iter().flatten() {
                event["tid"] = json!(rank + 1);
                events.push(event.take());
            }
        }
        self.trace = json!({"traceEvents": events, "displayTimeUnit": "ms"}).to_string();
        Ok(self)
    }
}

impl Common {
    /// Whether the file is read block by block.
    fn streams(&self) -> bool {
        let large = |data: std::fs::Metadata| data.len() > MAX_BYTES as u64;
        self.stream || std::fs::metadata(&self.data).is_ok_and(large)
    }

    /// Runs `fit`, and profiles it if that is asked for.
    fn profiled<T>(&self, fit: impl FnOnce() -> T) -> (T, Option<Profiled>) {
        match &self.profile {
            Some(_) => {
                let (fitted, profile) = chainrule::profile(fit);
                let trace = profile.to_chrome_trace();
                (fitted, Some(Profiled { profile, trace }))
            }
            None => (fit(), None),
        }
    }

    /// Writes the trace, prints the report as JSON or as text, then says where files are.
    fn tell(
        &self,
        json: impl FnOnce() -> Value,
        text: impl FnOnce(&dyn Fn(&str) -> String) -> String,
        profile: Option<Profiled>,
    ) -> Result<()> {
        let profile = self.profile.as_ref().zip(profile);
        if let Some((path, Profiled { trace, .. })) = &profile {
            atomic::write(path, trace.as_bytes())?;
        }
        if self.json {
            crate::print(&format!("{:#}\n", json()))?;
        } else {
            let styled = crate::is_styled(&io::stdout());
            let mut text = text(&|title| crate::bold(title, styled));
            if let Some(out) = &self.out {
                text += &format!("The model is in {}\n", out.display());
            }
            crate::print(&text)?;
        }
        if let Some((path, Profiled { profile, .. })) = profile {
            let text = format!("{profile}The profile is in {}\n", path.display());
            let _ = io::stderr().write_all(text.as_bytes());
        }
        Ok(())
    }

    /// Where the figure goes, if one is asked for.
    fn picture(&self) -> std::result::Result<Option<Picture>, Trouble> {
        self.plot.as_deref().map(|path| Picture::new(path, self.ground)).transpose()
    }

    /// Writes the page, if one is asked for.
    fn page(
        &self,
        text: impl FnOnce() -> String,
        warnings: &[String],
        figures: impl FnOnce() -> Result<Vec<Figure>>,
    ) -> Result<()> {
        let Some(path) = &self.report else { return Ok(()) };
        let heading = format!("{} in {}", self.target.trim(), self.data.display());
        page::write(path, &heading, &text(), warnings, &figures()?)
    }

    /// Draws the figure, if one is asked for.
    fn draw(&self, figure: impl FnOnce() -> Result<Figure>) -> Result<()> {
        let failed = |trouble| match trouble {
            Trouble::Misuse(text) | Trouble::Failure(text) => Error::new(text),
        };
        match self.picture().map_err(failed)? {
            Some(picture) => picture.write(&figure()?).map_err(failed),
            None => Ok(()),
        }
    }
}

/// Refuses to write over a file that is read.
pub(crate) fn differs(option: &str, out: &Path, read: &Path) -> Result<()> {
    match (out.canonicalize(), read.canonicalize()) {
        (Ok(a), Ok(b)) if a == b => Err(Error::new(format!(
            "{option} {} would replace the file that is read; name another",
            out.display()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_by_name() {
        assert!(level("95").is_err() && level("0.95") == Ok(0.95));
        assert_eq!(kind("linear"), Ok(Kind::Linear));
        assert_eq!(kind("ridge: 0.5"), Ok(Kind::Ridge(0.5)));
        assert_eq!(kind("mlp:64,32"), Ok(Kind::Mlp(vec![64, 32])));
        assert_eq!(kind("a*x + b"), Ok(Kind::Formula("a*x + b".into())));
        for (text, said) in [
            ("ridge", "needs its penalty"),
            ("lasso:-1", "at least 0"),
            ("mlp:0", "widths"),
            ("logistic:3", "takes no number"),
            (" ", "empty"),
        ] {
            assert!(kind(text).unwrap_err().contains(said), "{text}");
        }
    }
}
