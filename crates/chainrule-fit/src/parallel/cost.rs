//! What ranks cost each other: a model of time, to plan with before machines are rented.
//!
//! # A message, a sum
//!
//! A message of b bytes takes α + β b, the network's latency and the inverse of its bandwidth
//! (Hockney 1994). A sum over N ranks is made in one of two ways, and the cheaper counts (Thakur,
//! Rabenseifner and Gropp 2005):
//!
//! ```text
//! ring                 2 (N − 1) α + 2 (N − 1)/N β b          least bytes
//! doubling             ⌈log₂ N⌉ (α + β b)                     least messages
//! ```
//!
//! # A step
//!
//! Forward and backward pass over n rows of a rank take F and 2 F. The gradients are summed in k
//! buckets; the first begins when its share of the backward pass is done, and sums follow each
//! other while the backward pass goes on,
//!
//! ```text
//! t = F + max(2 F + s, 2 F/k + k s)          s: the sum of one bucket
//! ```
//!
//! and the efficiency of N ranks is t₁/(N t_N), for one and the same batch.
//!
//! ```
//! use chainrule_fit::parallel::cost::{Job, Network};
//! let network = Network::of(100.0, 2.0); // 100 Gbit/s, 2 µs
//! let job = Job { bytes: 4e8, seconds_per_row: 1e-3, network };
//! assert!(job.efficiency(64, 64.0 * 1024.0) > 0.95);
//! assert!(job.efficiency(64, 64.0) < 0.1);
//! let batch = job.batch_for(64, 0.9).unwrap();
//! assert!(job.efficiency(64, batch) >= 0.9);
//! ```
//!
//! Not here: networks whose speed depends on who talks to whom, stragglers, reading.

/// Time on a network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// α, in seconds.
    pub latency: f64,
    /// β, in seconds for each byte.
    pub per_byte: f64,
}

/// A sum over ranks whose time was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The number of ranks.
    pub ranks: usize,
    /// The bytes of each rank.
    pub bytes: f64,
    /// The time that it took, in seconds.
    pub seconds: f64,
}

impl Network {
    /// From its speed in 10⁹ bits a second and its latency in microseconds.
    pub fn of(gbps: f64, latency_us: f64) -> Network {
        Network { latency: latency_us * 1e-6, per_byte: 8e-9 / gbps }
    }

    /// How often latency and how often the bytes count in both ways to sum.
    fn ways(ranks: usize) -> [(f64, f64); 2] {
        let n = ranks as f64;
        let doublings = n.log2().ceil();
        [(2.0 * (n - 1.0), 2.0 * (n - 1.0) / n), (doublings, doublings)]
    }

    /// The seconds that a sum of `bytes` on each of `ranks` takes.
    pub fn sum(&self, ranks: usize, bytes: f64) -> f64 {
        let time = |(a, b): (f64, f64)| a * self.latency + b * self.per_byte * bytes;
        Network::ways(ranks).map(time).into_iter().fold(f64::INFINITY, f64::min)
    }

    /// The network whose sums take the times that were measured, by least squares of relative
    /// errors. Which way each sum went follows from the network, so this is done again until it
    /// stays. `None` if there are too few sums over several ranks.
    pub fn fit(measured: &[Measured]) -> Option<Network> {
        let some = measured.iter().filter(|m| m.ranks > 1 && m.seconds > 0.0);
        let some: Vec<&Measured> = some.collect();
        let mut network = Network::of(10.0, 10.0);
        for _ in 0..50 {
            let [mut aa, mut ab, mut bb, mut ay, mut by] = [0.0; 5];
            for m in &some {
                let time =
                    |(a, b): &(f64, f64)| a * network.latency + b * network.per_byte * m.bytes;
                let ways = Network::ways(m.ranks);
                let way = ways.into_iter().min_by(|x, y| time(x).total_cmp(&time(y)))?;
                let (a, b) = (way.0 / m.seconds, way.1 * m.bytes / m.seconds);
                (aa, ab, bb, ay, by) = (aa + a * a, ab + a * b, bb + b * b, ay + a, by + b);
            }
            let det = aa * bb - ab * ab;
            if det <= 1e-12 * aa * bb {
                return None;
            }
            let next = Network {
                latency: ((bb * ay - ab * by) / det).max(0.0),
                per_byte: ((aa * by - ab * ay) / det).max(0.0),
            };
            if next == network {
                break;
            }
            network = next;
        }
        Some(network)
    }
}

