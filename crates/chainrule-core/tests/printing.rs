//! What tensors look like.

use chainrule_core::Tensor;
use insta::assert_snapshot;

#[test]
fn small_tensors_are_grids() {
    assert_snapshot!(Tensor::from(3.5), @"tensor(3.5000, float64)");
    assert_snapshot!(Tensor::from([1, -20, 3]), @"tensor([  1, -20,   3])");
    assert_snapshot!(Tensor::from([true, false]), @"tensor([ true, false])");
    assert_snapshot!(Tensor::from([0.5f32, -1.25]), @"tensor([ 0.5000, -1.2500], float32)");
    assert_snapshot!(Tensor::from([1e-6, 1.0]), @"tensor([1.0000e-6,  1.0000e0], float64)");
    assert_snapshot!(Tensor::zeros([0, 3]), @"tensor([], float32, shape=[0, 3])");
    assert_snapshot!(Tensor::from([[1.0, 2.0], [3.0, 4.0]]), @r"
    tensor([[1., 2.],
            [3., 4.]], float64)
    ");
    assert_snapshot!(format!("{:.1}", Tensor::from([0.25, 3.0])), @"tensor([0.2, 3.0], float64)");
}

#[test]
fn what_is_wrong_and_where_it_comes_from_is_shown() {
    let x = Tensor::from([1.0, f64::NAN, f64::INFINITY]);
    assert_snapshot!(x, @"tensor([ 1., nan, inf], float64, 1 NaN!, 1 Inf!)");
    let w = Tensor::from([1.0, 2.0]).requires_grad().named("w");
    assert_snapshot!(w, @r#"tensor([1., 2.], float64, name="w", requires_grad)"#);
    assert_snapshot!(&w * 2.0, @"tensor([2., 4.], float64, grad_fn=<mul>)");
    assert_snapshot!(format!("{w:?}"), @r#"Tensor([2], float64, parameter, "w")"#);
}

#[test]
fn large_tensors_show_corners_and_statistics() {
    let x = Tensor::arange(0, 3000, 1).reshape([50, 60]);
    assert_snapshot!(x, @r"
    tensor([[   0,    1,    2, ...,   57,   58,   59],
            [  60,   61,   62, ...,  117,  118,  119],
            [ 120,  121,  122, ...,  177,  178,  179],
            ...,
            [2820, 2821, 2822, ..., 2877, 2878, 2879],
            [2880, 2881, 2882, ..., 2937, 2938, 2939],
            [2940, 2941, 2942, ..., 2997, 2998, 2999]], shape=[50, 60])
    3000 elements: mean 1499.5000, std 866.0254, min 0.0000, max 2999.0000
    ");
}
