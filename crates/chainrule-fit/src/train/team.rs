//! One step of several ranks.
//!
//! Each batch is cut into parts of consecutive rows, and each rank has one of them or, where the
//! result must not depend on how many ranks there are, some of a fixed number of *pieces*. With nᵢ
//! of n rows in part i, whose mean loss is Lᵢ,
//!
//! ```text
//! L = Σ (nᵢ/n) Lᵢ          g = Σ ∇ (nᵢ/n) Lᵢ
//! ```
//!
//! so that all ranks get the loss and the gradient of the whole batch. Clipping, update and running
//! means follow from these, and every rank does them alike.
//!
//! # Parts: sums that overlap with the backward pass
//!
//! Gradients are gathered in buckets, the last parameters first, for the backward pass comes to
//! them first. A bucket is computed, its sum over ranks begun, and the next bucket computed while
//! the sum is on its way. What fits one bucket is computed as one plan: cutting it would compute
//! some values twice and win less than the time of one message.
//!
//! Layers that look at the whole batch sum over ranks on the way ([`crate::parallel::scope`]). A
//! rank without rows, in an epoch's last and small batch, goes through the motions with a row that
//! counts for nothing.
//!
//! # Pieces: the same bits for any number of ranks
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
use std::time::{Duration, Instant};

use chainrule_core::{
    DType, Tensor, grad, no_grad, profile_note, realize, rng_state, set_rng_state,
};

use super::step::{Judged, Numbers, Stepper};
use crate::data::loader::{Batch, Cut, Share};
use crate::data::split::Random;
use crate::error::{Error, Result, fail};
use crate::nn::{Buffer, from_bytes, to_bytes};
use crate::parallel::{Communicator, Pending, Summands, scope};

/// What the ranks of a run had to say to each other for its gradients.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Communication {
    /// The number of ranks.
    pub ranks: usize,
    /// The steps that were measured.
    pub steps: usize,
    /// The time of these steps.
    pub stepping: Duration,
    /// For how long this rank did nothing but wait for sums.
    pub waiting: Duration,
    /// For how long sums of gradients were on their way, added up over sums.
    pub on_the_way: Duration,
    /// The bytes that this rank gave to sums.
    pub bytes: u64,
}

impl Communication {
    /// The share of the steps' time in which this rank waited.
    pub fn share(&self) -> f64 {
        self.waiting.as_secs_f64() / self.stepping.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The share of the sums' time in which this rank computed.
    pub fn overlap(&self) -> f64 {
        let way = self.on_the_way.as_secs_f64().max(f64::MIN_POSITIVE);
        (1.0 - self.waiting.as_secs_f64() / way).max(0.0)
    }
}

/// Who makes the steps, and how.
pub(super) struct Team<'a> {
    pub(super) ranks: &'a dyn Communicator,
    /// Into how many pieces a batch is cut; without them each rank has one part.
    pieces: Option<usize>,
    /// The parameters of each bucket, in the order in which their sums begin.
    buckets: Vec<Vec<usize>>,
    /// The rank that updates each parameter, if not all do.
    owners: Option<Vec<usize>>,
    pub(super) told: Communication,
}

impl<'a> Team<'a> {
    pub(super) fn new(
        ranks: &'a dyn Communicator,
        pieces: Option<usize>,
        bucket: usize,
        shard: bool,
        parameters: &[Tensor],
    ) -> Team<'a> {
        let owners = (shard && ranks.size() > 1).then(|| owners(parameters, ranks.size()));
        let told = Communication { ranks: ranks.size(), ..Communication::default() };
        Team { ranks, pieces, buckets: buckets(parameters, bucket), owners, told }
    }

    /// What this rank reads of each batch.
    pub(super) fn share(&self) -> Share {
        let (rank, size) = (self.ranks.rank(), self.ranks.size());
        Share::even(self.pieces.unwrap_or(size), rank, size)
    }

    /// Whether this rank updates parameter `i`.
    pub(super) fn owns(&self, i: usize) -> bool {
        self.owners.as_ref().is_none_or(|owners| owners[i] == self.ranks.rank())
    }

    /// Whether each rank updates some of the parameters only.
    pub(super) fn is_sharded(&self) -> bool {
        self.owners.is_some()
    }
}

/// Parameters of one element type and at most `bytes` in all, or one alone, from the last on.
fn buckets(parameters: &[Tensor], bytes: usize) -> Vec<Vec<usize>> {
    let mut buckets: Vec<Vec<usize>> = vec![];
    let mut room = 0;
    for (i, p) in parameters.iter().enumerate().rev() {
        let size = p.len() * p.dtype().size();
        match buckets.last_mut() {
            Some(last) if size <= room && parameters[last[0]].dtype() == p.dtype() => last.push(i),
            _ => {
                buckets.push(vec![i]);
                room = bytes;
            }
        }
        room = room.saturating_sub(size);
    }
    buckets
}

