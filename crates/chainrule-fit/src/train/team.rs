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
//! See `pieces`.

use std::time::{Duration, Instant};

use chainrule_core::{
    DType, Tensor, grad, no_grad, profile_note, realize, rng_state, set_rng_state,
};

use super::pieces::{doubles, singles};
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
pub(super) fn next(numbers: &Summands, at: &mut usize, like: &Tensor) -> Result<Tensor> {
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
pub(super) fn draw(rng: (u64, u64), places: [usize; 3]) {
    let [step, batch, part] = places.map(|n| n as u64);
    set_rng_state((Random::of(&[rng.0, rng.1, step, batch, part]).bits(), 0));
}

/// Gradients of a whole step, and its numbers.
pub(super) type Whole = (Vec<Tensor>, Numbers);

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
}

pub(super) fn alone<T>() -> Result<T> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_owners() {
        let p = |n: usize| Tensor::zeros([n]);
        let all = [p(10), p(1), p(5), p(2), p(100), p(1).to_dtype(DType::F64)];
        assert_eq!(buckets(&all, 28), [vec![5], vec![4], vec![3, 2], vec![1], vec![0]]);
        assert_eq!(buckets(&all, 1 << 20), [vec![5], vec![4, 3, 2, 1, 0]]);
        assert_eq!(owners(&all, 2), [1, 1, 1, 1, 0, 1]);
    }
}
