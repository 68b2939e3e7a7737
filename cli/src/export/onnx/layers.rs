//! Each kind of layer as nodes. Constants are formed in `f64` and rounded once; matrices keep the layout of the
//! parameters, rows of inputs, which `Gemm` multiplies as they are.

use gmlayer::diagonal::{Coordinates, Form};
use gmlayer::joint::JointShape;
use gmlayer::{Scale, Shape};

use super::graph::{Attribute, Graph, Value};
use super::rectified::rectified;
use crate::failure::Failure;

/// The rows of the second matrix are multiplied.
const BY_ROWS: &[Attribute] = &[Attribute::Int("transB", 1)];
/// A sum leaves its axis out.
const WITHOUT_AXIS: &[Attribute] = &[Attribute::Int("keepdims", 0)];

/// The blocks of a layer by their names.
pub(super) type Blocks<'a> = &'a dyn Fn(&str) -> Result<&'a [f32], Failure>;

/// y = W x + b.
pub(super) fn dense(
    graph: &mut Graph,
    (inputs, outputs, bias): (usize, usize, bool),
    blocks: Blocks<'_>,
    x: &str,
) -> Result<Value, Failure> {
    let weight = graph.constant("weight", &[outputs, inputs], wide(blocks("weight")?))?;
    if !bias {
        return Ok(graph.apply_with("Gemm", &[x, &weight], BY_ROWS));
    }
    let bias = graph.constant("bias", &[outputs], wide(blocks("bias")?))?;
    Ok(graph.apply_with("Gemm", &[x, &weight, &bias], BY_ROWS))
}

/// h(x) = Σ a r + W x p with a = (Uμ + v)/K and W = U diag(σ²)/K.
pub(super) fn diagonal(
    graph: &mut Graph,
    shape: Shape,
    form: Form,
    blocks: Blocks<'_>,
    x: &str,
) -> Result<Value, Failure> {
    let [d, l, k] = [shape.inputs(), shape.outputs(), shape.components()];
    let (mu, sigma, u, v) = (blocks("mu")?, blocks("sigma")?, blocks("u")?, blocks("v")?);
    let divisor = divisor(form.scale, k);
    let rows = || u.chunks_exact(l * d).zip(mu.chunks_exact(d).zip(sigma.chunks_exact(d)));
    let offsets = rows().flat_map(|(u, (mu, _))| {
        u.chunks_exact(d).map(move |u| match form.coordinates {
            Coordinates::Paper => wide(u).zip(wide(mu)).map(|(u, mu)| u * mu).sum(),
            Coordinates::Centred => 0.0,
        })
    });
    let a = graph.constant("a", &[k, l], offsets.zip(wide(v)).map(|(offset, v)| (offset + v) / divisor))?;
    let slopes = rows().flat_map(|(u, (_, sigma))| {
        u.chunks_exact(d)
            .flat_map(move |u| wide(u).zip(wide(sigma)).map(move |(u, sigma)| u * sigma * sigma / divisor))
    });
    let w = graph.constant("w", &[k * l, d], slopes)?;
    let mu = graph.constant("mu", &[k, d], wide(mu))?;
    let variance = graph.constant("variance", &[k, d], wide(sigma).map(|sigma| sigma * sigma))?;

    let (x, size) = unit(graph, x);
    let m = graph.apply_with("Gemm", &[&x, &mu], BY_ROWS);
    let squares = graph.apply("Mul", &[&x, &x]);
    let s_squared = graph.apply_with("Gemm", &[&squares, &variance], BY_ROWS);
    let s = graph.apply("Sqrt", &[&s_squared]);
    let (r, p) = rectified(graph, &m, &s);
    let wx = graph.apply_with("Gemm", &[&x, &w], BY_ROWS);
    let (components, last, middle) =
        (graph.integers(&[-1, k as i64, l as i64]), graph.integers(&[2]), graph.integers(&[1]));
    let wx = graph.apply("Reshape", &[&wx, &components]);
    let p = graph.apply("Unsqueeze", &[&p, &last]);
    let products = graph.apply("Mul", &[&wx, &p]);
    let sum = graph.apply_with("ReduceSum", &[&products, &middle], WITHOUT_AXIS);
    let h = graph.apply("Gemm", &[&r, &a, &sum]);
    Ok(graph.apply("Mul", &[&h, &size]))
}

/// h(x) = Σ μ_ω r + C_ω q p with q = C_βᵀx and s = |q|, μ_ω and C_ω divided by K.
pub(super) fn joint(
    graph: &mut Graph,
    shape: JointShape,
    scale: Scale,
    blocks: Blocks<'_>,
    x: &str,
) -> Result<Value, Failure> {
    let [d, l, k, r] = [shape.inputs(), shape.outputs(), shape.components(), shape.rank()];
    let divisor = divisor(scale, k);
    let families = if shape.is_tied() { 1 } else { k };
    let mu_w = graph.constant("mu_w", &[k, l], wide(blocks("mu_w")?).map(|value| value / divisor))?;
    let c_w = graph.constant("c_w", &[k * r, l], wide(blocks("c_w")?).map(|value| value / divisor))?;
    let mu_b = graph.constant("mu_b", &[k, d], wide(blocks("mu_b")?))?;
    let c_b = graph.constant("c_b", &[families * r, d], wide(blocks("c_b")?))?;

    let (x, size) = unit(graph, x);
    let m = graph.apply_with("Gemm", &[&x, &mu_b], BY_ROWS);
    let q = graph.apply_with("Gemm", &[&x, &c_b], BY_ROWS);
    let (by_family, all, last) = (
        graph.integers(&[-1, families as i64, r as i64]),
        graph.integers(&[-1, (k * r) as i64]),
        graph.integers(&[2]),
    );
    let q = graph.apply("Reshape", &[&q, &by_family]);
    let squares = graph.apply("Mul", &[&q, &q]);
    let s_squared = graph.apply_with("ReduceSum", &[&squares, &last], WITHOUT_AXIS);
    let s = graph.apply("Sqrt", &[&s_squared]);
    let (r, p) = rectified(graph, &m, &s);
    let p = graph.apply("Unsqueeze", &[&p, &last]);
    let products = graph.apply("Mul", &[&q, &p]);
    let products = graph.apply("Reshape", &[&products, &all]);
    let means = graph.apply("Gemm", &[&r, &mu_w]);
    let h = graph.apply("Gemm", &[&products, &c_w, &means]);
    Ok(graph.apply("Mul", &[&h, &size]))
}

/// Rows divided by the size of their largest number, and that size: h(c x) = c h(x) for c > 0, so that squares of
/// inputs of any size neither overflow nor vanish. A row of zeros stays one.
fn unit(graph: &mut Graph, x: &str) -> (Value, Value) {
    let sizes = graph.apply("Abs", &[x]);
    let size = graph.apply_with("ReduceMax", &[&sizes], &[Attribute::Ints("axes", &[1])]);
    let least = graph.scalar(f32::MIN_POSITIVE);
    let size = graph.apply("Max", &[&size, &least]);
    (graph.apply("Div", &[x, &size]), size)
}

/// What the sum over the components is divided by.
fn divisor(scale: Scale, components: usize) -> f64 {
    match scale {
        Scale::Mean => components as f64,
        Scale::Sum => 1.0,
    }
}

fn wide(values: &[f32]) -> impl Iterator<Item = f64> + '_ {
    values.iter().map(|&value| f64::from(value))
}
