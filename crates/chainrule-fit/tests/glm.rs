//! Generalised linear models against statsmodels and scikit-learn, and at the edges.
//!
//! `golden/glm.json` was made by `tools/golden_glm.py`.

use std::path::Path;

use chainrule_fit::data::split::Random;
use chainrule_fit::data::table::Table;
use chainrule_fit::glm::{Family, Fit, Request, Score, fit};
use serde_json::Value;

fn data(name: &str) -> Table {
    Table::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name)).unwrap()
}

fn table(text: &str) -> Table {
    Table::parse("t.csv", text.as_bytes()).unwrap()
}

fn all(target: &str, family: Family) -> Request {
    Request { test_split: 0.0, ..Request::new(target, family) }
}

fn family(model: &str) -> Family {
    let (name, penalty) = model.split_once(':').unwrap_or((model, "0"));
    let penalty = penalty.parse().unwrap();
    match name {
        "linear" => Family::Linear,
        "ridge" => Family::Ridge(penalty),
        "lasso" => Family::Lasso(penalty),
        "logistic" => Family::Logistic,
        "softmax" => Family::Softmax,
        "poisson" => Family::Poisson,
        _ => panic!("{model}"),
    }
}

fn run(case: &Value) -> Fit {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let table = match case["file"].as_str() {
        Some(file) => data(file),
        None => table(text("rows")),
    };
    let features = case["features"]
        .as_array()
        .map(|list| list.iter().map(|f| f.as_str().unwrap().to_string()).collect());
    let ridge = case["ridge"].as_f64().unwrap_or(0.0);
    let request = Request { features, ridge, ..all(text("target"), family(text("model"))) };
    fit(&table, &request).unwrap()
}

/// The larger of the errors relative to the expected value, for what is expected.
fn gap(got: f64, wanted: &Value) -> f64 {
    match wanted.as_f64() {
        Some(0.0) => got.abs(),
        Some(wanted) => ((got - wanted) / wanted).abs(),
        None => 0.0,
    }
}

#[test]
fn golden() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/glm.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let name = case["case"].as_str().unwrap();
        let found = run(case);
        assert_eq!(found.outcome.word(), "converged", "{name}");
        let (mut estimates, mut errors) = (0.0f64, 0.0f64);
        let wanted = case["parameters"].as_array().unwrap();
        assert_eq!(wanted.len(), found.parameters.len());
        for (wanted, got) in wanted.iter().zip(&found.parameters) {
            let e = &got.estimate;
            assert_eq!(wanted["name"].as_str(), Some(e.name.as_str()));
            if let Some(class) = wanted["class"].as_str() {
                assert_eq!(got.class.as_deref(), Some(class));
            }
            estimates = estimates.max(gap(e.estimate, &wanted["estimate"]));
            errors = errors.max(gap(e.std_error, &wanted["std_error"]));
        }
        let whole = [
            gap(found.log_likelihood, &case["log_likelihood"]),
            gap(found.aic.unwrap_or(f64::NAN), &case["aic"]),
            gap(found.bic.unwrap_or(f64::NAN), &case["bic"]),
            gap(found.deviance, &case["deviance"]),
            gap(found.null_deviance, &case["null_deviance"]),
        ];
        println!(
            "{name:36} {} steps, {:.1} ms: estimates {estimates:.1e}, errors {errors:.1e}, whole \
             {:.1e}",
            found.steps,
            found.seconds * 1e3,
            whole.into_iter().fold(0.0, f64::max)
        );
        // The others stop at gaps of about 10⁻⁸ themselves.
        assert!(estimates < 1e-6 && errors < 1e-6, "{name}: {estimates} {errors}");
        assert!(whole.iter().all(|gap| *gap < 1e-9), "{name}: {whole:?}");
    }
}

