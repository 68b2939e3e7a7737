//! Mean and probability of max(z, 0), z ~ N(m, s²), as nodes.

use gmlayer::normal::{MILLS_DENOMINATOR, MILLS_NUMERATOR};

use super::graph::{Graph, Value};

/// Beyond so many standard deviations both tails are 0 in `f32`.
const END: f32 = 15.0;

/// 1/√(2π).
const DENSITY_AT_0: f32 = 0.398_942_3;

/// r = max(m, 0) + s ψ(−|t|) and p = Φ(t) with t = m/s, by the quotient of polynomials of [`gmlayer::normal`]:
///
/// ```text
/// P = a A + B,   S = a P + A,   Φ(−a) = P φ/S,   ψ(−a) = A φ/S,   a = |t|
/// ```
///
/// Nothing cancels, as it would in m Φ + s φ with `Erf`. Where s = 0, t is ±∞ or 0, and these are the limits
/// r = max(m, 0) and p = 1, 0 or 1/2.
pub(super) fn rectified(graph: &mut Graph, m: &str, s: &str) -> (Value, Value) {
    let [zero, one, least] = [0.0, 1.0, f32::MIN_POSITIVE].map(|value| graph.scalar(value));
    let [end, half, density] = [END, -0.5, DENSITY_AT_0].map(|value| graph.scalar(value));

    let positive = graph.apply("Max", &[s, &least]);
    let t = graph.apply("Div", &[m, &positive]);
    let a = graph.apply("Abs", &[&t]);
    let a = graph.apply("Min", &[&a, &end]);
    let square = graph.apply("Mul", &[&a, &a]);
    let exponent = graph.apply("Mul", &[&square, &half]);
    let power = graph.apply("Exp", &[&exponent]);
    let phi = graph.apply("Mul", &[&power, &density]);

    let denominator = polynomial(graph, &MILLS_DENOMINATOR, &a);
    let numerator = polynomial(graph, &MILLS_NUMERATOR, &a);
    let product = graph.apply("Mul", &[&a, &denominator]);
    let p = graph.apply("Add", &[&product, &numerator]);
    let product = graph.apply("Mul", &[&a, &p]);
    let sum = graph.apply("Add", &[&product, &denominator]);
    let factor = graph.apply("Div", &[&phi, &sum]);

    let tail = graph.apply("Mul", &[&p, &factor]);
    let other_tail = graph.apply("Sub", &[&one, &tail]);
    let is_positive = graph.apply("Greater", &[m, &zero]);
    let p = graph.apply("Where", &[&is_positive, &other_tail, &tail]);

    let ramp = graph.apply("Mul", &[&denominator, &factor]);
    let rest = graph.apply("Mul", &[s, &ramp]);
    let positive_part = graph.apply("Relu", &[m]);
    let r = graph.apply("Add", &[&positive_part, &rest]);
    (r, p)
}

/// A polynomial of `a` by Horner's scheme, its coefficients from the constant upwards.
fn polynomial(graph: &mut Graph, coefficients: &[f32], a: &str) -> Value {
    let [rest @ .., highest] = coefficients else { return graph.scalar(0.0) };
    rest.iter().rev().fold(graph.scalar(*highest), |value, &coefficient| {
        let coefficient = graph.scalar(coefficient);
        let product = graph.apply("Mul", &[&value, a]);
        graph.apply("Add", &[&product, &coefficient])
    })
}
