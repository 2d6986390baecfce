//! Generalised linear models of files larger than memory, by passes over the file.
//!
//! The first pass ([`Stream`]) learns what columns are; a second takes the totals of the target and
//! the products of all columns with each other and the target. These are kept not as XᵀX, which
//! would cost half of the digits, but as the R of a QR factorisation, found from those of the
//! blocks (`solve/tall.rs`; R has the p columns, ones and y):
//!
//! ```text
//! [ R₁ ]
//! [ R₂ ] = Q R       RᵀR = [X 1 y]ᵀ[X 1 y] of the rows of both
//! ```
//!
//! Least squares of R's few rows are those of the whole file, with penalties and errors: linear,
//! ridge and lasso models need no further pass but one for the scores. The others take one for each
//! point that Newton's method looks at, in which value, gradient and Hessian are made together.
//!
//! # Several ranks
//!
//! Every rank goes over its own blocks ([`Stream::own`]), and what all have found is joined along
//! the tree of blocks ([`fold`](crate::parallel::fold)): triangles, the value, gradient and Hessian
//! of the loss, errors of predictions. All ranks so have the same bits of everything that a step is
//! chosen by, take the same steps without another word, and end with the fit that one rank alone
//! ends with, bit for bit. A pass costs a rank one message of (p + 2)² or 1 + p + p² numbers for
//! each branch, at most twice the logarithm of its number of blocks.

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
use crate::parallel::Communicator;
use crate::parallel::fold::{Tree, add, all, alone, counts};
use crate::solve::minimise::{Objective, Problem};
use crate::solve::tall;

/// Fits the model of `request` to the file at `path` without reading it into memory. Rows are kept
/// to test on by [`Shares`], which are others than those of [`fit`](super::fit()); ROC curves are
/// rounded to a thousandth of a log-odd.
///
/// All `ranks` of a job call it, with the same file and request, read about equal parts of the file
/// and get the same fit, whose bits do not depend on how many they are;
/// [`Single`](crate::parallel::Single) is one rank alone.
///
/// # Errors
/// If the file does not fit the request, as for a table; if a row has no target. What one rank
/// finds in its part ends the job with an error that names the rank.
pub fn fit_file(
    path: &std::path::Path,
    request: &Request,
    ranks: &dyn Communicator,
) -> Result<Fit> {
    let begin = Instant::now();
    let family = request.family;
    family.check(request.ridge)?;
    let shares = Shares { test: request.test_split, validation: 0.0, seed: request.seed };
    let features = request.features.as_deref();
    let (target, as_class) = (&request.target, family.is_classifier());
    let stream = Stream::shared(path, target, features, as_class, shares, ranks)?;
    let classes = classes(&stream, family)?;
    let passes = Passes::new(family, &stream, classes, ranks)?;
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

/// Takes a block's number, its columns row by row, and its targets; says whether to go on.
type Visit<'a> = dyn FnMut(usize, &[f64], &Response) -> Result<bool> + 'a;

/// Where rows come from.
struct Source<'a> {
    family: Family,
    stream: &'a Stream,
    classes: Vec<String>,
}