/// The slope of the mean loss vanishes, checked with sums over the table itself.
#[test]
fn the_logistic_slope_vanishes() {
    let cancer = data("breast_cancer.csv");
    let features = ["mean_radius", "mean_texture"].map(String::from).to_vec();
    let request = Request { features: Some(features), ..all("diagnosis", Family::Logistic) };
    let found = fit(&cancer, &request).unwrap();
    let b: Vec<f64> = found.parameters.iter().map(|p| p.estimate.estimate).collect();
    let mut slope = [0.0; 3];
    for row in 0..cancer.len() {
        let x = [0, 1].map(|c| cancer.number(row, c).unwrap().unwrap());
        let y = f64::from(u8::from(cancer.cell(row, 30) == Some("malignant")));
        let p = 1.0 / (1.0 + (-(b[0] * x[0] + b[1] * x[1] + b[2])).exp());
        for (s, x) in slope.iter_mut().zip([x[0], x[1], 1.0]) {
            *s += (p - y) * x / cancer.len() as f64;
        }
    }
    assert!(slope.iter().all(|s| s.abs() < 1e-9), "{slope:?}");
}

#[test]
fn accuracy_on_rows_not_learnt_from() {
    let request = Request { ridge: 0.01, ..Request::new("diagnosis", Family::Logistic) };
    let found = fit(&data("breast_cancer.csv"), &request).unwrap();
    let Some(Score::Classes(test)) = &found.test else { panic!("classes are scored") };
    println!("breast cancer: {}", test.summary());
    assert_eq!(found.rows.test, 114);
    assert!(test.accuracy > 0.95 && test.auc.unwrap() > 0.98, "{}", test.summary());
    assert!(found.parameters.iter().all(|p| p.estimate.std_error.is_nan()), "penalised");
    assert_eq!(found.aic, None);
}

/// Handwritten digits: ten classes, 61 pixels that vary.
#[test]
fn ten_classes() {
    let request = Request { ridge: 0.01, ..Request::new("digit", Family::Softmax) };
    let found = fit(&data("digits.csv"), &request).unwrap();
    assert_eq!((found.outcome.word(), found.classes.len()), ("converged", 10));
    let Some(Score::Classes(test)) = &found.test else { panic!("classes are scored") };
    println!("digits: {}", test.summary());
    assert!(test.accuracy > 0.94 && test.auc.is_none(), "{}", test.summary());
}

/// All thirty features separate the diagnoses, two do, one does at its edge.
#[test]
fn separation_is_noticed() {
    let found = fit(&data("breast_cancer.csv"), &all("diagnosis", Family::Logistic)).unwrap();
    assert!(!found.runaway.is_empty(), "{:?} {:?}", found.outcome, found.warnings);
    assert!(found.warnings[0].contains("--ridge 0.01"), "{:?}", found.warnings);
    for text in [
        "x,y\n1,a\n2,a\n3,b\n4,b\n",
        // At 3 both classes occur: the curve becomes a step there.
        "x,y\n1,a\n2,a\n3,a\n3,b\n4,b\n5,b\n",
        // A level in which one class only occurs.
        "c,y\nu,a\nu,b\nu,b\nv,a\nv,a\nw,a\nw,b\n",
    ] {
        for family in [Family::Logistic, Family::Softmax] {
            let found = fit(&table(text), &all("y", family)).unwrap();
            assert!(!found.runaway.is_empty(), "{text} {:?} {}", found.outcome, found.steps);
            assert!(found.parameters.iter().all(|p| p.estimate.std_error.is_nan()));
        }
    }
    let found = fit(&table("c,y\nu,1\nu,2\nv,0\nv,0\nw,3\nw,1\n"), &all("y", Family::Poisson));
    assert_eq!(found.unwrap().runaway, ["c=v"]);
    // With a penalty there is an answer.
    let request = Request { ridge: 0.1, ..all("y", Family::Logistic) };
    let found = fit(&table("x,y\n1,a\n2,a\n3,b\n4,b\n"), &request).unwrap();
    assert!(found.runaway.is_empty() && found.warnings.is_empty(), "{:?}", found.warnings);
}

/// Softmax with two classes is the logistic model.
#[test]
fn two_classes_either_way() {
    let text = "x,y\n1,a\n2,a\n3,b\n4,a\n5,b\n6,b\n2.5,b\n";
    let one = fit(&table(text), &all("y", Family::Logistic)).unwrap();
    let other = fit(&table(text), &all("y", Family::Softmax)).unwrap();
    for (a, b) in one.parameters.iter().zip(&other.parameters) {
        assert!((a.estimate.estimate - b.estimate.estimate).abs() < 1e-8);
        assert!((a.estimate.std_error - b.estimate.std_error).abs() < 1e-8);
    }
    assert_eq!(one.parameters[0].class.as_deref(), Some("b"));
}

