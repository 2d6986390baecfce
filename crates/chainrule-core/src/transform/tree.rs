//! Structures of tensors: what functions take and give.
//!
//! A [`Tree`] is a tensor, or a tuple, array, vector, option, map or struct of trees. Derivatives
//! have the structure of what they are taken by: the gradient by a pair is a pair. For structs of
//! your own, [`tree!`](crate::tree!) lists the fields:
//!
//! ```
//! # use chainrule_core::*;
//! struct Line { slope: Tensor, offset: Tensor }
//! tree!(Line { slope, offset });
//!
//! let line = Line { slope: Tensor::from(2.0), offset: Tensor::from(1.0) };
//! let x = Tensor::from([0.0, 1.0, 2.0]);
//! let f = |l: &Line| (&l.slope * &x + &l.offset).square().sum();
//! let (y, gradient) = value_and_grad(f, &line)?;
//! assert_eq!(gradient.slope.item::<f64>()?, 26.0); // Σ 2 (2x + 1) x
//! # Ok::<(), Error>(())
//! ```

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};

use crate::error::Result;
use crate::graph::Tensor;

/// A structure of tensors.
pub trait Tree: Sized {
    /// The structure with a `T` in the place of each tensor: `(T, T)` for a pair of tensors. For
    /// structs made trees by [`tree!`](crate::tree!) it is `Vec<T>`.
    type Of<T>;

    /// A `T` for each tensor, in order.
    ///
    /// # Errors
    /// The first error of `f`.
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>>;

    /// The structure with each tensor replaced.
    ///
    /// # Errors
    /// The first error of `f`.
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self>;

    /// The tensors, in order.
    fn leaves(&self) -> Vec<Tensor> {
        let mut list = vec![];
        let _ = self.map(&mut |x| {
            list.push(x.clone());
            Ok(())
        });
        list
    }
}

/// What a function may give: a [`Tree`], or a `Result` of one, so that `?` can stand in it.
pub trait Outcome {
    /// The structure given.
    type Tree: Tree;
    /// The structure, or the function's error.
    ///
    /// # Errors
    /// The function's own.
    fn outcome(self) -> Result<Self::Tree>;
}

impl<X: Tree> Outcome for Result<X> {
    type Tree = X;
    fn outcome(self) -> Result<X> {
        self
    }
}

impl Tree for Tensor {
    type Of<T> = T;
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<T> {
        f(self)
    }
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        f(self)
    }
}

macro_rules! outcome {
    ($(($($generic:tt)*) $X:ty;)*) => { $(
        impl<$($generic)*> Outcome for $X {
            type Tree = $X;
            fn outcome(self) -> Result<$X> {
                Ok(self)
            }
        }
    )* };
}
outcome! {
    () Tensor;
    (X: Tree) Vec<X>;
    (X: Tree) Option<X>;
    (X: Tree) Box<X>;
    (X: Tree, const N: usize) [X; N];
    (K: Ord + Clone, X: Tree) BTreeMap<K, X>;
    (K: Eq + Hash + Ord + Clone, X: Tree, S: BuildHasher + Default) HashMap<K, X, S>;
}

impl<X: Tree> Tree for Vec<X> {
    type Of<T> = Vec<X::Of<T>>;
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>> {
        self.iter().map(|x| x.map(f)).collect()
    }
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
        self.iter().map(|x| x.replace(f)).collect()
    }
}

impl<X: Tree> Tree for Option<X> {
    type Of<T> = Option<X::Of<T>>;
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>> {
        self.as_ref().map(|x| x.map(f)).transpose()
    }
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
        self.as_ref().map(|x| x.replace(f)).transpose()
    }
}

impl<X: Tree> Tree for Box<X> {
    type Of<T> = X::Of<T>;
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>> {
        (**self).map(f)
    }
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
        (**self).replace(f).map(Box::new)
    }
}