/// A model to be trained over ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// The bytes of all gradients.
    pub bytes: f64,
    /// The time of forward and backward pass for one row.
    pub seconds_per_row: f64,
    /// The network between the ranks.
    pub network: Network,
}

/// The buckets that are considered.
const MOST_BUCKETS: i32 = 10;

impl Job {
    /// The seconds of a step of `ranks` with `batch` rows in all and gradients in `buckets`.
    pub fn step(&self, ranks: usize, batch: f64, buckets: f64) -> f64 {
        let forward = self.seconds_per_row * batch / ranks as f64 / 3.0;
        if ranks == 1 {
            return 3.0 * forward;
        }
        let (backward, k) = (2.0 * forward, buckets);
        let sum = self.network.sum(ranks, self.bytes / k);
        forward + (backward + sum).max(backward / k + k * sum)
    }

    /// The fewest buckets, a power of two, with which a step takes no more than a hundredth longer
    /// than with any others.
    pub fn buckets(&self, ranks: usize, batch: f64) -> f64 {
        let all = || (0..=MOST_BUCKETS).map(|i| f64::from(i).exp2());
        let time = |k: f64| self.step(ranks, batch, k);
        let best = all().map(time).fold(f64::INFINITY, f64::min);
        all().find(|k| time(*k) <= 1.01 * best).unwrap_or(1.0)
    }

    /// The share of their time in which `ranks` do what one rank would have to do.
    pub fn efficiency(&self, ranks: usize, batch: f64) -> f64 {
        let one = self.step(1, batch, 1.0);
        one / (ranks as f64 * self.step(ranks, batch, self.buckets(ranks, batch)))
    }

    /// The smallest batch, in rows of all ranks, of at least this efficiency; `None` if there is
    /// none below 10¹² rows.
    pub fn batch_for(&self, ranks: usize, efficiency: f64) -> Option<f64> {
        let n = ranks as f64;
        // In rows of each rank, of which there is at least one.
        let enough = |rows: f64| self.efficiency(ranks, rows * n) >= efficiency;
        let mut high = 1.0;
        while !enough(high) {
            high *= 2.0;
            if high * n > 1e12 {
                return None;
            }
        }
        let mut low = high / 2.0;
        while high - low > 1.0 && high > 1.0 {
            let middle = f64::midpoint(low, high).floor();
            if enough(middle) { high = middle } else { low = middle }
        }
        Some(high * n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_found_again() {
        let network = Network::of(25.0, 3.0);
        let sizes = [64.0, 4096.0, 65536.0, 1e6, 1.6e7];
        let measured: Vec<Measured> = [2, 3, 4, 8]
            .into_iter()
            .flat_map(|ranks| sizes.map(|bytes| (ranks, bytes)))
            .map(|(ranks, bytes)| Measured { ranks, bytes, seconds: network.sum(ranks, bytes) })
            .collect();
        let found = Network::fit(&measured).unwrap();
        assert!((found.latency / network.latency - 1.0).abs() < 1e-9, "{found:?}");
        assert!((found.per_byte / network.per_byte - 1.0).abs() < 1e-9);
        assert_eq!(Network::fit(&measured[..1]), None);
        assert_eq!(Network::fit(&[]), None);
    }

    #[test]
    fn small_sums_take_few_messages_and_large_ones_few_bytes() {
        let network = Network { latency: 1e-6, per_byte: 1e-9 };
        assert!((network.sum(8, 8.0) - 3.0 * (1e-6 + 8e-9)).abs() < 1e-15);
        assert!((network.sum(8, 1e8) - (14e-6 + 2.0 * 7.0 / 8.0 * 0.1)).abs() < 1e-12);
        assert_eq!(network.sum(1, 1e8), 0.0);
    }

    #[test]
    fn more_ranks_are_never_more_efficient() {
        let job = Job { bytes: 1e8, seconds_per_row: 1e-4, network: Network::of(100.0, 2.0) };
        assert_eq!(job.efficiency(1, 1e4), 1.0);
        for batch in [1e3, 1e5, 1e7] {
            let all: Vec<f64> = (0..11).map(|i| job.efficiency(1 << i, batch)).collect();
            assert!(all.windows(2).all(|w| w[1] <= 1.01 * w[0]), "{all:?}");
        }
        let batch = job.batch_for(64, 0.9).unwrap();
        assert!(job.efficiency(64, batch - 64.0) < 0.9);
        let hopeless = Job { seconds_per_row: 0.0, ..job };
        assert_eq!(hopeless.batch_for(64, 0.9), None);
    }
}
