//! Batches of a dataset, in an order that follows from the seed and the epoch.
//!
//! The order of an epoch is not the state of a generator but a function
//!
//! ```text
//! order = shuffle(0 … n − 1; seed, epoch)
//! ```
//!
//! so that a [`Position`], two numbers, is all that a program must keep to go on in the middle of
//! an epoch. Where the rows of a dataset live in blocks, the blocks are shuffled, and then the rows
//! of each [`WINDOW`] blocks among themselves: only those need be at hand.
//!
//! A thread reads ahead, up to [`DataLoader::ahead`] batches.
//!
//! Several processes that share the work cut each batch into parts ([`Share`]), of as many rows up
//! to one, and each reads its own: what is read depends on the process, what a batch is does not.
//!
//! ```
//! use chainrule_fit::data::{array::Array, dataset::Arrays, loader::{DataLoader, Position}};
//! let x = Array::new([5, 1], vec![0.0f32, 1.0, 2.0, 3.0, 4.0])?;
//! let y = Array::new([5], vec![0i64, 1, 2, 3, 4])?;
//! let loader = DataLoader::new(Arrays::new(x, y)?, 2).shuffled(7);
//! let rows = |epoch, batch| -> Vec<Vec<usize>> {
//!     loader.batches(Position { epoch, batch }).map(|b| b.unwrap().rows).collect()
//! };
//! assert_eq!(rows(0, 0).len(), 3);
//! assert_eq!(rows(0, 1), rows(0, 0)[1..]); // begins in the middle of an epoch
//! assert_ne!(rows(0, 0), rows(1, 0));
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use chainrule_core::{DType, Tensor};

use super::array::Numbers;
use super::dataset::{Dataset, WINDOW};
use super::split::Random;
use super::transform::Transform;
use crate::error::{Error, Result};

/// A place in the sequence of all batches of all epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The number of epochs that are done.
    pub epoch: usize,
    /// The number of batches of this epoch that are done.
    pub batch: usize,
}

/// Features and targets of some rows as tensors.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The features: bytes as F32 in \[0, 1\], other numbers as they are.
    pub x: Tensor,
    /// The targets: integers and bytes as I64.
    pub y: Tensor,
    /// The numbers of the rows in the dataset.
    pub rows: Vec<usize>,
}

/// Which part of each batch is read: the parts `own` of `of` parts, whose numbers of rows differ by
/// one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Into how many parts a batch is cut.
    pub of: usize,
    /// The parts that are read.
    pub own: Range<usize>,
}

impl Share {
    /// All of each batch, as one part.
    pub fn whole() -> Share {
        Share::even(1, 0, 1)
    }

    /// What rank `rank` of `size` reads of `of` parts; no rank has more than the first.
    pub fn even(of: usize, rank: usize, size: usize) -> Share {
        let most = of.div_ceil(size);
        Share { of, own: (rank * most).min(of)..((rank + 1) * most).min(of) }
    }
}

/// Parts of a batch.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The rows of the whole batch.
    pub rows: usize,
    /// The parts that were asked for and have rows, with their numbers.
    pub parts: Vec<(usize, Batch)>,
    /// If there is none, the batch's first row, for whoever must do what the others do.
    pub spare: Option<Batch>,
}

/// How to go over a dataset.
#[derive(Clone)]
pub struct DataLoader {
    data: Arc<dyn Dataset>,
    /// The rows of a batch; the last of an epoch may have fewer.
    pub batch: usize,
    /// The seed of the order; without one, rows come as they are.
    pub shuffle: Option<u64>,
    /// The seed of what transforms draw.
    pub seed: u64,
    /// Whether a last batch that is not full is left out.
    pub drop_last: bool,
    /// How many batches are read ahead of their use; 0 reads each when it is asked for.
    pub ahead: usize,
    /// What is done to the features, in order.
    pub transforms: Vec<Transform>,
}

impl DataLoader {
    /// Batches of `batch` rows in the order of the dataset, read two ahead.
    pub fn new(data: impl Dataset + 'static, batch: usize) -> DataLoader {
        DataLoader {
            data: Arc::new(data),
            batch: batch.max(1),
            shuffle: None,
            seed: 0,
            drop_last: false,
            ahead: 2,
            transforms: vec![],
        }
    }

    /// The same in random order.
    #[must_use]
    pub fn shuffled(mut self, seed: u64) -> DataLoader {
        (self.shuffle, self.seed) = (Some(seed), seed);
        self
    }

    /// The same with one more transform.
    #[must_use]
    pub fn with(mut self, transform: Transform) -> DataLoader {
        self.transforms.push(transform);
        self
    }

    /// The number of rows of the dataset.
    pub fn rows(&self) -> usize {
        self.data.len()
    }

