//! From a file to numbers: [`table`] reads cells, [`split`] says which rows are learnt from and
//! [`encode`] turns the cells of features into standardised numbers.

pub mod encode;
pub mod split;
pub mod table;
