//! A step in pieces: the same bits for any number of ranks.
//!
//! Each piece is computed by itself, with random tensors that follow from the seed, the step and
//! the piece, and the pieces are added up along a binary tree over all of them. A rank adds up the
//! branches it has all pieces of; these go to every rank, who all add up the rest. A sum over the
//! whole batch inside a model goes the same way, and all pieces' passes begin again when it is
//! known; so a model with k batch normalisations takes k further passes in each direction, each
//! longer than the one before.

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use chainrule_core::{DType, Tensor, grad};

use super::step::{Judged, Numbers, Stepper};
use super::team::{Team, Whole, alone, draw, next};
use crate::data::loader::{Batch, Cut, Share};
use crate::error::{Error, Result, fail};
use crate::nn::Buffer;
use crate::parallel::{Communicator, Summands, scope};

impl Stepper<'_> {
    pub(super) fn in_pieces(
        &mut self,
        group: &[Cut],
        (step, rng): (usize, (u64, u64)),
        pieces: usize,
    ) -> Result<Whole> {
        let rows: usize = group.iter().map(|cut| cut.rows).sum();
        let mut whole: Option<Record> = None;
        for (k, cut) in group.iter().enumerate() {
            let sum = self.whole_batch(cut, (step, k, rng), pieces)?;
            let share = cut.rows as f64 / rows as f64;
            whole = Some(match whole {
                None if group.len() == 1 => sum,
                None => sum.times(share),
                Some(whole) => whole.plus(&sum.times(share)),
            });
        }
        let Some(Record { singles, doubles, .. }) = whole else { fail!("a step has no batch") };
        let (mut single, mut double) = (0, 1);
        let (loss, metrics) = (doubles[0], &doubles[self.doubles()..]);
        let metrics = self.names.iter().copied().zip(metrics.iter().copied()).collect();
        let (f32s, f64s) = (Summands::F32(singles), Summands::F64(doubles));
        let gradients = self.parameters.iter().map(|p| match p.dtype() {
            DType::F64 => next(&f64s, &mut double, p),
            _ => next(&f32s, &mut single, p),
        });
        let gradients = gradients.collect::<Result<Vec<_>>>()?;
        Ok((gradients, Numbers { loss, norm: None, metrics, rows }))
    }

    /// Loss, gradient and buffers of a batch, from the pieces that the ranks have of it.
    fn whole_batch(
        &mut self,
        cut: &Cut,
        (step, k, rng): (usize, usize, (u64, u64)),
        pieces: usize,
    ) -> Result<Record> {
        let Some(Team { ranks, .. }) = &self.team else { return alone() };
        let own = Share::even(pieces, ranks.rank(), ranks.size()).own;
        let before: Vec<Tensor> = self.buffers.iter().map(Buffer::get).collect();
        let sums = Rc::new(RefCell::new(scope::Sums::default()));
        let mut waiting: Vec<Option<Waiting>> = (0..pieces).map(|_| None).collect();
        let (sum, names) = loop {
            let mut names = None;
            let mut piece = |i: usize| -> Result<Option<Record>> {
                let found = cut.parts.iter().find(|(part, _)| *part == i);
                let Some((_, batch)) = found else { return Ok(None) };
                let kept = waiting[i].take();
                self.set_all(kept.as_ref().map_or(&before, |kept| &kept.buffers));
                draw(rng, [step, k, i]);
                let share = batch.rows.len() as f64 / cut.rows as f64;
                let (record, kept) = self.piece(batch, share, &sums, kept)?;
                waiting[i] = kept.filter(|_| !record.is_last);
                if record.is_last {
                    names = record.names.clone();
                }
                Ok(Some(record))
            };
            let branches = branches(0..pieces, &own);
            let branches = branches.into_iter().map(|branch| sum_of(branch, &mut piece));
            let records = branches.collect::<Result<Vec<_>>>()?;
            let sum = sum_of_ranks(*ranks, &records, pieces)?;
            if sum.is_last {
                break (sum, names);
            }
            let asked = sums.borrow().asked().map(|asked| asked.own.clone());
            if let Some(like) = asked {
                let all = match like.dtype() {
                    DType::F64 => Summands::F64(sum.doubles[1..].to_vec()),
                    _ => Summands::F32(sum.singles),
                };
                let count = sum.doubles[0] as usize;
                sums.borrow_mut().answer(next(&all, &mut 0, &like)?, count);
            }
        };
        self.set_all(&before);
        self.names = names.unwrap_or_else(|| std::mem::take(&mut self.names));
        self.set_buffers(&sum)?;
        Ok(sum)
    }

    /// A piece as far as it comes with the sums that are known: what it has of the next sum, or
    /// its numbers. If the forward pass is done and the backward pass waits, it is kept.
    fn piece(
        &self,
        batch: &Batch,
        share: f64,
        sums: &Rc<RefCell<scope::Sums>>,
        kept: Option<Waiting>,
    ) -> Result<(Record, Option<Waiting>)> {
        let asked = |why: Error| match sums.borrow().asked() {
            Some(asked) => Record::of_asked(asked),
            None => Err(why),
        };
        let judged = match kept {
            Some(kept) => kept.judged,
            None => match scope::on_piece(sums, || (self.loss)(batch)) {
                Ok(judged) => judged,
                Err(why) => return Ok((asked(why)?, None)),
            },
        };
        let factor = Tensor::from(share).to_dtype(judged.loss.dtype());
        let parameters: Vec<&Tensor> = self.parameters.iter().collect();
        let scaled = &judged.loss * factor;
        match scope::on_piece(sums, || grad(&scaled, &parameters)) {
            Ok(gradients) => {
                self.realize(&gradients, &judged)?;
                Ok((self.record_of(&judged, &gradients, share)?, None))
            }
            Err(why) => {
                let buffers = self.buffers.iter().map(Buffer::get).collect();
                Ok((asked(why.into())?, Some(Waiting { judged, buffers })))
            }
        }
    }

    fn set_all(&self, values: &[Tensor]) {
        self.buffers.iter().zip(values).for_each(|(buffer, value)| buffer.set(value.clone()));
    }

    /// How many numbers of a record stand before its metrics: loss, gradients, buffers.
    fn doubles(&self) -> usize {
        let gradients = self.parameters.iter().filter(|p| p.dtype() == DType::F64);
        let buffers = self.buffers.iter().map(|buffer| buffer.get().len());
        1 + gradients.map(Tensor::len).sum::<usize>() + buffers.sum::<usize>()
    }

    /// A piece's numbers: gradients, and loss, buffers and metrics times its share.
    fn record_of(&self, judged: &Judged, gradients: &[Tensor], share: f64) -> Result<Record> {
        let (mut singles, mut doubles) = (vec![], vec![share * judged.loss.item::<f64>()?]);
        for gradient in gradients {
            match gradient.dtype() {
                DType::F64 => doubles.extend(gradient.to_vec::<f64>()?),
                _ => singles.extend(gradient.to_vec::<f32>()?),
            }
        }
        for buffer in self.buffers.iter().map(Buffer::get) {
            let numbers = buffer.to_dtype(DType::F64).to_vec::<f64>()?;
            doubles.extend(numbers.iter().map(|x| x * share));
        }
        for (_, metric) in &judged.metrics {
            doubles.push(share * metric.item::<f64>()?);
        }
        let names = Some(judged.metrics.iter().map(|(name, _)| *name).collect());
        Ok(Record { is_last: true, names, singles, doubles })
    }

    /// Gives the buffers the means over pieces; whole numbers stay whole.
    fn set_buffers(&self, sum: &Record) -> Result<()> {
        let numbers: usize = self.buffers.iter().map(|b| b.get().len()).sum();
        let mut rest = &sum.doubles[self.doubles() - numbers..];
        for buffer in &self.buffers {
            let old = buffer.get();
            let (own, others) = rest.split_at(old.len());
            rest = others;
            let round = |x: &f64| if old.dtype().is_float() { *x } else { x.round() };
            let mean = Tensor::from_vec(own.iter().map(round).collect::<Vec<f64>>(), old.shape())?;
            buffer.set(mean.to_dtype(old.dtype()));
        }
        Ok(())
    }
}