    /// The number of batches of an epoch.
    pub fn per_epoch(&self) -> usize {
        match self.drop_last {
            true => self.rows() / self.batch,
            false => self.rows().div_ceil(self.batch),
        }
    }

    /// The batches from a position to the end of its epoch.
    pub fn batches(&self, from: Position) -> Batches {
        self.supply(from, Source::read)
    }

    /// Parts of the batches from a position to the end of its epoch.
    pub fn cuts(&self, from: Position, share: Share) -> Batches<Cut> {
        self.supply(from, move |source, rows| source.cut(&rows, &share))
    }

    fn supply<T: Send + 'static>(
        &self,
        from: Position,
        read: impl Fn(&Source, Vec<usize>) -> Result<T> + Send + 'static,
    ) -> Batches<T> {
        let mut source = Source::new(self.clone(), from);
        let mut next = move || source.next().map(|rows| read(&source, rows));
        if self.ahead == 0 {
            return Batches(Supply::Here(Box::new(next)));
        }
        let (send, receive) = sync_channel(self.ahead);
        let reader = std::thread::spawn(move || {
            while let Some(batch) = next() {
                let failed = batch.is_err();
                if send.send(batch).is_err() || failed {
                    return;
                }
            }
        });
        Batches(Supply::Thread { receive: Some(receive), reader: Some(reader) })
    }
}

/// The batches of an epoch, or parts of them.
pub struct Batches<T = Batch>(Supply<T>);

enum Supply<T> {
    Here(Box<dyn FnMut() -> Option<Result<T>>>),
    Thread { receive: Option<Receiver<Result<T>>>, reader: Option<JoinHandle<()>> },
}

impl<T> Iterator for Batches<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        match &mut self.0 {
            Supply::Here(next) => next(),
            Supply::Thread { receive, reader } => match receive.as_ref()?.recv() {
                Ok(batch) => Some(batch),
                Err(_) => {
                    *receive = None;
                    let panicked = reader.take().is_some_and(|reader| reader.join().is_err());
                    panicked.then(|| Err(Error::new("the thread that reads batches broke off")))
                }
            },
        }
    }
}

impl<T> Drop for Batches<T> {
    fn drop(&mut self) {
        if let Supply::Thread { receive, reader } = &mut self.0 {
            // Without a receiver the thread ends at its next batch.
            *receive = None;
            if let Some(reader) = reader.take() {
                let _ = reader.join();
            }
        }
    }
}

/// Reads batch after batch.
struct Source {
    loader: DataLoader,
    order: Order,
    epoch: usize,
    next: usize,
}

impl Source {
    fn new(loader: DataLoader, from: Position) -> Source {
        let shuffle = loader.shuffle.map(|seed| (seed, from.epoch as u64));
        let order = Order::new(loader.rows(), loader.data.block(), shuffle);
        Source { loader, order, epoch: from.epoch, next: from.batch }
    }

    /// The rows of the next batch.
    fn next(&mut self) -> Option<Vec<usize>> {
        if self.next >= self.loader.per_epoch() {
            return None;
        }
        let begin = self.next * self.loader.batch;
        let end = (begin + self.loader.batch).min(self.loader.rows());
        let rows = self.order.rows(begin..end);
        self.next += 1;
        Some(rows)
    }

    fn cut(&self, rows: &[usize], share: &Share) -> Result<Cut> {
        let n = rows.len();
        // Where there are fewer rows than parts, the first part has one.
        let begin = |i: usize| (i * n).div_ceil(share.of);
        let part = |i: usize| (i, &rows[begin(i)..begin(i + 1)]);
        let own = share.own.clone().map(part).filter(|(_, rows)| !rows.is_empty());
        let parts = own.map(|(i, rows)| Ok((i, self.read(rows.to_vec())?)));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        let spare = parts.is_empty().then(|| self.read(rows[..n.min(1)].to_vec())).transpose()?;
        Ok(Cut { rows: n, parts, spare })
    }

    fn read(&self, rows: Vec<usize>) -> Result<Batch> {
        let example = self.loader.data.read(&rows)?;
        let mut x = example.x;
        if matches!(x.numbers(), Numbers::U8(_)) {
            x = x.to_f32();
        }
        for (i, transform) in (0u64..).zip(&self.loader.transforms) {
            let seed = self.loader.seed.wrapping_add(i << 32);
            x = transform.apply(&x, &rows, seed, self.epoch as u64)?;
        }
        let mut y = example.y.to_tensor()?;
        if y.dtype().is_integer() {
            y = y.to_dtype(DType::I64);
        }
        Ok(Batch { x: x.to_tensor()?, y, rows })
    }
}

