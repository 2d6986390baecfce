//! Generalised linear models of files larger than memory, by passes over the file.
//!
//! The first pass ([`Stream`]) learns what columns are; a second takes the totals of the target and
//! the products of all columns with each other and the target. These are kept not as XᵀX, which
//! would cost half of the digits, but as the triangle of a QR factorisation that takes in block
//! after block (Golub and Van Loan, §5.2; the sequential form of what is called TSQR):
//!
//! ```text
//! [ R ]                    R: (p + 2) × (p + 2), of the columns, ones and y
//! [ X ] = Q R′     R ← R′  so that RᵀR = [X 1 y]ᵀ[X 1 y] of all rows so far
//! ```
//!
//! Least squares of R's few rows are those of the whole file, with penalties and errors: linear,
//! ridge and lasso models need no further pass but one for the scores. The others take one for each
//! point that Newton's method looks at, in which value, gradient and Hessian are made together.
//!
//! J. Demmel, L. Grigori, M. Hoemmen and J. Langou (2012), *Communication-optimal parallel and
//! sequential QR and LU factorizations*.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::mpsc::sync_channel;
use std::time::Instant;

use super::family::Family;
use super::rows::{Block, Design, Rows, Totals, penalties};
use super::tally::Tally;
use super::target::{self, Response};
use super::{Fit, Found, MAX_CLASSES, Request, Score, finish, likelihood};
use crate::RowCounts;
use crate::data::array::Numbers;
use crate::data::stream::{Part, Shares, Stream};
use crate::data::table::Table;
use crate::data::target::Target;
use crate::error::{Result, fail, listed};
use crate::solve::minimise::{Objective, Problem};
use crate::solve::qr::Qr;

/// Fits the model of `request` to the file at `path` without reading it into memory. Rows are kept
/// to test on by [`Shares`], which are others than those of [`fit`](super::fit()); ROC curves are
/// rounded to a thousandth of a log-odd.
///
/// # Errors
/// If the file does not fit the request, as for a table; if a row has no target.
pub fn fit_file(path: &std::path::Path, request: &Request) -> Result<Fit> {
    let begin = Instant::now();
    let family = request.family;
    family.check(request.ridge)?;
    let shares = Shares { test: request.test_split, validation: 0.0, seed: request.seed };
    let features = request.features.as_deref();
    let (target, as_class) = (&request.target, family.is_classifier());
    let stream = Stream::divided(path, target, features, as_class, shares)?;
    let classes = classes(&stream, family)?;
    let passes = Passes::new(family, &stream, classes)?;
    let solution = likelihood::solve(family, request.ridge, &passes)?;
    let found = Found {
        path: stream.path(),
        rows: RowCounts { train: passes.totals.rows, test: passes.tested, without_target: 0 },
        missing: stream.missing().to_vec(),
        encoder: stream.encoder().clone(),
        classes: passes.source.classes.clone(),
        warnings: stream.warnings().to_vec(),
        solution,
    };
    finish(found, request, begin, |model, warnings| passes.scores(&|x| model.means(x), warnings))
}

/// The classes, if the target is one.
fn classes(stream: &Stream, family: Family) -> Result<Vec<String>> {
    let classes = match stream.target() {
        Target::Class(classes) if family.is_classifier() => classes.clone(),
        _ => return Ok(vec![]),
    };
    if family == Family::Logistic && classes.len() > 2 {
        fail!(
            "{}: the target has {} classes ({}), and logistic models tell two apart; use --model \
             softmax",
            stream.path(),
            classes.len(),
            listed(&classes)
        );
    }
    if classes.len() > MAX_CLASSES {
        fail!(
            "{}: the target has {} different values, more than {MAX_CLASSES} classes; use --model \
             linear if it is a quantity",
            stream.path(),
            classes.len()
        );
    }
    Ok(classes)
}

/// Where rows come from.
struct Source<'a> {
    family: Family,
    stream: &'a Stream,
    classes: Vec<String>,
}

/// A file as the rows of a model.
struct Passes<'a> {
    source: Source<'a>,
    totals: Totals,
    tested: usize,
    /// The columns of R: of X, ones and y less its mean.
    triangle: Vec<Vec<f64>>,
    /// Whether a block's Hessian can be made in one piece.
    narrow: bool,
    /// What passes saw, without penalties; all but the last without derivatives.
    seen: RefCell<Vec<Seen>>,
}

