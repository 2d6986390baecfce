//! The numbers that a row starts from, the same for every engine and every run.
//!
//! `target/bench/inputs/ROW` holds each array as raw little-endian numbers, and `shapes`, one line
//! per array: `NAME TYPE LENGTH…`, no length for a scalar. The numbers come from SplitMix64 and,
//! where they are normally distributed, from the transform of Box and Muller: of u and v, uniform
//! on (0, 1], it makes √(−2 ln u) cos 2πv and √(−2 ln u) sin 2πv. An array is specified by a line:
//!
//! ```text
//! x f32 64 784: normal 0.1 around 1       mean 1 and deviation 0.1; without `around`, mean 0
//! t i64 64: index 10                      0 to 9, equally likely
//! t f32 100: coin                         0 or 1, equally likely
//! ```
//!
//! The line's hash is the seed, so that equal lines give equal numbers in whichever row they stand.
//! The file `made` comes last and keeps the lines; where they are the same, the files stay.
//!
//! Steele, Lea, Flood: *Fast splittable pseudorandom number generators*, 2014. Box, Muller: *A note
//! on the generation of random normal deviates*, 1958.

use super::{folder, rows};
use std::f64::consts::TAU;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};

/// The type of an array's elements.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    F32,
    F64,
    I64,
}

impl Kind {
    pub(super) fn named(name: &str) -> Option<Kind> {
        match name {
            "f32" => Some(Kind::F32),
            "f64" => Some(Kind::F64),
            "i64" => Some(Kind::I64),
            _ => None,
        }
    }

    pub(super) fn bytes(self) -> usize {
        if self == Kind::F32 { 4 } else { 8 }
    }
}

/// What an array holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Values {
    Normal { deviation: f64, mean: f64 },
    Index(u64),
    Coin,
}

/// An array to be made.
#[derive(Debug, PartialEq)]
struct Array {
    name: String,
    kind: Kind,
    count: usize,
    values: Values,
}

impl Array {
    fn parse(line: &str) -> Option<Array> {
        let (shape, values) = line.split_once(": ")?;
        let values = match values.split(' ').collect::<Vec<_>>()[..] {
            ["normal", deviation] => {
                Values::Normal { deviation: deviation.parse().ok()?, mean: 0.0 }
            }
            ["normal", deviation, "around", mean] => {
                Values::Normal { deviation: deviation.parse().ok()?, mean: mean.parse().ok()? }
            }
            ["index", end] => Values::Index(end.parse().ok()?),
            ["coin"] => Values::Coin,
            _ => return None,
        };
        let (name, kind, count) = shape_of(shape)?;
        Some(Array { name: name.to_string(), kind, count, values })
    }

    /// Writes all numbers.
    fn write(&self, mut random: Random, to: &mut impl Write) -> io::Result<()> {
        let mut put = |value: f64| match self.kind {
            Kind::F32 => to.write_all(&(value as f32).to_le_bytes()),
            Kind::F64 => to.write_all(&value.to_le_bytes()),
            Kind::I64 => to.write_all(&(value as i64).to_le_bytes()),
        };
        match self.values {
            Values::Normal { deviation, mean } => {
                for at in (0..self.count).step_by(2) {
                    let pair = random.normal().map(|z| mean + deviation * z);
                    pair.into_iter().take(self.count - at).try_for_each(&mut put)?;
                }
                Ok(())
            }
            Values::Index(end) => (0..self.count).try_for_each(|_| put(random.below(end) as f64)),
            Values::Coin => (0..self.count).try_for_each(|_| put(random.below(2) as f64)),
        }
    }
}

/// Name, type and number of elements in a line `NAME TYPE LENGTH…`.
pub(super) fn shape_of(line: &str) -> Option<(&str, Kind, usize)> {
    let mut words = line.split_whitespace();
    let (name, kind) = (words.next()?, Kind::named(words.next()?)?);
    let lengths: Result<Vec<usize>, _> = words.map(str::parse).collect();
    Some((name, kind, lengths.ok()?.iter().product()))
}