#[test]
fn classes_may_be_numbers_and_values_may_lack() {
    let text = "x,c,y\n1,u,10\n2,,2\n,v,10.0\n4,u,2\n5,v,NA\n3,v,2\n0,u,10\n3,u,10\n2.5,v,2\n";
    let found = fit(&table(text), &all("y", Family::Softmax)).unwrap();
    assert_eq!(found.classes, ["2", "10"]);
    assert_eq!((found.rows.train, found.rows.without_target), (8, 1));
    assert_eq!(found.missing.len(), 2);
}

#[test]
fn dependent_columns_have_no_errors() {
    let text = "a,b,y\n1,2,3\n2,4,5\n3,6,6\n4,8,9\n5,10,11\n";
    for family in [Family::Linear, Family::Poisson] {
        let found = fit(&table(text), &all("y", family)).unwrap();
        assert_eq!(found.outcome.word(), "converged");
        assert!(found.warnings[0].contains("depend on each other"), "{:?}", found.warnings);
        assert!(found.parameters.iter().all(|p| p.estimate.std_error.is_nan()));
    }
}

/// At λ = max |zⱼ·y| / n every weight of the lasso is 0, and just below one is not.
#[test]
fn the_lasso_begins_where_it_should() {
    let diabetes = data("diabetes.csv");
    let weights = |lambda: f64| {
        let found = fit(&diabetes, &all("progression", Family::Lasso(lambda))).unwrap();
        found.parameters[..10].iter().filter(|p| p.estimate.estimate != 0.0).count()
    };
    // sklearn: max |zᵀ(y − ȳ)| / n = 45.16003… for bmi.
    assert_eq!((weights(45.1601), weights(45.15)), (0, 1));
    assert_eq!(weights(0.0), 10);
}

/// Powers of x up to the sixth: nearly dependent, and determined all the same.
#[test]
fn near_dependence_is_no_separation() {
    let mut text = String::from("x,x2,x3,x4,x5,x6,y,n\n");
    for i in 0..80 {
        let x = 10.0 + f64::from(i) * 0.05;
        let y = if (i * 7) % 11 < 3 + i / 16 { "b" } else { "a" };
        for k in 1..=6 {
            text += &format!("{},", x.powi(k));
        }
        text += &format!("{y},{}\n", (i * 3) % 7 + i / 20);
    }
    let features: Vec<String> = ["x", "x2", "x3", "x4", "x5", "x6"].map(String::from).to_vec();
    for (count, target, family) in [
        (4, "y", Family::Logistic),
        (5, "y", Family::Softmax),
        (4, "n", Family::Poisson),
        (6, "n", Family::Linear),
    ] {
        let features = Some(features[..count].to_vec());
        let found = fit(&table(&text), &Request { features, ..all(target, family) }).unwrap();
        assert_eq!(found.outcome.word(), "converged", "{family:?}");
        assert!(found.runaway.is_empty(), "{family:?} {:?}", found.warnings);
    }
}

#[test]
fn as_many_rows_as_parameters() {
    let found = fit(&table("x,y\n1,2\n2,5\n"), &all("y", Family::Linear)).unwrap();
    assert!((found.parameters[0].estimate.estimate - 3.0).abs() < 1e-12);
    assert!(found.parameters[0].estimate.std_error.is_nan());
    assert!(found.warnings[0].contains("as many parameters as rows"), "{:?}", found.warnings);
}

#[test]
fn large_and_small_numbers() {
    // Counts of a billion, and columns of tiny and huge numbers.
    let mut text = String::from("x,z,y\n");
    for i in 0..40 {
        let x = f64::from(i) * 0.1;
        text +=
            &format!("{},{},{}\n", x * 1e9, f64::from(i * i % 7) * 1e-9, (1e9 + 1e8 * x).round());
    }
    let found = fit(&table(&text), &all("y", Family::Poisson)).unwrap();
    assert_eq!(found.outcome.word(), "converged", "{:?}", found.warnings);
    let Score::Numbers(score) = &found.train else { panic!("numbers are scored") };
    assert!(score.r2.unwrap() > 0.99);
}

