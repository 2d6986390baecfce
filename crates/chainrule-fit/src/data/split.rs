//! Which rows are learnt from and which are kept to be judged by.
//!
//! The rows are shuffled by a generator of this module, so that a seed names the same split on
//! every machine, for ever, whatever else draws random numbers. The generator adds an odd constant
//! to its state and scrambles the sum (Steele, Lea and Flood 2014, *Fast splittable pseudorandom
//! number generators*); a shuffle swaps each place, from the last down, with one at or before it
//! (Fisher and Yates, in Durstenfeld's form).
//!
//! ```
//! use chainrule_fit::data::split::split;
//! let (train, test) = split(10, 0.2, 0);
//! assert_eq!((train.len(), test.len()), (8, 2));
//! assert_eq!(split(10, 0.2, 0), (train, test));
//! ```
//!
//! Where rows are not independent, a random split leaks: a model recognises the patient, or knows
//! the future. [`grouped`] and [`by_time`] keep apart what must be; [`stratified`] keeps rare
//! classes in both parts; [`k_fold`] and its kin test on every row once.

/// A stream of random numbers that follows from its seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The stream that belongs to a list of numbers, such as a seed, an epoch and a row. Each
    /// number is scrambled before the next is taken in, so that neighbours have nothing in common.
    pub fn of(numbers: &[u64]) -> Random {
        Random(numbers.iter().fold(0, |key, &n| Random(key ^ n).bits()))
    }

    /// A number in [0, 1) with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, each as likely as the others up to n / 2⁶⁴.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Puts `items` in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// Divides the rows `0..n` into those to train on and those to test on, each in ascending order.
///
/// The test part has ⌊`fraction` · n⌉ rows; when `fraction` is positive it has at least one row.
pub fn split(n: usize, fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = (0..n).collect();
    if fraction <= 0.0 || n == 0 {
        return (rows, vec![]);
    }
    Random::new(seed).shuffle(&mut rows);
    let tested = ((n as f64 * fraction).round() as usize).clamp(1, n);
    let mut test = rows.split_off(n - tested);
    rows.sort_unstable();
    test.sort_unstable();
    (rows, test)
}

/// Divides the rows so that each class has the same share in both parts, up to one row.
///
/// `classes` has the class of each row. A class of one row is trained on.
pub fn stratified(classes: &[usize], fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let (mut train, mut test) = (vec![], vec![]);
    for (class, rows) in members(classes) {
        let tested = match rows.len() {
            0 | 1 => 0,
            n if fraction > 0.0 => ((n as f64 * fraction).round() as usize).clamp(1, n - 1),
            _ => 0,
        };
        let mut rows = rows;
        Random::of(&[seed, class as u64]).shuffle(&mut rows);
        test.extend(rows.drain(..tested));
        train.extend(rows);
    }
    train.sort_unstable();
    test.sort_unstable();
    (train, test)
}

/// Divides the rows so that rows of one group, such as those of one patient, stay together.
///
/// Groups are drawn until the test part has at least `fraction` of the rows; the last group that
/// would leave nothing to train on is not.
pub fn grouped(groups: &[usize], fraction: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut of: Vec<(usize, Vec<usize>)> = members(groups);
    Random::new(seed).shuffle(&mut of);
    let wanted = (groups.len() as f64 * fraction).round() as usize;
    let (mut train, mut test) = (vec![], vec![]);
    for (i, (_, rows)) in of.iter().enumerate() {
        let is_last = i + 1 == of.len() && train.is_empty();
        let part = if test.len() < wanted && !is_last { &mut test } else { &mut train };
        part.extend(rows);
    }
    train.sort_unstable();
    test.sort_unstable();
    (train, test)
}

/// Divides the rows so that the latest ones are tested on: nothing later than a test row is learnt
/// from. Rows of one time stay together, in the test part.
pub fn by_time(times: &[f64], fraction: f64) -> (Vec<usize>, Vec<usize>) {
    let mut rows: Vec<usize> = (0..times.len()).collect();
    rows.sort_by(|&a, &b| times[a].total_cmp(&times[b]));
    let tested = ((times.len() as f64 * fraction).round() as usize).min(times.len());
    let mut cut = times.len() - tested;
    while cut > 0 && cut < rows.len() && times[rows[cut - 1]] == times[rows[cut]] {
        cut -= 1;
    }
    let test = rows.split_off(cut);
    (rows, test)
}

/// `k` divisions of the rows `0..n`, in which each row is tested on exactly once.
pub fn k_fold(n: usize, k: usize, seed: u64) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut rows: Vec<usize> = (0..n).collect();
    Random::new(seed).shuffle(&mut rows);
    folds(n, k, rows.into_iter().enumerate().map(|(at, row)| (row, at)))
}

/// As [`k_fold`], with the same share of each class in each part, up to one row.
pub fn stratified_k_fold(classes: &[usize], k: usize, seed: u64) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut order = vec![];
    for (class, mut rows) in members(classes) {
        Random::of(&[seed, class as u64]).shuffle(&mut rows);
        order.extend(rows);
    }
    folds(classes.len(), k, order.into_iter().enumerate().map(|(at, row)| (row, at)))
}