/// SplitMix64: the state counts in steps of the golden ratio, and each number is its scrambling.
struct Random(u64);

impl Random {
    /// Seeded by the FNV-1a hash of a text.
    fn of(text: &str) -> Random {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Random(text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform on (0, 1].
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    fn normal(&mut self) -> [f64; 2] {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        let angle = TAU * self.unit();
        [radius * angle.cos(), radius * angle.sin()]
    }
}

/// Makes the files of a row, unless they are there.
pub(super) fn make(row: &str) -> Result<(), String> {
    let folder = folder(&["inputs", row]);
    let lines = rows::arrays(row);
    if fs::read_to_string(folder.join("made")).is_ok_and(|made| made == lines) {
        return Ok(());
    }
    let _ = fs::remove_dir_all(&folder);
    let write = || -> io::Result<()> {
        fs::create_dir_all(&folder)?;
        let mut shapes = String::new();
        for line in lines.lines() {
            let array = Array::parse(line).ok_or(io::ErrorKind::InvalidInput)?;
            let file = folder.join(&array.name).with_extension("bin");
            let mut file = BufWriter::new(File::create(file)?);
            array.write(Random::of(line), &mut file)?;
            file.flush()?;
            shapes += line.split(": ").next().unwrap_or_default();
            shapes += "\n";
        }
        fs::write(folder.join("shapes"), shapes)?;
        fs::write(folder.join("made"), &lines)
    };
    write().map_err(|error| format!("the inputs of row {row} could not be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(line: &str) -> Vec<f64> {
        let array = Array::parse(line).unwrap();
        let mut bytes = Vec::new();
        array.write(Random::of(line), &mut bytes).unwrap();
        assert_eq!(bytes.len(), array.count * array.kind.bytes());
        let number = |b: &[u8]| match array.kind {
            Kind::F32 => f32::from_le_bytes(b.try_into().unwrap()).into(),
            Kind::F64 => f64::from_le_bytes(b.try_into().unwrap()),
            Kind::I64 => i64::from_le_bytes(b.try_into().unwrap()) as f64,
        };
        bytes.chunks(array.kind.bytes()).map(number).collect()
    }

    #[test]
    fn every_row_is_specified() {
        for row in rows::ROWS {
            for line in rows::arrays(row.name).lines() {
                assert!(Array::parse(line).is_some(), "row {}: {line}", row.name);
            }
        }
        let array = Array::parse("b f32: normal 0 around 0.1").unwrap();
        let values = Values::Normal { deviation: 0.0, mean: 0.1 };
        assert_eq!(array, Array { name: "b".into(), kind: Kind::F32, count: 1, values });
        for line in ["x f32 3", "x f16 3: coin", "x f32 a: coin", "x f32 3: index", "x f32 3: odd"]
        {
            assert_eq!(Array::parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_generator_is_splitmix64() {
        let mut random = Random(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([random.next(), random.next()], expected);
    }

    #[test]
    fn equal_lines_give_equal_numbers() {
        let x = numbers("x f64 5: normal 1");
        assert_eq!(x, numbers("x f64 5: normal 1"));
        assert_ne!(x, numbers("y f64 5: normal 1"));
        assert_eq!(numbers("b f64: normal 0 around 0.5"), [0.5]);
    }

    #[test]
    fn numbers_are_distributed_as_specified() {
        let x = numbers("x f32 20001: normal 0.5 around 1");
        let mean = x.iter().sum::<f64>() / 20001.0;
        let deviation = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20001.0).sqrt();
        // Both estimates deviate by 0.5/√20001 = 0.0035 and less; four times that is rare.
        assert!((mean - 1.0).abs() < 0.015 && (deviation - 0.5).abs() < 0.015);
        let mut seen = [0; 10];
        numbers("t i64 10000: index 10").iter().for_each(|&t| seen[t as usize] += 1);
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
        let heads = numbers("t f32 10000: coin").iter().sum::<f64>();
        assert!((4700.0..5300.0).contains(&heads));
    }
}