/// Small random tables of all sorts: with constant, dependent, text and missing cells, with few
/// rows and rare classes. The answer is a fit or a sentence, and a fit says what is wrong with it.
#[test]
fn random_tables() {
    let mut random = Random::new(11);
    let mut ends = [0; 4];
    for round in 0..300 {
        let (rows, width) = (2 + (random.uniform().powi(2) * 40.0) as usize, 1 + round % 4);
        let mut text: String = (0..width).map(|j| format!("x{j},")).collect();
        text += "y\n";
        for _ in 0..rows {
            let first = (random.uniform() * 9.0).floor();
            for j in 0..width {
                text += &match ((random.uniform() * 12.0) as usize, j) {
                    (0, _) => ",".into(),
                    (_, 1) => format!("{},", ["u", "v", "w"][(random.uniform() * 3.0) as usize]),
                    (_, 2) => format!("{},", 2.0 * first),
                    _ => {
                        format!("{},", if j == 0 { first } else { random.uniform() * 1e3 - 500.0 })
                    }
                };
            }
            text += &format!("{}\n", (random.uniform() * 4.0).powi(2).floor());
        }
        let model = round % 6;
        let (family, ridge) = [
            (Family::Linear, 0.0),
            (Family::Poisson, 0.0),
            (Family::Softmax, 0.0),
            (Family::Softmax, 0.01),
            (Family::Poisson, 0.01),
            (Family::Lasso(0.1), 0.0),
        ][model];
        match fit(&table(&text), &Request { ridge, ..all("y", family) }) {
            Err(error) => {
                assert!(error.to_string().starts_with("t.csv"), "{error}");
                ends[0] += 1;
            }
            Ok(found) => {
                assert_eq!(
                    found.outcome.word(),
                    "converged",
                    "{text}{family:?} {:?}",
                    found.warnings
                );
                let defined = found.parameters.iter().all(|p| p.estimate.std_error.is_finite());
                let free = matches!(model, 0..=2);
                assert!(defined || !free || !found.warnings.is_empty(), "{text}{family:?}");
                assert!(free || found.runaway.is_empty());
                ends[1 + usize::from(defined) + 2 * usize::from(!found.runaway.is_empty())] += 1;
            }
        }
    }
    println!("refused, without errors, with errors, runaway: {ends:?}");
    assert!(ends.iter().all(|n| *n > 5), "{ends:?}");
}

#[test]
fn refusals() {
    let said = |text: &str, family: Family| {
        fit(&table(text), &all("y", family)).expect_err("it is refused").to_string()
    };
    let three = "x,y\n1,a\n2,b\n3,c\n";
    assert!(said(three, Family::Logistic).contains("use --model softmax"));
    let counts = said("x,y\n1,2\n2,-1\n", Family::Poisson);
    assert!(counts.contains("line 3") && counts.contains("negative"), "{counts}");
    assert!(said("x,y\n1,2\n2,1.5\n", Family::Poisson).contains("whole number"));
    assert!(said(three, Family::Linear).contains("logistic or softmax"));
    assert!(said("x,y\n1,a\n2,a\n", Family::Logistic).contains("nothing to tell apart"));
    assert!(said("x,y\n1,4\n2,4\n", Family::Linear).contains("nothing to fit"));
    assert!(said("x,y\n1,0\n2,0\n", Family::Poisson).contains("nothing to fit"));
    let many: String = (0..101).map(|i| format!("{i},{i}\n")).collect();
    assert!(said(&format!("x,y\n{many}"), Family::Softmax).contains("101 different values"));
    let request = Request { ridge: 1.0, ..all("y", Family::Linear) };
    let ridge = fit(&table("x,y\n1,2\n2,3\n3,5\n"), &request).unwrap_err().to_string();
    assert!(ridge.contains("--model ridge:1"), "{ridge}");
    // Of the one row with c nothing is learnt if it is tested on.
    let rare = format!("x,y\n{}9,c\n", "1,a\n2,b\n".repeat(5));
    let seeds = (0..20).filter_map(|seed| {
        let request = Request { seed, ..Request::new("y", Family::Softmax) };
        fit(&table(&rare), &request).err()
    });
    let errors: Vec<String> = seeds.map(|e| e.to_string()).collect();
    assert!(!errors.is_empty() && errors.iter().all(|e| e.contains("has the class \"c\"")));
}
