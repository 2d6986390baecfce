//! What the ranks of a job make of many parts of data.
//!
//! A sum of rounded numbers depends on the order in which it is taken. Parts are therefore joined
//! along one tree that knows only their places: the parts of places 0 and 1, of 2 and 3 and so on,
//! then these pairs two by two, for ever. A rank with the parts from a place a to a place b makes
//! the whole branches that lie between them, at most 2 log₂(b − a), and lays these down; all ranks
//! then join the same branches. So the bits are the same on all ranks, and for any number of
//! ranks.
//!
//! ```text
//! places   0 1 2 3 4 5 6 7 8        rank 0 has 0 … 4, rank 1 has 5 … 8
//!          └┬┘ └┬┘ └┬┘ └┬┘ │
//!           └─┬─┘   └─┬─┘  │        rank 0 lays down the branches (0 1 2 3) and 4,
//!             └───┬───┘    │        rank 1 the branches 5, (6 7) and 8
//!                 └────┬───┘
//! ```
//!
//! What fails on one rank alone ends the job ([`alone`]); what all ranks find out together they all
//! return.

use super::{Communicator, Summands};
use crate::error::{Error, Result, fail};

/// How two neighbouring parts become one.
pub(crate) type Join<'a> = dyn Fn(&[f64], &[f64]) -> Vec<f64> + 'a;

/// Joins parts, each some numbers, along the tree of their places.
pub(crate) struct Tree<'a> {
    join: &'a Join<'a>,
    branches: Vec<Branch>,
}

/// The parts from place `index << level` up to the next branch of the level.
struct Branch {
    level: u32,
    index: u64,
    numbers: Vec<f64>,
}

/// Adds element by element.
pub(crate) fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

impl<'a> Tree<'a> {
    pub(crate) fn new(join: &'a Join<'a>) -> Tree<'a> {
        Tree { join, branches: vec![] }
    }

    /// Takes in the part of a place, which is behind those before. One without numbers changes
    /// nothing; places may be left out.
    pub(crate) fn push(&mut self, place: usize, numbers: Vec<f64>) {
        self.take(Branch { level: 0, index: place as u64, numbers });
    }

    fn take(&mut self, mut branch: Branch) {
        while let Some(last) = self.branches.pop_if(|last| {
            last.level == branch.level && last.index % 2 == 0 && last.index + 1 == branch.index
        }) {
            let numbers = self.joined(last.numbers, branch.numbers);
            branch = Branch { level: last.level + 1, index: last.index / 2, numbers };
        }
        self.branches.push(branch);
    }

    fn joined(&self, a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
        match (a.is_empty(), b.is_empty()) {
            (_, true) => a,
            (true, _) => b,
            _ => (self.join)(&a, &b),
        }
    }

    /// All parts of all ranks, which have places in the order of their numbers, as one.
    pub(crate) fn over(mut self, ranks: &dyn Communicator) -> Result<Vec<f64>> {
        if ranks.size() > 1 {
            let own: Vec<u8> = self.branches.iter().flat_map(Branch::to_bytes).collect();
            self.branches.clear();
            // One after the other, so that no rank holds what all have.
            for root in 0..ranks.size() {
                let given = if root == ranks.rank() { own.clone() } else { vec![] };
                let bytes = ranks.broadcast(root, given)?;
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    self.take(Branch::from_bytes(&mut rest)?);
                }
            }
        }
        let mut rest = std::mem::take(&mut self.branches).into_iter().rev().map(|b| b.numbers);
        let last = rest.next().unwrap_or_default();
        Ok(rest.fold(last, |later, earlier| self.joined(earlier, later)))
    }
}

impl Branch {
    fn to_bytes(&self) -> Vec<u8> {
        let head = [u64::from(self.level), self.index, self.numbers.len() as u64];
        let numbers = self.numbers.iter().map(|x| x.to_bits());
        head.into_iter().chain(numbers).flat_map(u64::to_le_bytes).collect()
    }

    fn from_bytes(rest: &mut &[u8]) -> Result<Branch> {
        let [level, index, length] = [word(rest)?, word(rest)?, word(rest)?];
        let numbers = (0..length).map(|_| word(rest).map(f64::from_bits));
        Ok(Branch { level: level as u32, index, numbers: numbers.collect::<Result<_>>()? })
    }
}

