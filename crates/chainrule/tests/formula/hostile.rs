//! Texts that are deep, long or random.

use chainrule::formula::{Formula, MAX_HEIGHT, MAX_LENGTH};
use chainrule::prelude::*;
use proptest::prelude::*;

use super::parse;

/// Whatever is deep or long is refused or read, in little time and little stack.
#[test]
fn hostile_formulas() {
    let deep = |start: &str, middle: &str, end: &str| {
        format!("{}{middle}{}", start.repeat(9_000), end.repeat(9_000))
    };
    let cases = [
        deep("(", "x", ")"),
        deep("(", "", ""),
        deep("[", "x", "]"),
        deep("{", "x", "}"),
        deep("-", "x", ""),
        deep("x^", "x", ""),
        deep("sin ", "x", ""),
        deep("sin -", "x", ""),
        deep("sin(", "x", ")"),
        deep("√", "x", ""),
        deep("|", "x", "|"),
        deep("not ", "x", ""),
        deep("x", "", "'"),
        deep("2^-", "x", ""),
        deep("if(", "x", ",1,1)"),
        deep("1+(", "x", ")"),
    ];
    let read = move || {
        for text in cases {
            let result = Formula::parse(&text);
            assert!(result.is_err_and(|e| e.to_string().len() < 400), "{}", &text[..12]);
        }
        for text in ["x+".repeat(40_000) + "x", "x ".repeat(40_000), "x<".repeat(40_000) + "x"] {
            let f = parse(&text);
            assert!(f.root().height() <= 2 && f.variables() == ["x"]);
            assert_eq!(f.root(), f.clone().root());
        }
        let names: String = (0..12_000).map(|i| format!("a{i} ")).collect();
        assert_eq!(parse(&names).variables().len(), 12_000);
        // As deep as is allowed, and printed and read again.
        for (start, end) in [("-", ""), ("-(1 + ", ")"), ("sin(", ")"), ("2^", ""), ("√", "")] {
            let text = |n: usize| format!("{}x{}", start.repeat(n), end.repeat(n));
            let deepest = (1..=MAX_HEIGHT).rev().find_map(|n| Formula::parse(&text(n)).ok());
            let f = deepest.expect("a formula that is not too deep");
            assert!(f.root().height() >= MAX_HEIGHT - 1, "{}", f.root().height());
            assert_eq!(parse(&f.to_string()), f);
            assert!(f.value(&[("x", 0.5)]).is_ok());
            assert!(f.eval(&[("x", &Tensor::from(0.5))]).is_ok());
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(read).unwrap();
    thread.join().unwrap();
    let long = Formula::parse(&"x".repeat(MAX_LENGTH + 1)).unwrap_err();
    assert!(long.message().contains("100000 are allowed"), "{long}");
}

/// Texts made of the pieces of formulas: some are formulas, most are nearly so.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = "x y 2 0.5 1e3 x_1 π e + - * / ^ ² ⁻¹ ' ( ) ( ) | | sin cos( ln max( , √ { } if ; \
        otherwise [ ] < and not ‖ .* θ ^2 if( ⌊ ⌋ d_{1} 1.5. ! ᵀ ₂";
    let piece = prop::sample::select(pieces.split(' ').collect::<Vec<_>>());
    let spaced =
        (piece, any::<bool>()).prop_map(|(p, s)| format!("{p}{}", ["", " "][usize::from(s)]));
    prop::collection::vec(spaced, 0..24).prop_map(|v| v.concat())
}

/// The forms of expressions, with letters for the parts.
#[rustfmt::skip]
const FORMS: &[&str] = &[
    "(A) + (B)", "(A) - B + C", "A(B)", "(A)(B)", "A B", "A*B/C", "A .* B", "A/(B)", "-A", "-(A)",
    "(A)^B", "A^(B)", "A²", "(A)⁻ⁿ", "(A)'", "sin A", "cos² (A)", "√(A)", "|A|", "‖A‖",
    "max(A, B, C)", "atan2(A, B)", "A < B <= C", "A > B and C != A", "not A or B", "(A) .^ (B)",
    "{A if B; C otherwise}", "{A if B}", "if(A, B, C)", "[A, B; C, A]",
];

/// Texts of formulas, of all kinds of expressions.
fn formulas() -> impl Strategy<Value = String> {
    let names = "x y x_1 θ pi e 2 0.25 1e-9 inf".split(' ').collect::<Vec<_>>();
    let leaf = prop_oneof![
        prop::sample::select(names).prop_map(String::from),
        (0.0..1e6).prop_map(|x: f64| format!("{x}")),
    ];
    leaf.prop_recursive(6, 60, 3, |inner| {
        let form = prop::sample::select(FORMS);
        (form, inner.clone(), inner.clone(), inner).prop_map(|(form, a, b, c)| {
            let part = |p: char| match p {
                'A' => a.clone(),
                'B' => b.clone(),
                'C' => c.clone(),
                p => p.into(),
            };
            form.chars().map(part).collect()
        })
    })
}

/// A formula that is printed and read again is the same formula, and is printed the same.
fn comes_back(f: &Formula) -> Result<(), TestCaseError> {
    let text = f.to_string();
    let again = Formula::parse(&text);
    let again = again.map_err(|e| TestCaseError::fail(format!("{}\n{e}", f.text())))?;
    prop_assert_eq!(&again, f, "{} as {}", f.text(), text);
    prop_assert_eq!(again.to_string(), text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 2000, ..ProptestConfig::default()
    })]

    #[test]
    fn printed_formulas_are_read_again(text in formulas()) {
        let f = Formula::parse(&text).map_err(|_| TestCaseError::reject("refused"))?;
        comes_back(&f)?;
        let _ = f.value(&[("x", 0.5), ("y", 2.0), ("x_1", -1.0), ("θ", 0.0), ("n", 3.0)]);
        let (x, y) = (Tensor::from([1.0, 2.0]), Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
        let _ = f.eval(&[("x", &x), ("y", &y), ("x_1", &x), ("θ", &y), ("n", &x)]);
    }

    #[test]
    fn pieces_are_read_or_refused(text in pieces()) {
        match Formula::parse(&text) {
            Ok(f) => comes_back(&f)?,
            Err(e) => prop_assert!(e.span().start <= text.chars().count(), "{}", e),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[ -~²ⁿ√πθ|{}]*") {
        match Formula::parse_with(&text, &["a", "b"]) {
            Ok(f) => prop_assert_eq!(Formula::parse_with(&f.to_string(), &["a", "b"])?, f),
            Err(e) => prop_assert!(!e.to_string().is_empty()),
        }
    }
}
