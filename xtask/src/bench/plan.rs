//! What is asked for on the command line.

use super::cores;
use super::rows::{ROWS, Row};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantity {
    /// Of every row, the peers' beside ours.
    Time,
    /// How our time grows with the size.
    Scaling,
    Memory,
    Instructions,
}

/// The quantities, the option that asks for each (time needs none), and those that go with it.
#[rustfmt::skip]
const QUANTITIES: &[(Quantity, &str, &[&str])] = &[
    (Quantity::Time,         "",               &["--save", "--threads", "--peers", "--quick",
                                                 "--rows"]),
    (Quantity::Scaling,      "--scaling",      &["--save", "--threads"]),
    (Quantity::Memory,       "--memory",       &["--save", "--threads", "--peers"]),
    (Quantity::Instructions, "--instructions", &["--bless"]),
];

/// The quantity that the words ask for, if all known options among them go with it.
fn quantity(words: &[String]) -> Result<Quantity, String> {
    let asked = QUANTITIES.iter().find(|(_, option, _)| words.iter().any(|word| word == option));
    let (quantity, option, allowed) = asked.unwrap_or(&QUANTITIES[0]);
    for word in words.iter().map(String::as_str).filter(|word| word != option) {
        let known =
            |(_, option, others): &(_, &str, &[&str])| *option == word || others.contains(&word);
        if QUANTITIES.iter().any(known) && !allowed.contains(&word) {
            return Err(match *option {
                "" => format!("`{word}` goes with `--instructions`"),
                option => format!("`{word}` does not go with `{option}`"),
            });
        }
    }
    Ok(*quantity)
}

/// What is to be measured, and how thoroughly.
pub(super) struct Plan {
    pub quantity: Quantity,
    pub rows: Vec<&'static Row>,
    pub peers: bool,
    pub quick: bool,
    pub save: bool,
    /// Whether what is found becomes what is accepted.
    pub bless: bool,
    pub threads: usize,
}

impl Plan {
    /// Every row, ours alone.
    fn whole(quantity: Quantity) -> Plan {
        let (rows, threads) = (ROWS.iter().collect(), cores());
        Plan { quantity, rows, peers: false, quick: false, save: false, bless: false, threads }
    }

    pub(super) fn parse(words: &[String]) -> Result<Plan, String> {
        let quantity = quantity(words)?;
        let mut plan = Plan::whole(quantity);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` lacks its value"));
            match word.as_str() {
                "--scaling" | "--memory" | "--instructions" => {}
                "--peers" => plan.peers = true,
                "--quick" => plan.quick = true,
                "--save" => plan.save = true,
                "--bless" => plan.bless = true,
                "--rows" => plan.rows = named(value()?)?,
                "--threads" => {
                    let threads = value()?;
                    let number = threads.parse().ok().filter(|threads| *threads > 0);
                    let unclear = || format!("`{threads}` is no number of threads");
                    plan.threads = number.ok_or_else(unclear)?;
                }
                _ => return Err(format!("there is no option `{word}`")),
            }
        }
        Ok(plan)
    }

    pub(super) fn rounds(&self) -> usize {
        match (self.quick, self.peers) {
            (true, _) => 3,
            (false, false) => 5,
            (false, true) => 7,
        }
    }

    /// How long a turn lasts.
    pub(super) fn seconds(&self) -> f64 {
        match (self.quick, self.peers) {
            (true, _) => 0.03,
            (false, false) => 0.1,
            (false, true) => 0.12,
        }
    }
}

/// The rows of a list of names, in the order of the table.
fn named(list: &str) -> Result<Vec<&'static Row>, String> {
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    let is_row = |name: &&str| ROWS.iter().any(|row| row.name == *name);
    let unknown: Vec<_> = names.iter().copied().filter(|name| !is_row(name)).collect();
    if unknown.is_empty() {
        return Ok(ROWS.iter().filter(|row| names.contains(&row.name)).collect());
    }
    let all: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    Err(format!("there is no row {}; the rows are {}", unknown.join(", "), all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &str) -> Result<Plan, String> {
        Plan::parse(&words.split_whitespace().map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn plans_are_read() {
        let all = plan("").unwrap();
        assert_eq!((all.rows.len(), all.rounds(), all.seconds()), (ROWS.len(), 5, 0.1));
        let some = plan("--peers --rows 15a,6 --threads 3 --save").unwrap();
        let names: Vec<_> = some.rows.iter().map(|row| row.name).collect();
        assert_eq!((names, some.rounds(), some.threads), (vec!["6", "15a"], 7, 3));
        assert!(some.peers && some.save && !some.quick);
        assert_eq!(plan("--quick --peers").unwrap().rounds(), 3);
        assert_eq!(all.quantity, Quantity::Time);
        let memory = plan("--peers --memory --save").unwrap();
        assert!(memory.quantity == Quantity::Memory && memory.peers && memory.save);
        assert!(plan("--instructions --bless").unwrap().bless);
        assert_eq!(plan("--scaling").unwrap().quantity, Quantity::Scaling);
    }

    #[test]
    fn misuse_is_one_sentence() {
        let said = |words| plan(words).err().unwrap();
        assert!(said("--rows 6,15c,x").starts_with("there is no row 15c, x; the rows are 1, 2, 3"));
        assert_eq!(said("--rows"), "`--rows` lacks its value");
        assert_eq!(said("--threads 0"), "`0` is no number of threads");
        assert_eq!(said("--fast"), "there is no option `--fast`");
        assert_eq!(said("--bless"), "`--bless` goes with `--instructions`");
        assert_eq!(said("--scaling --peers"), "`--peers` does not go with `--scaling`");
        assert_eq!(said("--memory --scaling"), "`--memory` does not go with `--scaling`");
    }
}