/// A rank for each parameter, the largest first to whom has least.
fn owners(parameters: &[Tensor], size: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..parameters.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(parameters[i].len() * parameters[i].dtype().size()));
    let (mut loads, mut owners) = (vec![0; size], vec![0; parameters.len()]);
    for i in order {
        let least = (0..size).min_by_key(|&rank| loads[rank]).unwrap_or(0);
        owners[i] = least;
        loads[least] += parameters[i].len() * parameters[i].dtype().size();
    }
    owners
}

/// All elements of tensors of one type, one after the other.
fn flat(tensors: &[Tensor]) -> Result<Summands> {
    let is_double = tensors.iter().any(|t| t.dtype() == DType::F64);
    Ok(if is_double { Summands::F64(joined(tensors)?) } else { Summands::F32(joined(tensors)?) })
}

fn joined<T: chainrule_core::Element>(tensors: &[Tensor]) -> Result<Vec<T>> {
    let mut all = Vec::with_capacity(tensors.iter().map(Tensor::len).sum());
    for tensor in tensors {
        all.extend(tensor.to_vec::<T>()?);
    }
    Ok(all)
}

/// A tensor like `like` of the next of `numbers`, which begin at `at`.
fn next(numbers: &Summands, at: &mut usize, like: &Tensor) -> Result<Tensor> {
    let range = *at..*at + like.len();
    *at = range.end;
    let short = || Error::new("the ranks added up too few numbers");
    let tensor = match numbers {
        Summands::F32(all) => {
            Tensor::from_vec(all.get(range).ok_or_else(short)?.to_vec(), like.shape())?
        }
        Summands::F64(all) => {
            Tensor::from_vec(all.get(range).ok_or_else(short)?.to_vec(), like.shape())?
        }
    };
    Ok(tensor.to_dtype(like.dtype()))
}

/// The parameter that an entry of an optimiser's state, such as `3.exp_avg`, belongs to.
fn parameter_of(name: &str) -> Option<usize> {
    name.split_once('.')?.0.parse().ok()
}

/// Lets random tensors follow from where the generator was at the step's begin, and these places.
fn draw(rng: (u64, u64), places: [usize; 3]) {
    let [step, batch, part] = places.map(|n| n as u64);
    set_rng_state((Random::of(&[rng.0, rng.1, step, batch, part]).bits(), 0));
}

/// Gradients of a whole step, and its numbers.
type Whole = (Vec<Tensor>, Numbers);