/// A piece whose forward pass is done.
struct Waiting {
    judged: Judged,
    buffers: Vec<Tensor>,
}

/// The sum over all pieces, along the tree, of what the ranks have of it, `own` being what this one
/// has.
fn sum_of_ranks(ranks: &dyn Communicator, own: &[Option<Record>], pieces: usize) -> Result<Record> {
    let size = ranks.size();
    let bytes = own.iter().flat_map(|record| Record::to_bytes(record.as_ref())).collect();
    let mut known: Vec<(Range<usize>, Option<Record>)> = vec![];
    for (rank, bytes) in ranks.gather(bytes)?.iter().enumerate() {
        let mut rest = &bytes[..];
        for branch in branches(0..pieces, &Share::even(pieces, rank, size).own) {
            known.push((branch, Record::from_bytes(&mut rest)?));
        }
    }
    let sum = top(0..pieces, &mut known)?;
    sum.ok_or_else(|| Error::new("a batch has no rows"))
}

/// The numbers of some pieces.
struct Record {
    /// Whether these are loss and gradients, and not what pieces have of a sum inside the model.
    is_last: bool,
    /// The names of metrics, where a piece of this rank is among them.
    names: Option<Vec<&'static str>>,
    singles: Vec<f32>,
    doubles: Vec<f64>,
}

impl Record {
    /// What a piece has of a sum inside the model, behind its count.
    fn of_asked(asked: &scope::Asked) -> Result<Record> {
        let (mut singles, mut doubles) = (vec![], vec![asked.count as f64]);
        match asked.own.dtype() {
            DType::F64 => doubles.extend(asked.own.to_vec::<f64>()?),
            _ => singles = asked.own.to_vec::<f32>()?,
        }
        Ok(Record { is_last: false, names: None, singles, doubles })
    }

