//! Any text is a formula or an error; a formula printed in either way and read again says the same,
//! and so does its derivative.

#![no_main]

use chainrule::formula::Formula;
use chainrule::symbolic::Term;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(formula) = Formula::parse(text) else { return };
    let names: Vec<&str> = formula.variables().iter().map(String::as_str).collect();
    let again = |text: &str| Formula::parse_with(text, &names).expect("what is printed is read");
    assert_eq!(again(&formula.to_string()), formula);
    let pretty = again(&formula.root().pretty());
    let _ = formula.root().to_latex();
    let Ok(term) = Term::of(&formula) else { return };
    assert_eq!(Term::of(&pretty).ok(), Some(term.clone()));
    if term.operations() < 60 {
        for slope in term.gradient(&names) {
            let _ = again(&slope.to_string());
            let _ = again(&slope.to_node().pretty());
        }
    }
});
