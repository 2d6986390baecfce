//! Q and R of a matrix whose rows are spread over ranks.
//!
//! Each rank factors its rows, Xᵣ = Qᵣ Rᵣ; all ranks factor the triangles, one under the other:
//!
//! ```text
//! [ X₁ ]   [ Q₁    ] [ R₁ ]          [ Q₁    ]
//! [ X₂ ] = [    Q₂ ] [ R₂ ],   Qᵀ y = Q′ᵀ of the first numbers of Qᵣᵀ yᵣ; the others stay
//!                      = Q′ R
//! ```
//!
//! Q is not made: a vector with a part on each rank is turned by the reflections that each rank has
//! kept, then by those that all have. One exchange of p numbers for each rank turns a vector.

use crate::error::Result;
use crate::parallel::Communicator;
use crate::parallel::fold::gather;
use crate::solve::qr::Qr;
use crate::solve::tall;

/// A factored matrix.
pub(super) struct Parted<'a> {
    ranks: &'a dyn Communicator,
    /// Of the rows of this rank; none if it is alone.
    own: Option<Qr>,
    /// Of the triangles of all, or of all rows.
    pub(super) all: Qr,
    /// Where this rank's triangle stands among all.
    before: usize,
}

/// Qᵀ y.
pub(super) struct Turned {
    /// On all ranks: first the part that R answers for.
    pub(super) head: Vec<f64>,
    /// Of this rank.
    tail: Vec<f64>,
}

impl<'a> Parted<'a> {
    /// Factors the matrix of which this rank has these columns of `rows` numbers; `tolerance` is
    /// that of [`Qr::new`].
    pub(super) fn new(
        ranks: &'a dyn Communicator,
        columns: Vec<Vec<f64>>,
        rows: usize,
        tolerance: f64,
    ) -> Result<Parted<'a>> {
        if ranks.size() == 1 {
            return Ok(Parted {
                ranks,
                own: None,
                all: Qr::new(columns, rows, tolerance),
                before: 0,
            });
        }
        let width = columns.len();
        let own = Qr::new(columns, rows, 0.0);
        let (mut stack, mut length, mut before) = (vec![vec![]; width], 0, 0);
        for (rank, part) in gather(ranks, &tall::unpivoted(&own))?.iter().enumerate() {
            if rank == ranks.rank() {
                before = length;
            }
            length += part.len() / width;
            let parts = tall::columns(part, width);
            stack.iter_mut().zip(parts).for_each(|(column, part)| column.extend(part));
        }
        Ok(Parted { ranks, own: Some(own), all: Qr::new(stack, length, tolerance), before })
    }

    /// Qᵀ y for the y of which this rank has this part.
    pub(super) fn turn(&self, mut y: Vec<f64>) -> Result<Turned> {
        let Some(own) = &self.own else {
            self.all.reflect(&mut y);
            return Ok(Turned { head: y, tail: vec![] });
        };
        own.reflect(&mut y);
        let mut head = gather(self.ranks, &y[..own.rank()])?.concat();
        self.all.reflect(&mut head);
        Ok(Turned { head, tail: y.split_off(own.rank()) })
    }

    /// Q of what was turned: this rank's part of it.
    pub(super) fn turn_back(&self, turned: Turned) -> Vec<f64> {
        let Turned { mut head, tail } = turned;
        self.all.reflect_back(&mut head);
        let Some(own) = &self.own else { return head };
        let mut y = head[self.before..self.before + own.rank()].to_vec();
        y.extend(tail);
        own.reflect_back(&mut y);
        y
    }
}