/// A file as the rows of a model.
struct Passes<'a> {
    source: Source<'a>,
    ranks: &'a dyn Communicator,
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
    /// Hands the rows to learn from of every own block to `f`, with the block's number, until it
    /// says `false`. A thread reads ahead.
    fn each(&self, f: &mut Visit<'_>) -> Result<()> {
        std::thread::scope(|scope| {
            let (send, receive) = sync_channel(2);
            scope.spawn(move || {
                for block in self.stream.own() {
                    let rows = self.stream.places(block, Part::Train);
                    if rows.is_empty() {
                        continue;
                    }
                    let read = self
                        .stream
                        .table(block)
                        .and_then(|table| self.encoded(&table, &rows, &mut vec![]));
                    let failed = read.is_err();
                    let read = read.map(|(x, y)| (block, x, y));
                    // Nobody listens any more if `f` has seen enough.
                    if send.send(read).is_err() || failed {
                        return;
                    }
                }
            });
            for read in receive {
                let (block, x, y) = read?;
                if !f(block, &x, &y)? {
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
    fn new(
        family: Family,
        stream: &'a Stream,
        classes: Vec<String>,
        ranks: &'a dyn Communicator,
    ) -> Result<Passes<'a>> {
        let width = stream.encoder().width();
        let mean = match stream.target() {
            Target::Number { mean, .. } => *mean,
            Target::Class(_) => 0.0,
        };
        let source = Source { family, stream, classes };
        let predictors = family.predictors(source.classes.len());
        let join = |a: &[f64], b: &[f64]| tall::stacked(a, b, width + 2);
        let (mut triangles, mut totals) = (Tree::new(&join), Tree::new(&add));
        alone(ranks, || {
            source.each(&mut |block, x, y| {
                let mut columns: Vec<Vec<f64>> = (0..width)
                    .map(|j| x.iter().skip(j).step_by(width).copied().collect())
                    .collect();
                columns.push(vec![1.0; y.len()]);
                columns.push(y.numbers().iter().map(|y| y - mean).collect());
                triangles.push(block, tall::triangle(columns));
                let wide = f64::from(u8::from(!Block::fits(y.len(), width, predictors)));
                let mut numbers = vec![y.len() as f64, family.saturated(y), wide];
                numbers.extend(y.counts().iter().map(|n| *n as f64));
                totals.push(block, numbers);
                Ok(true)
            })
        })?;
        let (triangle, totals) = (triangles.over(ranks)?, totals.over(ranks)?);
        let [rows, saturated, wide, per_class @ ..] = &totals[..] else {
            fail!("{}: there are no rows to train on", stream.path())
        };
        let tested: usize = stream.own().map(|block| stream.places(block, Part::Test).len()).sum();
        Ok(Passes {
            totals: Totals {
                rows: *rows as usize,
                mean,
                counts: per_class.iter().map(|n| *n as usize).collect(),
                saturated: *saturated,
            },
            triangle: tall::columns(&triangle, width + 2),
            tested: counts(ranks, vec![tested as f64])?[0] as usize,
            narrow: *wide == 0.0,
            seen: RefCell::default(),
            source,
            ranks,
        })
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
        let mut trees = parts.map(|_| Tree::new(&add));
        let own = alone(self.ranks, || {
            let mut texts: Vec<String> = vec![];
            for block in stream.own() {
                let table = stream.table(block)?;
                for ((tally, tree), part) in tallies.iter_mut().zip(&mut trees).zip(parts) {
                    let (rows, mut here) = (stream.places(block, part), vec![]);
                    let (x, y) = self.source.encoded(&table, &rows, &mut here)?;
                    tally.take(&y, &means(&x)?);
                    tree.push(block, tally.sums());
                    here.retain(|text| !texts.contains(text));
                    texts.append(&mut here);
                }
            }
            Ok(texts)
        })?;
        for text in texts(self.ranks, &own)? {
            if !warnings.contains(&text) {
                warnings.push(text);
            }
        }
        let mut scores = vec![];
        for (tally, tree) in tallies.into_iter().zip(trees) {
            let (all, sums) = (counts(self.ranks, tally.counts())?, tree.over(self.ranks)?);
            scores.push(tally.with(&all, &sums).score());
        }
        let test = scores.pop().flatten();
        Ok((scores.pop().flatten(), test))
    }
}

/// The texts of all ranks in their order.
fn texts(ranks: &dyn Communicator, own: &[String]) -> Result<Vec<String>> {
    let bytes = ranks.gather(serde_json::json!(own).to_string().into_bytes())?;
    let of_rank = |bytes: &Vec<u8>| serde_json::from_slice::<Vec<String>>(bytes);
    Ok(bytes.iter().flat_map(|bytes| of_rank(bytes).unwrap_or_default()).collect())
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
        if !family.is_classifier() {
            return Ok(false);
        }
        let mut separated = true;
        alone(self.ranks, || {
            self.source.each(&mut |_, x, y| {
                separated = Block::new(family, x, self.width(), y)?.is_separated(weight, y)?;
                Ok(separated)
            })
        })?;
        all(self.ranks, separated)
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

/// What is asked of a block's mean loss.
type Summand<'a> = dyn Fn(&dyn Problem) -> Result<Vec<f64>> + 'a;

impl Losses<'_> {
    /// Adds up what `of` says of each block, in proportion to its rows.
    fn sum(&self, of: &Summand<'_>) -> Result<Vec<f64>> {
        let passes = self.passes;
        let mut sums = Tree::new(&add);
        alone(passes.ranks, || {
            passes.source.each(&mut |place, x, y| {
                let block = Block::new(passes.source.family, x, passes.width(), y)?;
                let loss = |b: &chainrule_core::Tensor| block.loss(b);
                let mut part = of(&Objective::new(loss, self.len())?)?;
                let share = y.len() as f64 / passes.totals.rows as f64;
                part.iter_mut().for_each(|x| *x *= share);
                sums.push(place, part);
                Ok(true)
            })
        })?;
        sums.over(passes.ranks)
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
        let mut sums = self.sum(&|block| {
            let (value, gradient) = block.value_and_gradient(x)?;
            let hessian = if whole { block.hessian(x)? } else { vec![] };
            Ok([vec![value], gradient, hessian].concat())
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
        let mut product = self.sum(&|block| block.hvp(x, v))?;
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