impl Source<'_> {
    /// Hands every block's rows to learn from to `f`, until it says `false`. A thread reads ahead.
    fn each(&self, f: &mut dyn FnMut(&[f64], &Response) -> Result<bool>) -> Result<()> {
        std::thread::scope(|scope| {
            let (send, receive) = sync_channel(2);
            scope.spawn(move || {
                for block in 0..self.stream.blocks() {
                    let rows = self.stream.places(block, Part::Train);
                    if rows.is_empty() {
                        continue;
                    }
                    let read = self
                        .stream
                        .table(block)
                        .and_then(|table| self.encoded(&table, &rows, &mut vec![]));
                    let failed = read.is_err();
                    // Nobody listens any more if `f` has seen enough.
                    if send.send(read).is_err() || failed {
                        return;
                    }
                }
            });
            for read in receive {
                let (x, y) = read?;
                if !f(&x, &y)? {
                    return Ok(());
                }
            }
            Ok(())
        })
    }

    fn encoded(
        &self,
        table: &Table,
        rows: &[usize],
        warnings: &mut Vec<String>,
    ) -> Result<(Vec<f64>, Response)> {
        let column = self.stream.column();
        let x = self.stream.encoder().encode(table, rows, warnings)?;
        if !self.family.is_classifier() {
            return Ok((x, target::read(table, column, self.family)?.1.pick(rows)));
        }
        let rows = match self.stream.target().encode(table, column, rows)? {
            Numbers::I64(places) => places.into_iter().map(|k| k as usize).collect(),
            _ => vec![],
        };
        Ok((x, Response::Classes { classes: self.classes.clone(), rows }))
    }
}

impl<'a> Passes<'a> {
    /// The second pass.
    fn new(family: Family, stream: &'a Stream, classes: Vec<String>) -> Result<Passes<'a>> {
        let width = stream.encoder().width();
        let mean = match stream.target() {
            Target::Number { mean, .. } => *mean,
            Target::Class(_) => 0.0,
        };
        let mut passes = Passes {
            totals: Totals { mean, counts: vec![0; classes.len()], ..Totals::default() },
            triangle: vec![vec![]; width + 2],
            tested: 0,
            narrow: true,
            seen: RefCell::default(),
            source: Source { family, stream, classes },
        };
        let (mut totals, mut triangle) = (passes.totals.clone(), passes.triangle.clone());
        let mut narrow = true;
        passes.source.each(&mut |x, y| {
            totals.rows += y.len();
            totals.saturated += family.saturated(y);
            totals.counts.iter_mut().zip(y.counts()).for_each(|(sum, n)| *sum += n);
            let y: Vec<f64> = y.numbers().iter().map(|y| y - mean).collect();
            triangle = joined(std::mem::take(&mut triangle), x, &y);
            let predictors = totals.predictors(family);
            narrow &= Block::fits(y.len(), width, predictors);
            Ok(true)
        })?;
        let tested = |block: usize| stream.places(block, Part::Test).len();
        passes.tested = (0..stream.blocks()).map(tested).sum();
        (passes.totals, passes.triangle, passes.narrow) = (totals, triangle, narrow);
        Ok(passes)
    }

    /// How good predictions are on the rows to train and to test on.
    fn scores(
        &self,
        means: &dyn Fn(&[f64]) -> Result<Vec<f64>>,
        warnings: &mut Vec<String>,
    ) -> Result<(Option<Score>, Option<Score>)> {
        let parts = [Part::Train, Part::Test];
        let Source { stream, classes, .. } = &self.source;
        let mut tallies = parts.map(|_| Tally::new(classes, self.totals.mean));
        for block in 0..stream.blocks() {
            let table = stream.table(block)?;
            for (tally, part) in tallies.iter_mut().zip(parts) {
                let (rows, mut here) = (stream.places(block, part), vec![]);
                let (x, y) = self.source.encoded(&table, &rows, &mut here)?;
                tally.take(&y, &means(&x)?);
                here.retain(|text| !warnings.contains(text));
                warnings.append(&mut here);
            }
        }
        let [train, test] = tallies.map(Tally::score);
        Ok((train, test))
    }
}

/// R′ of the rows of R, whose columns are `triangle`, and those of `x` with ones and `y`.
fn joined(mut triangle: Vec<Vec<f64>>, x: &[f64], y: &[f64]) -> Vec<Vec<f64>> {
    let width = triangle.len() - 2;
    for (j, column) in triangle.iter_mut().enumerate() {
        match j {
            j if j < width => column.extend(x.iter().skip(j).step_by(width)),
            j if j == width => column.resize(column.len() + y.len(), 1.0),
            _ => column.extend_from_slice(y),
        }
    }
    let (columns, rows) = (triangle.len(), triangle[0].len());
    let qr = Qr::new(triangle, rows, 0.0);
    let mut next = vec![vec![]; columns];
    let rows: Vec<Vec<f64>> = (0..qr.rank()).map(|i| qr.row(i)).collect();
    for (place, &j) in qr.order.iter().enumerate() {
        next[j] = rows.iter().map(|row| row[place]).collect();
    }
    next
}

impl Rows for Passes<'_> {
    fn totals(&self) -> &Totals {
        &self.totals
    }

    fn width(&self) -> usize {
        self.triangle.len() - 2
    }

