//! Numbers as plain memory, for exchange with other libraries and languages.

use std::panic::Location;

use chainrule_kernels::Buffer;
use chainrule_kernels::shared::Shared;

use super::args::{IntoShape, lengths};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{dense, realize};
use crate::graph::Tensor;
use crate::op::DType;

/// The numbers of a tensor in memory: dense, in row-major order. They stay where they are and as
/// they are while this lives.
pub struct Numbers {
    buffer: Shared<Buffer>,
    bytes: usize,
}

impl Numbers {
    /// The numbers as bytes, in the machine's own format; truth values are one byte, 0 or 1.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.bytes()[..self.bytes]
    }
}

impl Tensor {
    /// The numbers in memory, computed if they were not; not copied if they lie densely.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from([1i64, -1]);
    /// assert_eq!(x.numbers()?.bytes()[..8], 1i64.to_ne_bytes());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the computation fails.
    #[track_caller]
    pub fn numbers(&self) -> Result<Numbers> {
        let x = self.source();
        let bytes = x.len() * x.dtype().size();
        if let Some(c) = x.as_constant() {
            let mut buffer = Buffer::new(bytes);
            c.fill(x.dtype(), &mut buffer.bytes_mut()[..bytes]);
            return Ok(Numbers { buffer: Shared::new(buffer), bytes });
        }
        realize(&[&x])?;
        let Some(value) = x.0.value.get() else { unreachable!("`realize` stores the value") };
        let buffer = match &value.layout {
            None => value.buffer.clone(),
            Some(_) => Shared::new(dense(value, &x.0.shape, x.dtype().size())),
        };
        Ok(Numbers { buffer, bytes })
    }

    /// A tensor of numbers given as bytes, as [`numbers`](Self::numbers) gives them.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from_bytes(&2.5f64.to_ne_bytes(), [1], DType::F64)?;
    /// assert_eq!(x.to_vec::<f64>()?, [2.5]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shape needs another number of bytes.
    #[track_caller]
    pub fn from_bytes(bytes: &[u8], shape: impl IntoShape, dtype: DType) -> Result<Tensor> {
        let shape = lengths("from_bytes", shape)?;
        let needed = shape.iter().product::<usize>() * dtype.size();
        if needed != bytes.len() {
            let what =
                format!("{dtype} {:?} are {needed} bytes, not {}", shape.as_slice(), bytes.len());
            return Err(Error::new(ErrorKind::Data, what, Location::caller())
                .hint("give the elements in row-major order, without gaps"));
        }
        let mut buffer = Buffer::new(needed);
        match dtype {
            DType::Bool => {
                let truth = bytes.iter().map(|&b| u8::from(b != 0));
                buffer.bytes_mut().iter_mut().zip(truth).for_each(|(to, b)| *to = b);
            }
            _ => buffer.bytes_mut()[..needed].copy_from_slice(bytes),
        }
        Ok(Tensor::leaf(buffer, dtype, shape))
    }

    /// A tensor of numbers that lie in memory of `owner`, as [`numbers`](Self::numbers) gives them,
    /// without a copy. They must not change while the tensor or anything recorded from it lives.
    ///
    /// Copied all the same are numbers at an address that is no multiple of their size, and truth
    /// values other than 0 and 1.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from_owner(vec![1u8, 2, 3], [3], DType::U8)?;
    /// assert_eq!((x + 1).to_vec::<u8>()?, [2, 3, 4]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shape needs another number of bytes.
    #[track_caller]
    pub fn from_owner(
        owner: impl AsRef<[u8]> + Send + Sync + 'static,
        shape: impl IntoShape,
        dtype: DType,
    ) -> Result<Tensor> {
        let shape = lengths("from_owner", shape)?;
        let bytes = owner.as_ref();
        let fits = bytes.len() == shape.iter().product::<usize>() * dtype.size();
        let aligned = bytes.as_ptr().addr().is_multiple_of(dtype.size());
        let sound = dtype != DType::Bool || bytes.iter().all(|&b| b < 2);
        if fits && aligned && sound {
            return Ok(Tensor::leaf(Buffer::of(owner), dtype, shape));
        }
        Tensor::from_bytes(bytes, shape.as_slice(), dtype)
    }
}
