//! The backward pass written out as in the textbook, in `f64`, with a place for one deliberate mistake.

use gmlayer::Rectified;

use super::budget::Rectify;
use super::case::Case;
use super::layer::{Component, MixtureLayer};

/// One deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    None,
    // Of any layer.
    MissingShare,
    ShareTwice,
    SignOfMoment,
    ProbabilityForDensity,
    DensityForProbability,
    ComplementProbability,
    MeanForProbability,
    ForgottenReluBranch,
    WrongOnlyWithoutSpread,
    OverwritesInsteadOfAdds,
    SkipsLastRow,
    SkipsLastComponent,
    SquareOfCotangent,
    QuadraticInCotangent,
    ConstantForZeroCotangent,
    UsesPreviousCall,
    ThousandthInBlock(usize),
    MillionthInBlock(usize),
    MillionthInOneEntryOf(usize),
    MillionthAddedToOneEntryOf(usize),
    // Of the diagonal layer.
    SigmaForVarianceInU,
    SigmaForVarianceInX,
    VarianceForSigmaInSigma,
    SignOfDensityInMu,
    DroppedDensityInX,
    DroppedSteinInU,
    DroppedSteinInX,
    OtherMeanInMu,
    OtherMeanInU,
    OtherCoordinates,
    DroppedOffsetInA,
    HalfOfSigma,
    TransposedU,
    ShiftedIndexInMu,
    // Of the joint layer.
    DroppedDensityInMuB,
    DroppedSpreadInQ,
    DroppedSteinInQ,
    DroppedProbabilityInCw,
    LengthForUnit,
    TransposedCb,
    TransposedCw,
    DroppedMeanInX,
    DroppedFactorInX,
    SkipsLastColumn,
}

/// One row at one component.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a, L> {
    pub case: &'a Case<L, f64>,
    pub component: usize,
    pub x: &'a [f64],
    /// The cotangent times the share of the component.
    pub g: &'a [f64],
    pub s: f64,
    /// r, p, φ and tφ.
    pub factors: [f64; 4],
}

/// r, p, φ and tφ by the crate's own normal distribution, which other tests hold to its tables.
pub fn rectify(m: f64, s: f64) -> [f64; 4] {
    let z = Rectified::new(m, s);
    [z.mean, z.probability, z.density, z.density_moment]
}

/// The same by the textbook's formulas: not accurate in the tails, and NaN where s is 0.
pub fn textbook_rectify(m: f64, s: f64) -> [f64; 4] {
    let t = m / s;
    let p = libm::erfc(-t * std::f64::consts::FRAC_1_SQRT_2) / 2.0;
    let phi = libm::exp(-t * t / 2.0) / libm::sqrt(std::f64::consts::TAU);
    [m * p + s * phi, p, phi, t * phi]
}

/// h, the gradients and ∂x.
pub fn outputs<L: MixtureLayer>(case: &Case<L, f64>, rectify: Rectify) -> [Vec<f64>; 6] {
    let layer = case.layer;
    let mut h = vec![0.0; case.g.len()];
    for ((x, _), h) in case.rows().zip(h.chunks_mut(layer.outputs())) {
        for k in 0..layer.components() {
            let component = L::component(case, k, x);
            let [r, p, ..] = rectify(component.m, component.s);
            for (h, (a, w)) in h.iter_mut().zip(component.a.iter().zip(&component.w)) {
                *h += layer.share() * (a * r + w * p);
            }
        }
    }
    let [one, two, three, four, x] = gradients(case, rectify, Mistake::None);
    [h, one, two, three, four, x]
}

/// The gradients and ∂x with one mistake.
pub fn gradients<L: MixtureLayer>(case: &Case<L, f64>, rectify: Rectify, mistake: Mistake) -> [Vec<f64>; 5] {
    use Mistake as M;
    let layer = case.layer;
    let share = match mistake {
        M::MissingShare if layer.share() == 1.0 => 1.0 / layer.components() as f64,
        M::MissingShare => 1.0,
        M::ShareTwice => 1.0 / (layer.components() * layer.components()) as f64,
        _ => layer.share(),
    };
    let [one, two, three, four, mut of_x] = case.zeros();
    let mut gradients = [one, two, three, four];
    let rows = case.batch() - usize::from(mistake == M::SkipsLastRow);
    for ((x, g), dx) in case.rows().zip(of_x.chunks_mut(layer.inputs())).take(rows) {
        let square = |g: &f64| if mistake == M::SquareOfCotangent { g * g } else { *g };
        let g: Vec<f64> = g.iter().map(|g| share * square(g)).collect();
        for k in 0..layer.components() - usize::from(mistake == M::SkipsLastComponent) {
            let Component { m, s, .. } = L::component(case, k, x);
            let [r, p, phi, moment] = rectify(m, s);
            let factors = match mistake {
                M::SignOfMoment => [r, p, phi, -moment],
                M::ProbabilityForDensity => [r, p, p, moment],
                M::DensityForProbability => [r, phi, phi, moment],
                M::ComplementProbability => [r, 1.0 - p, phi, moment],
                M::MeanForProbability => [r, r, phi, moment],
                M::ForgottenReluBranch => [m, 1.0, 0.0, 0.0],
                M::WrongOnlyWithoutSpread if s == 0.0 => [r, if m > 0.0 { 1.0 } else { 0.0 }, phi, moment],
                _ => [r, p, phi, moment],
            };
            let row = Row { case, component: k, x, g: &g, s, factors };
            L::pull_back(&row, mistake, &mut gradients, dx);
        }
        if mistake == M::QuadraticInCotangent {
            let block = &mut gradients[L::OMEGA[1]];
            block.iter_mut().enumerate().for_each(|(i, of)| *of += 1e-3 * g[i % g.len()].powi(2));
        }
    }
    match mistake {
        M::ThousandthInBlock(block) => gradients[block].iter_mut().for_each(|of| *of *= 1.001),
        M::MillionthInBlock(block) => gradients[block].iter_mut().for_each(|of| *of *= 1.0 + 1e-6),
        M::MillionthInOneEntryOf(block) => gradients[block][0] *= 1.0 + 1e-6,
        M::MillionthAddedToOneEntryOf(block) => gradients[block][0] += 1e-6,
        M::ConstantForZeroCotangent => gradients[0][0] += 1e-3,
        _ => {}
    }
    let [one, two, three, four] = gradients;
    [one, two, three, four, of_x]
}
