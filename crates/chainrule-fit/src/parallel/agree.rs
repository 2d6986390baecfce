//! What must be the same on all ranks.

use super::Communicator;
use crate::error::{Result, fail, shown};

/// That each part of `parts`, a name and a text, is the same on all ranks.
///
/// ```
/// use chainrule_fit::parallel::{Communicator, same_on_all, threads};
/// let said = threads(3, |ranks| {
///     let seed = if ranks.rank() == 2 { "7" } else { "0" };
///     same_on_all(ranks, &[("version", "0.1.0"), ("--seed", seed)]).unwrap_err().to_string()
/// });
/// assert_eq!(said[0], "--seed is 7 on rank 2 and is 0 on rank 0; start all ranks alike");
/// ```
///
/// # Errors
/// If one differs; on every rank, with the number of the first rank that differs from rank 0. If
/// the job was ended.
pub fn same_on_all(ranks: &dyn Communicator, parts: &[(&str, &str)]) -> Result<()> {
    let own: Vec<u8> = parts.iter().flat_map(|(name, text)| pack(name, text)).collect();
    let all: Vec<_> = ranks.gather(own)?.iter().map(|bytes| unpack(bytes)).collect();
    let Some((first, others)) = all.split_first() else { return Ok(()) };
    for (rank, other) in (1..).zip(others) {
        if first == other {
            continue;
        }
        let at = first.iter().zip(other).position(|(a, b)| a != b);
        let at = at.unwrap_or(first.len().min(other.len()));
        let (here, there) = (first.get(at), other.get(at));
        let name = here.or(there).map_or("", |(name, _)| name);
        let say = |part: Option<&(String, String)>| match part {
            Some((other, text)) if other == name => format!("is {}", shown(text)),
            _ => "is missing".into(),
        };
        let (here, there) = (say(here), say(there));
        fail!("{name} {there} on rank {rank} and {here} on rank 0; start all ranks alike");
    }
    Ok(())
}

/// A name and a text, each behind its length.
fn pack(name: &str, text: &str) -> Vec<u8> {
    let part = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    [part(name), part(text)].concat()
}

fn unpack(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut next = || {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let text = rest.get(..u64::from_le_bytes(*length) as usize)?;
        bytes = &rest[text.len()..];
        Some(String::from_utf8_lossy(text).into_owned())
    };
    std::iter::from_fn(|| Some((next()?, next()?))).collect()
}