fn word(rest: &mut &[u8]) -> Result<u64> {
    let Some((word, after)) = rest.split_first_chunk() else {
        fail!("what another rank sent is cut off")
    };
    *rest = after;
    Ok(u64::from_le_bytes(*word))
}

/// The numbers of each rank, by their numbers.
pub(crate) fn gather(ranks: &dyn Communicator, own: &[f64]) -> Result<Vec<Vec<f64>>> {
    if ranks.size() == 1 {
        return Ok(vec![own.to_vec()]);
    }
    let bytes = own.iter().flat_map(|x| x.to_le_bytes()).collect();
    let numbers = |bytes: Vec<u8>| -> Result<Vec<f64>> {
        let mut rest = &bytes[..];
        let mut numbers = vec![];
        while !rest.is_empty() {
            numbers.push(f64::from_bits(word(&mut rest)?));
        }
        Ok(numbers)
    };
    ranks.gather(bytes)?.into_iter().map(numbers).collect()
}

/// The sums of numbers that are whole, which have no rounding.
pub(crate) fn counts(ranks: &dyn Communicator, own: Vec<f64>) -> Result<Vec<f64>> {
    match ranks.sum(Summands::F64(own))? {
        Summands::F64(all) => Ok(all),
        Summands::F32(_) => fail!("another rank counted in other numbers"),
    }
}

/// The sum of what each rank has, in the order of ranks.
pub(crate) fn total(ranks: &dyn Communicator, own: f64) -> Result<f64> {
    let parts = gather(ranks, &[own])?;
    Ok(parts.iter().skip(1).fold(parts[0][0], |sum, part| sum + part[0]))
}

/// Whether `is` holds on every rank.
pub(crate) fn all(ranks: &dyn Communicator, is: bool) -> Result<bool> {
    Ok(counts(ranks, vec![f64::from(u8::from(!is))])?[0] == 0.0)
}

/// Does what the other ranks do not do, or do with other data: if it fails, the job ends with an
/// error that names this rank.
pub(crate) fn alone<T>(ranks: &dyn Communicator, work: impl FnOnce() -> Result<T>) -> Result<T> {
    work().map_err(|why| ended(ranks, &why))
}

fn ended(ranks: &dyn Communicator, why: &Error) -> Error {
    ranks.abort(why);
    // What was said first is what all ranks return.
    ranks.barrier().err().unwrap_or_else(|| why.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::split::Random;
    use crate::parallel::{Single, threads};

    /// Any cut into ranks, also empty ones, joins in one order, which is seen by a join that
    /// depends on it.
    #[test]
    fn trees_do_not_depend_on_ranks() {
        let mut random = Random::new(7);
        for parts in [1usize, 2, 5, 8, 23] {
            let numbers: Vec<Vec<f64>> = (0..parts)
                .map(|i| if i % 4 == 2 { vec![] } else { vec![random.uniform(), 1.0] })
                .collect();
            let join = |a: &[f64], b: &[f64]| vec![a[0] * 0.7 + b[0] * b[0], a[1] + b[1]];
            let mut whole = Tree::new(&join);
            numbers.iter().enumerate().for_each(|(i, x)| whole.push(i, x.clone()));
            let whole = whole.over(&Single).unwrap();
            let full = numbers.iter().filter(|x| !x.is_empty()).count();
            assert_eq!(whole[1], full as f64);
            for size in [2, 3, 5] {
                let cuts: Vec<usize> = (1..size).map(|_| random.below(parts + 1)).collect();
                let mut cuts = [vec![0, parts], cuts].concat();
                cuts.sort_unstable();
                let found = threads(size, |ranks| {
                    let mut own = Tree::new(&join);
                    let range = cuts[ranks.rank()]..cuts[ranks.rank() + 1];
                    range.for_each(|i| own.push(i, numbers[i].clone()));
                    own.over(ranks).unwrap()
                });
                assert!(found.iter().all(|found| *found == whole), "{parts} in {cuts:?}");
            }
        }
    }

    #[test]
    fn failures_name_their_rank() {
        let said = threads(3, |ranks| {
            let work = || if ranks.rank() == 2 { Err(Error::new("it rains")) } else { Ok(1) };
            alone(ranks, work).and_then(|_| all(ranks, true)).unwrap_err().to_string()
        });
        assert_eq!(said, ["rank 2: it rains"; 3]);
        let single = alone(&Single, || -> Result<()> { fail!("it rains") });
        assert_eq!(single.unwrap_err().to_string(), "it rains");
    }
}