    fn plus(mut self, other: &Record) -> Record {
        self.singles.iter_mut().zip(&other.singles).for_each(|(a, b)| *a += b);
        self.doubles.iter_mut().zip(&other.doubles).for_each(|(a, b)| *a += b);
        self
    }

    fn times(mut self, factor: f64) -> Record {
        self.singles.iter_mut().for_each(|x| *x *= factor as f32);
        self.doubles.iter_mut().for_each(|x| *x *= factor);
        self
    }

    /// Two lengths, of which the second says in its last bit what the numbers are, and the numbers;
    /// no numbers if there is no record.
    fn to_bytes(record: Option<&Record>) -> Vec<u8> {
        let Some(record) = record else { return [0u64, 0].map(u64::to_le_bytes).concat() };
        let lengths =
            [record.singles.len(), 2 * record.doubles.len() + usize::from(record.is_last)];
        let mut bytes = lengths.map(|n| (n as u64).to_le_bytes()).concat();
        bytes.extend(record.singles.iter().flat_map(|x| x.to_le_bytes()));
        bytes.extend(record.doubles.iter().flat_map(|x| x.to_le_bytes()));
        bytes
    }

    fn from_bytes(rest: &mut &[u8]) -> Result<Option<Record>> {
        let short = || Error::new("a rank sent too few numbers; start all ranks alike");
        let (head, after) = rest.split_at_checked(16).ok_or_else(short)?;
        let length = |bytes: &[u8]| {
            bytes.as_chunks().0.first().map_or(0, |n| u64::from_le_bytes(*n) as usize)
        };
        let (f32s, f64s, is_last) = (length(head), length(&head[8..]) / 2, head[8] & 1 == 1);
        let (own, after) = after.split_at_checked(4 * f32s + 8 * f64s).ok_or_else(short)?;
        *rest = after;
        let (single, double) = own.split_at(4 * f32s);
        let (singles, doubles) = (singles(single), doubles(double));
        // There is at least a loss, or a count.
        Ok((f64s > 0).then_some(Record { is_last, names: None, singles, doubles }))
    }
}

pub(super) fn singles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect()
}

pub(super) fn doubles(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect()
}

/// The two halves of a branch of the tree.
fn halves(branch: &Range<usize>) -> [Range<usize>; 2] {
    let middle = branch.start.midpoint(branch.end);
    [branch.start..middle, middle..branch.end]
}

/// The largest branches of the tree over `all` whose pieces are all in `own`.
fn branches(all: Range<usize>, own: &Range<usize>) -> Vec<Range<usize>> {
    if all.start >= own.end || all.end <= own.start {
        return vec![];
    }
    if own.start <= all.start && all.end <= own.end {
        return vec![all];
    }
    halves(&all).into_iter().flat_map(|half| branches(half, own)).collect()
}

fn plus(a: Option<Record>, b: Option<Record>) -> Option<Record> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.plus(&b)),
        (a, b) => a.or(b),
    }
}

/// The sum over a branch of what `piece` makes, which is nothing for pieces without rows.
fn sum_of(
    branch: Range<usize>,
    piece: &mut dyn FnMut(usize) -> Result<Option<Record>>,
) -> Result<Option<Record>> {
    if branch.len() == 1 {
        return piece(branch.start);
    }
    let [a, b] = halves(&branch);
    Ok(plus(sum_of(a, piece)?, sum_of(b, piece)?))
}

/// The sum over a branch from those of its branches that are known.
fn top(
    branch: Range<usize>,
    known: &mut Vec<(Range<usize>, Option<Record>)>,
) -> Result<Option<Record>> {
    if let Some(at) = known.iter().position(|(range, _)| *range == branch) {
        return Ok(known.swap_remove(at).1);
    }
    if branch.len() <= 1 {
        fail!("a piece of the batch is missing");
    }
    let [a, b] = halves(&branch);
    Ok(plus(top(a, known)?, top(b, known)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever has which pieces, the sum is that of one.
    #[test]
    fn one_tree() {
        let mut x = 0.37_f32;
        let values: Vec<Option<f32>> = (0..12)
            .map(|i| {
                x = 3.9 * x * (1.0 - x);
                (i % 5 != 3).then_some(x)
            })
            .collect();
        let record = |x: f32| {
            let (singles, doubles) = (vec![x], vec![]);
            Record { is_last: true, names: None, singles, doubles }
        };
        let mut piece = |i: usize| Ok(values[i].map(record));
        let one = sum_of(0..12, &mut piece).unwrap().unwrap().singles[0];
        for size in [1, 2, 3, 4, 5, 7, 12, 20] {
            let mut known = vec![];
            for rank in 0..size {
                for branch in branches(0..12, &Share::even(12, rank, size).own) {
                    known.push((branch.clone(), sum_of(branch, &mut piece).unwrap()));
                }
            }
            let sum = top(0..12, &mut known).unwrap().unwrap().singles[0];
            assert_eq!(sum.to_bits(), one.to_bits(), "{size}");
            assert!(known.is_empty());
        }
    }
}
