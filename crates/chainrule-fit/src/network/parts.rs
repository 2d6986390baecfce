//! Which rows of a table are learnt from, validated on and tested on.

use super::Request;
use crate::data::array::Numbers;
use crate::data::split::{split, stratified};
use crate::data::table::Table;
use crate::data::target::Target;
use crate::error::{Result, count, fail, shown};

/// The rows with a target, and what they are used for.
pub(super) struct Parts {
    pub(super) all: Vec<usize>,
    pub(super) train: Vec<usize>,
    pub(super) validation: Vec<usize>,
    pub(super) test: Vec<usize>,
}

impl Parts {
    pub(super) fn of(table: &Table, target: usize, request: &Request) -> Result<Parts> {
        let all: Vec<usize> =
            (0..table.len()).filter(|&row| table.cell(row, target).is_some()).collect();
        if all.is_empty() {
            fail!(
                "{}: the target \"{}\" has no value in any row; choose another --target",
                table.path(),
                shown(&request.target)
            );
        }
        // Classes keep their shares in each part.
        let classes = match Target::learn(table, target, &all, request.as_class)? {
            kind @ Target::Class(_) => match kind.encode(table, target, &all)? {
                Numbers::I64(classes) => Some(classes),
                _ => None,
            },
            Target::Number { .. } => None,
        };
        let divide = |places: &[usize], share: f64, seed: u64| {
            let (a, b) = match &classes {
                None => split(places.len(), share, seed),
                Some(classes) => {
                    let of: Vec<usize> = places.iter().map(|&i| classes[i] as usize).collect();
                    stratified(&of, share, seed)
                }
            };
            let pick = |part: Vec<usize>| part.into_iter().map(|i| places[i]).collect::<Vec<_>>();
            (pick(a), pick(b))
        };
        let places: Vec<usize> = (0..all.len()).collect();
        let (rest, test) = divide(&places, request.test_split, request.seed);
        let (train, validation) = divide(&rest, request.validation, request.seed.wrapping_add(1));
        if train.len() < 2 {
            fail!(
                "{} has {} with a target, and {} left to train on; at least 2 are needed: add rows \
                 or test and validate on fewer",
                table.path(),
                count(all.len(), "row"),
                train.len()
            );
        }
        let rows = |part: Vec<usize>| part.into_iter().map(|i| all[i]).collect();
        let (train, validation, test) = (rows(train), rows(validation), rows(test));
        Ok(Parts { all, train, validation, test })
    }
}
