//! Random numbers as a function of (seed, stream, index): no state, so any thread can make any
//! part.
//!
//! The generator is Philox 4×32-10 (Salmon, Moraes, Dror, Shaw, “Parallel random numbers: as easy
//! as 1, 2, 3”, SC 2011): ten rounds of a bijection of a 128-bit counter under a 64-bit key.

/// Four random words for counter `counter` under `key`.
#[inline]
pub fn philox(key: u64, counter: [u32; 4]) -> [u32; 4] {
    let (mut k0, mut k1) = (key as u32, (key >> 32) as u32);
    let [mut a, mut b, mut c, mut d] = counter;
    for _ in 0..10 {
        let p = u64::from(a) * 0xD251_1F53;
        let q = u64::from(c) * 0xCD9E_8D57;
        (a, b, c, d) = ((q >> 32) as u32 ^ b ^ k0, q as u32, (p >> 32) as u32 ^ d ^ k1, p as u32);
        k0 = k0.wrapping_add(0x9E37_79B9);
        k1 = k1.wrapping_add(0xBB67_AE85);
    }
    [a, b, c, d]
}

/// The `index`-th 64-bit word of stream `stream` under `seed`.
#[inline]
pub fn word(seed: u64, stream: u64, index: u64) -> u64 {
    let counter = [(index >> 1) as u32, (index >> 33) as u32, stream as u32, (stream >> 32) as u32];
    let r = philox(seed, counter);
    let half = 2 * (index & 1) as usize;
    u64::from(r[half]) | u64::from(r[half + 1]) << 32
}

/// A number in [0, 1) with 53 random bits.
#[inline]
pub fn uniform(word: u64) -> f64 {
    (word >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A standard normal number, the `index`-th of its stream (Box–Muller on one pair of words).
#[inline]
pub fn normal(seed: u64, stream: u64, index: u64) -> f64 {
    let pair = index & !1;
    let u = 1.0 - uniform(word(seed, stream, pair)); // in (0, 1], so that the logarithm is finite
    let angle = std::f64::consts::TAU * uniform(word(seed, stream, pair + 1));
    let radius = (-2.0 * u.ln()).sqrt();
    if index & 1 == 0 { radius * angle.cos() } else { radius * angle.sin() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known-answer vectors of the paper's own distribution (Random123, `kat_vectors`).
    #[test]
    fn known_answers() {
        let zero = philox(0, [0; 4]);
        assert_eq!(zero, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let ones = philox(u64::MAX, [u32::MAX; 4]);
        assert_eq!(ones, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn moments_of_the_normal() {
        let n = 100_000;
        let x: Vec<f64> = (0..n).map(|i| normal(7, 3, i)).collect();
        let mean = x.iter().sum::<f64>() / n as f64;
        let var = x.iter().map(|v| v * v).sum::<f64>() / n as f64;
        let kurtosis = x.iter().map(|v| v.powi(4)).sum::<f64>() / n as f64;
        // Four standard errors: 1/√n, √(2/n), √(96/n).
        assert!(mean.abs() < 4.0 * 0.00317 && (var - 1.0).abs() < 4.0 * 0.00448);
        assert!((kurtosis - 3.0).abs() < 4.0 * 0.031);
    }
}