/// The order of the rows of an epoch.
struct Order {
    n: usize,
    /// The seed and the epoch, if the rows are shuffled.
    shuffle: Option<(u64, u64)>,
    /// Rows that are shuffled together: all of them, or those of a window of blocks.
    block: usize,
    blocks: Vec<u32>,
    /// The window at hand: its number, where it begins in the order, its rows.
    window: Option<(usize, usize, Vec<usize>)>,
}

impl Order {
    fn new(n: usize, block: Option<usize>, shuffle: Option<(u64, u64)>) -> Order {
        let block = block.unwrap_or(n).max(1);
        let mut blocks = vec![];
        if let Some((seed, epoch)) = shuffle {
            blocks.extend(0..n.div_ceil(block) as u32);
            Random::of(&[seed, epoch, 0]).shuffle(&mut blocks);
        }
        Order { n, shuffle, block, blocks, window: None }
    }

    /// The rows at these places of the order.
    fn rows(&mut self, places: Range<usize>) -> Vec<usize> {
        let Some((seed, epoch)) = self.shuffle else { return places.collect() };
        let mut rows = Vec::with_capacity(places.len());
        for place in places {
            loop {
                let (number, begin, window) =
                    self.window.get_or_insert_with(|| (usize::MAX, 0, vec![]));
                if (*begin..*begin + window.len()).contains(&place) {
                    rows.push(window[place - *begin]);
                    break;
                }
                let (next, after) = match *number {
                    usize::MAX => (0, 0),
                    _ if place < *begin => (0, 0),
                    k => (k + 1, *begin + window.len()),
                };
                self.window = Some((next, after, self.window_rows(next, seed, epoch)));
            }
        }
        rows
    }

    fn window_rows(&self, window: usize, seed: u64, epoch: u64) -> Vec<usize> {
        let blocks = self.blocks.iter().skip(window * WINDOW).take(WINDOW);
        let rows = |&k: &u32| {
            let begin = k as usize * self.block;
            begin..(begin + self.block).min(self.n)
        };
        let mut rows: Vec<usize> = blocks.flat_map(rows).collect();
        Random::of(&[seed, epoch, 1 + window as u64]).shuffle(&mut rows);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_once() {
        for (n, block) in [(0, None), (10, None), (1000, Some(7)), (1000, Some(50)), (5, Some(9))] {
            for shuffle in [None, Some((3, 0)), Some((3, 1))] {
                let mut rows = Order::new(n, block, shuffle).rows(0..n);
                rows.sort_unstable();
                assert_eq!(rows, (0..n).collect::<Vec<_>>(), "{n} {block:?}");
            }
        }
    }

    /// The parts of all ranks are the batch, whatever it is cut into.
    #[test]
    fn shares_make_the_whole() {
        use super::super::{array::Array, dataset::Arrays};
        let column = || Array::new([23], (0..23).map(f64::from).collect::<Vec<_>>()).unwrap();
        let data = Arrays::new(column(), column()).unwrap();
        let loader = DataLoader::new(data, 10).shuffled(5);
        let from = Position { epoch: 2, batch: 1 };
        let whole: Vec<Batch> = loader.batches(from).map(Result::unwrap).collect();
        for (of, size) in [(1, 1), (3, 3), (12, 1), (12, 2), (12, 5), (2, 2), (4, 4)] {
            let mut rows: Vec<Vec<usize>> = vec![vec![]; 2];
            for rank in 0..size {
                let cuts = loader.cuts(from, Share::even(of, rank, size));
                for (k, cut) in cuts.map(Result::unwrap).enumerate() {
                    assert_eq!(cut.rows, whole[k].rows.len());
                    assert_eq!(cut.spare.is_some(), cut.parts.is_empty());
                    assert!(
                        cut.parts.iter().all(|(i, _)| Share::even(of, rank, size).own.contains(i))
                    );
                    cut.parts.iter().for_each(|(_, part)| rows[k].extend(&part.rows));
                }
            }
            assert!(rows.iter().zip(&whole).all(|(got, batch)| *got == batch.rows), "{of} {size}");
        }
    }

    /// Asked for in parts, from anywhere, the order is the same.
    #[test]
    fn parts_make_the_whole() {
        let mut order = Order::new(1000, Some(7), Some((1, 2)));
        let all = order.rows(0..1000);
        for begin in [990, 0, 113, 500] {
            assert_eq!(order.rows(begin..begin + 10), all[begin..begin + 10]);
        }
        // Rows of a window are mixed, and blocks come from anywhere.
        let first = &all[..16 * 7];
        assert!(first.iter().any(|&r| r > 800) && first.iter().any(|&r| r < 200));
    }
}