    fn losses(&self, ridge: f64) -> Result<Box<dyn Problem + '_>> {
        let coefficients = self.totals.predictors(self.source.family) * (self.width() + 1);
        let mask = penalties(ridge, coefficients, self.width());
        Ok(Box::new(Losses { passes: self, mask }))
    }

    fn is_narrow(&self) -> bool {
        self.narrow
    }

    fn is_separated(&self, weight: &[f64]) -> Result<bool> {
        let Source { family, .. } = self.source;
        let mut separated = family.is_classifier();
        if separated {
            self.source.each(&mut |x, y| {
                separated = Block::new(family, x, self.width(), y)?.is_separated(weight, y)?;
                Ok(separated)
            })?;
        }
        Ok(separated)
    }

    fn design(&self) -> Result<Design<'_>> {
        let rows = self.triangle[0].len();
        let scale = (rows as f64 / self.totals.rows as f64).sqrt();
        let [columns @ .., ones, y] = &self.triangle[..] else { fail!("there are no columns") };
        let x = (0..rows).flat_map(|i| columns.iter().map(move |c| scale * c[i])).collect();
        let scaled = |column: &Vec<f64>| column.iter().map(|x| scale * x).collect();
        Ok(Design { x: Cow::Owned(x), ones: scaled(ones), y: scaled(y) })
    }
}

/// The mean loss of coefficients, with the penalty ½ Σ mask b².
struct Losses<'a> {
    passes: &'a Passes<'a>,
    mask: Vec<f64>,
}

/// The mean loss at a point.
struct Seen {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    /// Empty if there are too many coefficients.
    hessian: Vec<f64>,
}

/// Adds what is asked of a block's mean loss to sums, times the block's share of all rows.
type Summand<'a> = dyn Fn(&dyn Problem, &mut [f64], f64) -> Result<()> + 'a;

impl Losses<'_> {
    /// Adds up what `of` says of each block, in proportion to its rows.
    fn sum(&self, n: usize, of: &Summand<'_>) -> Result<Vec<f64>> {
        let passes = self.passes;
        let mut all = vec![0.0; n];
        passes.source.each(&mut |x, y| {
            let block = Block::new(passes.source.family, x, passes.width(), y)?;
            let losses = Objective::new(|b: &chainrule_core::Tensor| block.loss(b), self.len())?;
            of(&losses, &mut all, y.len() as f64 / passes.totals.rows as f64)?;
            Ok(true)
        })?;
        Ok(all)
    }

    /// What the last pass saw, which is one at `x` if it was not.
    fn at<T>(&self, x: &[f64], take: impl FnOnce(&Seen) -> T) -> Result<T> {
        if self.passes.seen.borrow().last().is_none_or(|seen| seen.x != x) {
            let next = self.look(x)?;
            let mut seen = self.passes.seen.borrow_mut();
            if let Some(last) = seen.last_mut() {
                (last.gradient, last.hessian) = (vec![], vec![]);
            }
            seen.push(next);
        }
        let seen = self.passes.seen.borrow();
        match seen.last() {
            Some(last) => Ok(take(last)),
            None => fail!("nothing was seen"),
        }
    }

    /// ½ Σ mask b².
    fn penalty(&self, x: &[f64]) -> f64 {
        0.5 * self.mask.iter().zip(x).map(|(mask, x)| mask * x * x).sum::<f64>()
    }

    fn look(&self, x: &[f64]) -> Result<Seen> {
        let p = x.len();
        let whole = p <= likelihood::MANY && self.passes.narrow;
        let size = 1 + p + if whole { p * p } else { 0 };
        let mut sums = self.sum(size, &|block, sums, share| {
            let (value, gradient) = block.value_and_gradient(x)?;
            sums[0] += share * value;
            let hessian = if whole { block.hessian(x)? } else { vec![] };
            let parts = gradient.iter().chain(&hessian);
            sums[1..].iter_mut().zip(parts).for_each(|(sum, part)| *sum += share * part);
            Ok(())
        })?;
        let hessian = sums.split_off(1 + p);
        let gradient = sums.split_off(1);
        Ok(Seen { x: x.to_vec(), value: sums[0], gradient, hessian })
    }
}

impl Problem for Losses<'_> {
    fn len(&self) -> usize {
        self.mask.len()
    }

    fn value(&self, x: &[f64]) -> Result<f64> {
        let known = self.passes.seen.borrow().iter().find(|s| s.x == x).map(|seen| seen.value);
        let value = match known {
            Some(value) => value,
            None => self.at(x, |seen| seen.value)?,
        };
        Ok(value + self.penalty(x))
    }

    fn value_and_gradient(&self, x: &[f64]) -> Result<(f64, Vec<f64>)> {
        let (value, mut gradient) = self.at(x, |seen| (seen.value, seen.gradient.clone()))?;
        gradient.iter_mut().zip(&self.mask).zip(x).for_each(|((g, mask), x)| *g += mask * x);
        Ok((value + self.penalty(x), gradient))
    }

    fn hvp(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>> {
        let mut product = self.sum(x.len(), &|block, sums, share| {
            let part = block.hvp(x, v)?;
            sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += share * part);
            Ok(())
        })?;
        product.iter_mut().zip(&self.mask).zip(v).for_each(|((h, mask), v)| *h += mask * v);
        Ok(product)
    }

    fn hessian(&self, x: &[f64]) -> Result<Vec<f64>> {
        let mut hessian = self.at(x, |seen| seen.hessian.clone())?;
        for (j, mask) in self.mask.iter().enumerate() {
            hessian[j * x.len() + j] += mask;
        }
        Ok(hessian)
    }
}
