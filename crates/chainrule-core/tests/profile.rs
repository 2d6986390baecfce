//! Profiles: what is seen, where it is said to come from, and how it reads.

use chainrule_core::{Program, Tensor, grad, profile, realize};

#[test]
fn steps_are_named_counted_and_placed() {
    let x = Tensor::randn([300, 200]).requires_grad();
    let w = Tensor::randn([200, 50]);
    let line = line!() + 2;
    let (result, seen) = profile(|| {
        let y = x.matmul(&w).tanh().square().sum();
        let g = &grad(&y, &[&x])?[0];
        realize(&[&y, g])
    });
    result.unwrap();
    let rows = seen.rows();
    let products: Vec<_> = rows.iter().filter(|row| row.name == "matmul").collect();
    assert_eq!(products.iter().map(|row| row.runs).sum::<usize>(), 2);
    for row in &products {
        assert_eq!(row.operations / row.runs as f64, 2.0 * 300.0 * 200.0 * 50.0);
        assert!(row.bytes / row.runs as f64 >= 4.0 * (300 * 50 + 200 * 50) as f64);
    }
    let kernel = rows.iter().find(|row| row.name.contains("tanh")).expect("a fused kernel");
    assert!(kernel.name.contains("square") && kernel.name.contains("sum"), "{}", kernel.name);
    let here = format!("{}:{line}", file!());
    assert!(rows.iter().any(|r| r.name == "plan"), "the plan is new");
    for row in rows.iter().filter(|r| r.name != "plan") {
        assert!(row.lines.contains(&here), "{} at {:?}", row.name, row.lines);
    }
    let known: f64 = rows.iter().map(|row| row.seconds).sum();
    assert!(known > 0.0 && known <= seen.seconds());
    let table = seen.to_string();
    assert!(table.lines().count() == rows.len() + 3 && table.contains("recording and the rest"));
}

#[test]
fn a_linear_model_and_its_gradient_are_one_step() {
    let (x, t) = (Tensor::randn([5000, 80]), Tensor::rand([5000]));
    let w = Tensor::randn([80]).requires_grad();
    realize(&[&x, &t, &w]).unwrap();
    let (result, seen) = profile(|| {
        let z = x.matmul(&w);
        let y = (z.softplus() - &t * &z).mean();
        realize(&[&y, &grad(&y, &[&w])?[0]])
    });
    result.unwrap();
    let rows = seen.rows();
    let products: Vec<_> = rows.iter().filter(|row| row.name.contains("matmul")).collect();
    let [step] = products[..] else { panic!("the products are in one step: {seen}") };
    assert!(step.runs == 1 && step.name.contains("softplus"), "{seen}");
    assert!(step.operations > 4.0 * 5000.0 * 80.0, "{} operations", step.operations);
}

#[test]
fn traces_are_json_and_profiles_nest() {
    let program = Program::trace(|x: &Tensor| Ok((x * 2.0).exp()), &Tensor::zeros([100])).unwrap();
    let x = Tensor::from(vec![1.0f32; 100]);
    let run = || program.call(&x).unwrap();
    let (inner, outer) = profile(|| {
        run();
        profile(run).1
    });
    let runs = |p: &chainrule_core::Profile| p.rows().iter().map(|row| row.runs).sum::<usize>();
    assert_eq!((runs(&inner), runs(&outer)), (1, 2));
    let trace = outer.to_chrome_trace();
    let (open, close) = (trace.matches('{').count(), trace.matches('}').count());
    assert!(open == close && trace.starts_with('{') && trace.ends_with("}\n"));
    assert_eq!(trace.matches("\"ph\":\"X\"").count(), 3);
    // Nothing is seen, or kept, outside.
    run();
    assert_eq!(runs(&profile(|| ()).1), 0);
}
