//! What is done to features on their way into a batch: normalising, and for images drawn changes.
//!
//! What is drawn for a row is a function of the seed, the epoch, the row and the place of the
//! transform in its list. It does not depend on what was drawn before, so a run that is resumed in
//! the middle of an epoch draws the same.
//!
//! ```
//! use chainrule_fit::data::{array::Array, transform::Transform};
//! let x = Array::new([2, 1], vec![1.0f32, 5.0])?;
//! let normalise = Transform::Normalise { mean: vec![3.0], deviation: vec![2.0] };
//! let z = normalise.apply(&x, &[0, 1], 0, 0)?;
//! assert_eq!(z, Array::new([2, 1], vec![-1.0f32, 1.0])?);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use super::array::{Array, Numbers};
use super::split::Random;
use crate::error::{Result, fail};

/// A change of features. Images are \[rows, channels, height, width\].
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// (x − mean) / deviation, for each index along axis 1: a column, or a channel.
    Normalise {
        /// What is subtracted.
        mean: Vec<f32>,
        /// What is divided by afterwards.
        deviation: Vec<f32>,
    },
    /// Mirrors an image left to right with this probability.
    Flip(f64),
    /// Moves an image by up to so many pixels along each axis; what comes in is 0.
    Shift(usize),
}

impl Transform {
    /// The transform of `x`, F32, whose rows have these numbers in the dataset. `seed` and `epoch`
    /// decide what is drawn.
    ///
    /// # Errors
    /// If `x` is not of the shape that the transform is for.
    pub fn apply(&self, x: &Array, rows: &[usize], seed: u64, epoch: u64) -> Result<Array> {
        let shape = x.shape().to_vec();
        let Numbers::F32(mut v) = x.to_f32().into_numbers() else {
            fail!("a transform needs numbers of F32")
        };
        match self {
            Transform::Normalise { mean, deviation } => {
                let (Some(&n), true) = (shape.get(1), mean.len() == deviation.len()) else {
                    fail!("normalising needs an axis 1, and a deviation for each mean")
                };
                if mean.len() != n {
                    fail!("there are {} means to normalise {n} columns or channels", mean.len());
                }
                let inner: usize = shape[2..].iter().product();
                for (i, part) in v.chunks_mut(inner.max(1)).enumerate() {
                    let (mean, deviation) = (mean[i % n], deviation[i % n]);
                    part.iter_mut().for_each(|x| *x = (*x - mean) / deviation);
                }
            }
            Transform::Flip(share) => {
                let [_, _, _, width] = image(&shape)?;
                each_row(&mut v, rows, |row, pixels| {
                    if Random::of(&[seed, epoch, row, 1]).uniform() < *share {
                        pixels.chunks_mut(width.max(1)).for_each(<[f32]>::reverse);
                    }
                });
            }
            Transform::Shift(most) => {
                let [_, _, height, width] = image(&shape)?;
                let mut from = vec![];
                each_row(&mut v, rows, |row, pixels| {
                    let mut random = Random::of(&[seed, epoch, row, 2]);
                    let mut draw = || random.below(2 * most + 1) as i64 - *most as i64;
                    let (down, right) = (draw(), draw());
                    from.clear();
                    from.extend_from_slice(pixels);
                    shift(&from, pixels, [height, width], [down, right]);
                });
            }
        }
        Array::new(shape, v)
    }
}

fn image(shape: &[usize]) -> Result<[usize; 4]> {
    let Ok(shape) = shape.try_into() else {
        fail!("images have 4 axes, rows, channels, height and width, and these have {shape:?}")
    };
    Ok(shape)
}

fn each_row(v: &mut [f32], rows: &[usize], mut change: impl FnMut(u64, &mut [f32])) {
    let width = (v.len() / rows.len().max(1)).max(1);
    for (pixels, &row) in v.chunks_mut(width).zip(rows) {
        change(row as u64, pixels);
    }
}

/// Moves each channel of `from` by so many pixels down and right.
fn shift(from: &[f32], to: &mut [f32], [height, width]: [usize; 2], [down, right]: [i64; 2]) {
    for (i, x) in to.iter_mut().enumerate() {
        let (row, column) = ((i / width % height) as i64 - down, (i % width) as i64 - right);
        let inside = (0..height as i64).contains(&row) && (0..width as i64).contains(&column);
        let channel = i / (width * height) * (width * height);
        *x = if inside { from[channel + row as usize * width + column as usize] } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(n: usize) -> Array {
        Array::new([n, 1, 2, 3], (0..6 * n).map(|i| i as f32).collect::<Vec<f32>>()).unwrap()
    }

    #[test]
    fn a_flip_mirrors_rows() {
        let flipped = Transform::Flip(1.0).apply(&images(1), &[0], 0, 0).unwrap();
        let want = Array::new([1, 1, 2, 3], vec![2.0f32, 1.0, 0.0, 5.0, 4.0, 3.0]).unwrap();
        assert_eq!(flipped, want);
        assert_eq!(Transform::Flip(0.0).apply(&images(1), &[0], 0, 0).unwrap(), images(1));
    }

    #[test]
    fn a_shift_brings_in_zeros() {
        let from: Vec<f32> = (1..=6).map(|i| i as f32).collect();
        let mut to = vec![9.0; 6];
        shift(&from, &mut to, [2, 3], [1, -1]);
        assert_eq!(to, [0.0, 0.0, 0.0, 2.0, 3.0, 0.0]);
    }

    /// What is drawn for a row does not depend on the batch it is in, but on the epoch.
    #[test]
    fn draws_belong_to_rows() {
        let rows: Vec<usize> = (0..40).collect();
        for change in [Transform::Flip(0.5), Transform::Shift(1)] {
            let all = change.apply(&images(40), &rows, 7, 3).unwrap();
            let part = images(40).rows(&rows[10..]).unwrap();
            let part = change.apply(&part, &rows[10..], 7, 3).unwrap();
            assert_eq!(part, all.rows(&rows[10..]).unwrap());
            assert_ne!(all, change.apply(&images(40), &rows, 7, 4).unwrap());
        }
    }
}
