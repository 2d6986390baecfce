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

/// A stream of random numbers that follows from its seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to below 1, a multiple of 2⁻⁵³.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `n`, each as likely as the others up to n / 2⁶⁴.
    fn below(&mut self, n: usize) -> usize {
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