impl Stepper<'_> {
    /// A step of all ranks; `step` is its number.
    pub(super) fn together(&mut self, group: &[Cut], step: usize) -> Result<Numbers> {
        let begun = Instant::now();
        let rng = rng_state();
        let whole = match self.team.as_ref().and_then(|team| team.pieces) {
            Some(pieces) => self.in_pieces(group, (step, rng), pieces),
            None => self.in_parts(group, (step, rng)),
        };
        set_rng_state(rng);
        let (gradients, mut numbers) = whole?;
        let (mut wanted, norm) = self.record(gradients)?;
        let is_sharded = self.team.as_ref().is_some_and(Team::is_sharded);
        if !is_sharded {
            wanted.extend(self.record_means());
        }
        realize(&wanted.iter().collect::<Vec<_>>())?;
        if is_sharded {
            self.exchange()?;
            realize(&self.record_means().iter().collect::<Vec<_>>())?;
        }
        numbers.norm = norm.map(|norm| norm.item()).transpose()?;
        if let Some(team) = &mut self.team {
            team.told.steps += 1;
            team.told.stepping += begun.elapsed();
        }
        Ok(numbers)
    }

    /// Gives every rank the parameters that this one updated, and takes those of the others.
    fn exchange(&self) -> Result<()> {
        let Some(team) = &self.team else { return Ok(()) };
        let Some(owners) = &team.owners else { return Ok(()) };
        let of = |rank: usize| {
            let own = self.parameters.iter().zip(owners);
            own.filter(move |(_, owner)| **owner == rank).map(|(p, _)| p)
        };
        let mut bytes = vec![];
        for p in of(team.ranks.rank()) {
            // Numbers of 32 bits are exact as numbers of 64, but twice as many bytes.
            match p.dtype() {
                DType::F64 => bytes.extend(p.to_vec::<f64>()?.iter().flat_map(|x| x.to_le_bytes())),
                _ => bytes.extend(p.to_vec::<f32>()?.iter().flat_map(|x| x.to_le_bytes())),
            }
        }
        for (rank, bytes) in team.ranks.gather(bytes)?.iter().enumerate() {
            if rank == team.ranks.rank() {
                continue;
            }
            let mut rest = &bytes[..];
            for p in of(rank) {
                let Some((own, others)) = rest.split_at_checked(p.len() * p.dtype().size()) else {
                    fail!("rank {rank} sent too few numbers")
                };
                rest = others;
                p.assign(&match p.dtype() {
                    DType::F64 => Tensor::from_vec(doubles(own), p.shape())?,
                    _ => Tensor::from_vec(singles(own), p.shape())?,
                })?;
            }
        }
        Ok(())
    }

    /// The optimiser's whole state, of which each rank may have a part.
    pub(super) fn optimiser_state(&self) -> Result<Vec<(String, Tensor)>> {
        let mut whole = self.optimiser.state();
        let Some(team) = self.team.as_ref().filter(|team| team.is_sharded()) else {
            return Ok(whole);
        };
        let is_own = |name: &str| parameter_of(name).is_some_and(|i| team.owns(i));
        let own: Vec<_> = whole.iter().filter(|(name, _)| is_own(name)).cloned().collect();
        for bytes in team.ranks.gather(to_bytes(&own, None)?)? {
            for (name, tensor) in from_bytes(&bytes)?.0 {
                if let Some(entry) = whole.iter_mut().find(|(other, _)| *other == name) {
                    entry.1 = tensor;
                }
            }
        }
        Ok(whole)
    }

    /// Takes over a whole state, or this rank's part of it.
    pub(super) fn load_optimiser(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let team = self.team.as_ref().filter(|team| team.is_sharded());
        let Some(team) = team else { return self.optimiser.load_state(state) };
        let fresh = self.optimiser.state();
        let own = |(name, tensor): &(String, Tensor)| {
            let others = parameter_of(name).is_some_and(|i| !team.owns(i));
            let first = fresh.iter().find(|(other, _)| others && other == name);
            (name.clone(), first.map_or(tensor, |(_, first)| first).clone())
        };
        self.optimiser.load_state(&state.iter().map(own).collect::<Vec<_>>())
    }

    fn in_parts(&mut self, group: &[Cut], (step, rng): (usize, (u64, u64))) -> Result<Whole> {
        let Some(Team { ranks, buckets, .. }) = &self.team else { return alone() };
        let (ranks, is_one) = (*ranks, ranks.size() == 1);
        let rows: usize = group.iter().map(|cut| cut.rows).sum();
        let mut judged: Vec<(Judged, f64)> = vec![];
        let mut sums: Option<Vec<Tensor>> = None;
        let mut weight = 1.0;
        for (k, cut) in group.iter().enumerate() {
            if !is_one {
                draw(rng, [step, k, ranks.rank()]);
            }
            let (batch, counts) = match (cut.parts.first(), &cut.spare) {
                (Some((_, batch)), _) => (batch, true),
                (None, Some(spare)) => (spare, false),
                (None, None) => fail!("a batch has no rows"),
            };
            let own = if counts { batch.rows.len() as f64 } else { 0.0 };
            let share = own / rows as f64;
            weight = own / cut.rows as f64;
            let (one, gradients) = scope::on_ranks(ranks, counts, || self.weighted(batch, share))?;
            let next: Vec<Tensor> = no_grad(|| match &sums {
                None => gradients,
                Some(sums) => sums.iter().zip(&gradients).map(|(sum, g)| sum + g).collect(),
            });
            if k + 1 < group.len() {
                self.realize(&next, &one)?;
            }
            judged.push((one, share));
            sums = Some(next);
        }
        let (gradients, Some((last, _))) = (sums.unwrap_or_default(), judged.last()) else {
            fail!("a step has no batch")
        };
        let mut told = Communication::default();
        let mut flying: Vec<Flight<'_>> = vec![];
        let mut numbers = None;
        for bucket in buckets {
            let own: Vec<Tensor> = bucket.iter().map(|&i| gradients[i].clone()).collect();
            if numbers.is_none() {
                self.realize(&own, last)?;
                numbers = Some(ranks.start_sum(self.numbers(&judged, weight)?)?);
            } else {
                realize(&own.iter().collect::<Vec<_>>())?;
            }
            // To ask how the others are going also keeps them going.
            flying.iter_mut().for_each(|flight| flight.look(&mut told));
            flying.push(Flight::begin(ranks, flat(&own)?, bucket, &mut told)?);
        }
        let mut whole: Vec<Option<Tensor>> = vec![None; gradients.len()];
        for flight in flying {
            let bucket = flight.bucket;
            let (sum, mut at) = (flight.end(&mut told)?, 0);
            for &i in bucket {
                whole[i] = Some(next(&sum, &mut at, &gradients[i])?);
            }
        }
        let Some(numbers) = numbers else { fail!("there are no parameters") };
        let numbers = self.read_numbers(last, &numbers.wait()?, rows, ranks.size() > 1)?;
        if let Some(team) = &mut self.team {
            team.told.waiting += told.waiting;
            team.told.on_the_way += told.on_the_way;
            team.told.bytes += told.bytes;
        }
        Ok((whole.into_iter().flatten().collect(), numbers))
    }

    /// The loss of a part, and the gradient of `share` times it.
    fn weighted(&self, batch: &Batch, share: f64) -> Result<(Judged, Vec<Tensor>)> {
        let judged = (self.loss)(batch)?;
        let factor = Tensor::from(share).to_dtype(judged.loss.dtype());
        let parameters: Vec<&Tensor> = self.parameters.iter().collect();
        let gradients = grad(&(&judged.loss * factor), &parameters)?;
        Ok((judged, gradients))
    }

    /// What is summed beside gradients: loss, metrics, and buffers times `weight`.
    fn numbers(&self, judged: &[(Judged, f64)], weight: f64) -> Result<Summands> {
        let mut all = vec![0.0; judged.last().map_or(1, |(last, _)| 1 + last.metrics.len())];
        for (one, share) in judged {
            let metrics = one.metrics.iter().map(|(_, metric)| metric);
            for (sum, x) in all.iter_mut().zip(std::iter::once(&one.loss).chain(metrics)) {
                // A row that counts for nothing must not spoil the sum with what is no number.
                *sum += if *share > 0.0 { share * x.item::<f64>()? } else { 0.0 };
            }
        }
        for buffer in self.buffers.iter().map(Buffer::get).filter(|b| b.dtype().is_float()) {
            all.extend(buffer.to_vec::<f64>()?.iter().map(|x| x * weight));
        }
        Ok(Summands::F64(all))
    }

    /// Reads what [`numbers`](Self::numbers) made, summed; gives the buffers their means.
    fn read_numbers(
        &self,
        like: &Judged,
        sum: &Summands,
        rows: usize,
        with_buffers: bool,
    ) -> Result<Numbers> {
        let Summands::F64(all) = sum else { fail!("the ranks do not add up the same") };
        let names = like.metrics.iter().map(|(name, _)| *name);
        let metrics: Vec<_> = names.zip(&all[1..]).map(|(name, x)| (name, *x)).collect();
        let mut at = 1 + metrics.len();
        for buffer in self.buffers.iter().filter(|b| with_buffers && b.get().dtype().is_float()) {
            buffer.set(next(sum, &mut at, &buffer.get())?);
        }
        Ok(Numbers { loss: all[0], norm: None, metrics, rows })
    }

    fn in_pieces(
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

fn alone<T>() -> Result<T> {
    fail!("there is no team for this step")
}

/// A bucket whose sum is on its way.
struct Flight<'a> {
    bucket: &'a [usize],
    sum: Box<dyn Pending + 'a>,
    begun: Instant,
    /// Whether its time was taken.
    is_down: bool,
}