/// As [`k_fold`], with the rows of one group in one part.
pub fn grouped_k_fold(groups: &[usize], k: usize, seed: u64) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut of = members(groups);
    Random::new(seed).shuffle(&mut of);
    // The largest first, each into the smallest part so far.
    of.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
    let (mut sizes, mut places) = (vec![0; k.max(1)], vec![]);
    for (_, rows) in of {
        let fold = (0..sizes.len()).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[fold] += rows.len();
        places.extend(rows.into_iter().map(|row| (row, fold)));
    }
    folds(groups.len(), k, places.into_iter())
}

/// The parts in which row `r` is tested in fold `place % k`.
fn folds(
    n: usize,
    k: usize,
    places: impl Iterator<Item = (usize, usize)>,
) -> Vec<(Vec<usize>, Vec<usize>)> {
    let k = k.max(1);
    let mut fold = vec![0; n];
    places.for_each(|(row, place)| fold[row] = place % k);
    (0..k).map(|f| (0..n).partition(|&row| fold[row] != f)).collect()
}

/// The rows of each class, in the order of the classes.
fn members(classes: &[usize]) -> Vec<(usize, Vec<usize>)> {
    let mut of = std::collections::BTreeMap::<usize, Vec<usize>>::new();
    for (row, &class) in classes.iter().enumerate() {
        of.entry(class).or_default().push(row);
    }
    of.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_part() {
        for (n, fraction, tested) in [(442, 0.2, 88), (3, 0.2, 1), (10, 0.999, 10), (5, 0.0, 0)] {
            for seed in [0, 1, u64::MAX] {
                let (train, test) = split(n, fraction, seed);
                assert_eq!(test.len(), tested);
                let mut all = [train, test].concat();
                all.sort_unstable();
                assert_eq!(all, (0..n).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_ne!(split(100, 0.5, 0), split(100, 0.5, 1));
        assert_eq!(split(100, 0.5, 7), split(100, 0.5, 7));
    }

    #[test]
    fn classes_keep_their_shares() {
        let classes: Vec<usize> = (0..200).map(|i| usize::from(i % 10 == 0)).collect();
        let (train, test) = stratified(&classes, 0.25, 1);
        let rare = |rows: &[usize]| rows.iter().filter(|&&r| classes[r] == 1).count();
        assert_eq!((train.len(), test.len(), rare(&train), rare(&test)), (150, 50, 15, 5));
        for (train, test) in stratified_k_fold(&classes, 4, 1) {
            assert_eq!((train.len(), test.len(), rare(&test)), (150, 50, 5));
        }
        assert_eq!(stratified(&[7, 8, 9], 0.5, 0), (vec![0, 1, 2], vec![]));
    }

    #[test]
    fn groups_are_not_torn() {
        let groups: Vec<usize> = (0..100).map(|i| i / 7).collect();
        let apart = |train: &[usize], test: &[usize]| {
            train.iter().all(|&a| test.iter().all(|&b| groups[a] != groups[b]))
        };
        let (train, test) = grouped(&groups, 0.2, 3);
        assert!(apart(&train, &test) && (20..28).contains(&test.len()));
        let mut tested = vec![];
        for (train, test) in grouped_k_fold(&groups, 5, 3) {
            assert!(apart(&train, &test) && (14..=28).contains(&test.len()), "{}", test.len());
            tested.extend(test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..100).collect::<Vec<_>>());
        assert_eq!(grouped(&[1, 1, 1], 0.9, 0), (vec![0, 1, 2], vec![]));
    }

    #[test]
    fn the_future_is_not_learnt_from() {
        let times = [5.0, 1.0, 4.0, 2.0, 4.0, 3.0];
        assert_eq!(by_time(&times, 0.34), (vec![1, 3, 5], vec![2, 4, 0]));
        assert_eq!(by_time(&times, 0.0), (vec![1, 3, 5, 2, 4, 0], vec![]));
    }

    #[test]
    fn folds_test_each_row_once() {
        let folds = k_fold(11, 3, 5);
        let mut tested: Vec<usize> = folds.iter().flat_map(|f| f.1.clone()).collect();
        tested.sort_unstable();
        assert_eq!(tested, (0..11).collect::<Vec<_>>());
        assert!(folds.iter().all(|(a, b)| a.len() + b.len() == 11 && (3..=4).contains(&b.len())));
    }

    /// A change here would change every published split.
    #[test]
    fn the_stream_is_fixed() {
        assert_eq!(Random::new(0).bits(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(Random::new(1).bits(), 0x910a_2dec_8902_5cc1);
    }

    /// Each of the six orders of three things comes up about equally often.
    #[test]
    fn shuffles_are_fair() {
        let (mut random, mut seen) = (Random::new(3), [0; 27]);
        for _ in 0..6000 {
            let mut x = [0, 1, 2];
            random.shuffle(&mut x);
            seen[x[0] * 9 + x[1] * 3 + x[2]] += 1;
        }
        let orders: Vec<_> = seen.iter().filter(|&&n| n > 0).collect();
        assert_eq!(orders.len(), 6);
        assert!(orders.iter().all(|&&n| (880..1120).contains(&n)), "{orders:?}");
    }
}