impl<X: Tree, const N: usize> Tree for [X; N] {
    type Of<T> = [X::Of<T>; N];
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>> {
        array(self.each_ref().map(|x| x.map(f)))
    }
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
        array(self.each_ref().map(|x| x.replace(f)))
    }
}

/// An array of values, or the first error.
fn array<T, const N: usize>(each: [Result<T>; N]) -> Result<[T; N]> {
    if let Some(Err(e)) = each.iter().find(|r| r.is_err()) {
        return Err(e.clone());
    }
    Ok(each.map(|r| match r {
        Ok(value) => value,
        Err(e) => unreachable!("errors were looked for: {e}"),
    }))
}

impl<K: Ord + Clone, X: Tree> Tree for BTreeMap<K, X> {
    type Of<T> = BTreeMap<K, X::Of<T>>;
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>> {
        self.iter().map(|(k, x)| Ok((k.clone(), x.map(f)?))).collect()
    }
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
        self.iter().map(|(k, x)| Ok((k.clone(), x.replace(f)?))).collect()
    }
}

/// In the order of the keys.
impl<K: Eq + Hash + Ord + Clone, X: Tree, S: BuildHasher + Default> Tree for HashMap<K, X, S> {
    type Of<T> = HashMap<K, X::Of<T>, S>;
    fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|e| e.0);
        entries.into_iter().map(|(k, x)| Ok((k.clone(), x.map(f)?))).collect()
    }
    fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by_key(|e| e.0);
        entries.into_iter().map(|(k, x)| Ok((k.clone(), x.replace(f)?))).collect()
    }
}

macro_rules! tuples {
    ($(($($X:ident $i:tt),*))*) => { $(
        impl<$($X: Tree),*> Tree for ($($X,)*) {
            type Of<T> = ($($X::Of<T>,)*);
            fn map<T>(&self, f: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<Self::Of<T>> {
                Ok(($(self.$i.map(f)?,)*))
            }
            fn replace(&self, f: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<Self> {
                Ok(($(self.$i.replace(f)?,)*))
            }
        }
        impl<$($X: Tree),*> Outcome for ($($X,)*) {
            type Tree = Self;
            fn outcome(self) -> Result<Self> {
                Ok(self)
            }
        }
    )* };
}
/// No tensors at all.
impl Tree for () {
    type Of<T> = ();
    fn map<T>(&self, _: &mut dyn FnMut(&Tensor) -> Result<T>) -> Result<()> {
        Ok(())
    }
    fn replace(&self, _: &mut dyn FnMut(&Tensor) -> Result<Tensor>) -> Result<()> {
        Ok(())
    }
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, G 5)
}

/// Makes a struct a [`Tree`](crate::Tree) of the fields that are listed, each a tree; others are
/// cloned: `tree!(Model { weights, bias })`, `tree!(Layer { w, b; activation })`.
#[macro_export]
macro_rules! tree {
    ($X:ident { $($field:ident),+ $(,)? $(; $($kept:ident),+ $(,)?)? }) => {
        impl $crate::Tree for $X {
            type Of<T> = Vec<T>;
            fn map<T>(
                &self,
                f: &mut dyn FnMut(&$crate::Tensor) -> $crate::Result<T>,
            ) -> $crate::Result<Vec<T>> {
                let mut list = vec![];
                $(
                    $crate::Tree::map(&self.$field, &mut |x: &$crate::Tensor| {
                        list.push(f(x)?);
                        Ok(())
                    })?;
                )+
                Ok(list)
            }
            fn replace(
                &self,
                f: &mut dyn FnMut(&$crate::Tensor) -> $crate::Result<$crate::Tensor>,
            ) -> $crate::Result<Self> {
                Ok($X {
                    $($field: $crate::Tree::replace(&self.$field, f)?,)+
                    $($($kept: self.$kept.clone(),)+)?
                })
            }
        }
        impl $crate::Outcome for $X {
            type Tree = Self;
            fn outcome(self) -> $crate::Result<Self> {
                Ok(self)
            }
        }
    };
}