impl<'a> Flight<'a> {
    fn begin(
        ranks: &'a dyn Communicator,
        numbers: Summands,
        bucket: &'a [usize],
        told: &mut Communication,
    ) -> Result<Flight<'a>> {
        told.bytes += match &numbers {
            Summands::F32(all) => 4 * all.len() as u64,
            Summands::F64(all) => 8 * all.len() as u64,
        };
        let begun = Instant::now();
        let sum = ranks.start_sum(numbers)?;
        profile_note("begin a sum over ranks", begun);
        Ok(Flight { bucket, sum, begun, is_down: false })
    }

    fn look(&mut self, told: &mut Communication) {
        if !self.is_down && self.sum.is_ready() {
            self.is_down = true;
            told.on_the_way += self.begun.elapsed();
        }
    }

    fn end(mut self, told: &mut Communication) -> Result<Summands> {
        self.look(told);
        let waiting = Instant::now();
        let sum = self.sum.wait()?;
        if !self.is_down {
            profile_note("wait for a sum over ranks", waiting);
            told.waiting += waiting.elapsed();
            told.on_the_way += self.begun.elapsed();
        }
        Ok(sum)
    }
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

fn singles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|x| f32::from_le_bytes(*x)).collect()
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
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

    #[test]
    fn buckets_and_owners() {
        let p = |n: usize| Tensor::zeros([n]);
        let all = [p(10), p(1), p(5), p(2), p(100), p(1).to_dtype(DType::F64)];
        assert_eq!(buckets(&all, 28), [vec![5], vec![4], vec![3, 2], vec![1], vec![0]]);
        assert_eq!(buckets(&all, 1 << 20), [vec![5], vec![4, 3, 2, 1, 0]]);
        assert_eq!(owners(&all, 2), [1, 1, 1, 1, 0, 1]);
    }
}
