//! The backward pass written out as in the textbook, in `f64`, with a place for one deliberate mistake.

use gmlayer::diagonal::Form;
use gmlayer::gradcheck::{Block, Check, Report};
use gmlayer::{Dual, Rectified, Shape};

use super::layers::Case;

/// One deliberate mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    None,
    MissingShare,
    ShareTwice,
    SigmaForVarianceInU,
    SigmaForVarianceInX,
    VarianceForSigmaInSigma,
    SignOfDensityInMu,
    SignOfMoment,
    DroppedDensityInX,
    DroppedSteinInU,
    DroppedSteinInX,
    OtherMeanInMu,
    OtherMeanInU,
    OtherCoordinates,
    DroppedOffsetInA,
    HalfOfSigma,
    ProbabilityForDensity,
    DensityForProbability,
    ComplementProbability,
    MeanForProbability,
    TransposedU,
    ForgottenReluBranch,
    OverwritesInsteadOfAdds,
    SkipsLastRow,
    SkipsLastComponent,
    ShiftedIndexInMu,
    OnlyOffsetsWrong,
    WrongOnlyWithoutSpread,
    MillionthInSigma,
    MillionthInOneEntryOfU,
    QuadraticInCotangent,
    ConstantForZeroCotangent,
    UsesPreviousCall,
}

/// The blocks of a case as one flat slice: μ, σ, U, v, x.
pub fn flat<T: Copy>(case: &Case<T>) -> Vec<T> {
    [&case.mu[..], &case.sigma, &case.u, &case.v, &case.x].concat()
}

pub fn blocks(case: &Case<f64>) -> [Block; 5] {
    [
        Block::new("mu", case.mu.len()),
        Block::new("sigma", case.sigma.len()),
        Block::new("u", case.u.len()),
        Block::new("v", case.v.len()),
        Block::new("x", case.x.len()),
    ]
}

/// The sizes and the form of a layer.
pub type Layer = (Shape, Form);

/// Those of a case.
pub fn layer<T>(case: &Case<T>) -> Layer {
    (case.shape, case.form)
}

/// The case at another flat slice.
pub fn at<T: gmlayer::Real>((shape, form): Layer, flat: &[T]) -> Case<T> {
    let (mu, rest) = flat.split_at(shape.mu_len());
    let (sigma, rest) = rest.split_at(shape.sigma_len());
    let (u, rest) = rest.split_at(shape.u_len());
    let (v, x) = rest.split_at(shape.v_len());
    let [mu, sigma, u, v, x] = [mu, sigma, u, v, x].map(<[T]>::to_vec);
    let g = vec![T::one(); x.len() / shape.inputs() * shape.outputs()];
    Case { shape, form, mu, sigma, u, v, x, g }
}

/// The crate's own forward pass as a function of the flat slice.
pub fn forward<T: gmlayer::Real>(layer: Layer) -> impl Fn(&[T], &mut [T]) {
    move |theta, y| y.copy_from_slice(&at(layer, theta).forward())
}

/// The crate's own backward pass as a function of the flat slice; it adds.
pub fn backward(layer: Layer) -> impl Fn(&[f64], &[f64], &mut [f64]) {
    move |theta, g, gradient| {
        let mut case = at(layer, theta);
        case.g.copy_from_slice(g);
        let all = case.backward();
        let flat = [&all.mu[..], &all.sigma, &all.u, &all.v, &all.x].concat();
        gradient.iter_mut().zip(flat).for_each(|(sum, x)| *sum += x);
    }
}

/// The whole report of a backward pass against the crate's forward pass.
pub fn report(case: &Case<f64>, backward: impl FnMut(&[f64], &[f64], &mut [f64]), seed: u64) -> Report<5> {
    let outputs = case.batch() * case.shape.outputs();
    let check = Check::new(blocks(case), outputs).unwrap().seed(seed);
    let mut scratch = vec![0.0; check.scratch_len()];
    check.run(forward(layer(case)), backward, &flat(case), &mut scratch).unwrap()
}

/// Whether the adjoint identity holds in every block.
pub fn adjoint_holds(case: &Case<f64>, backward: impl FnMut(&[f64], &[f64], &mut [f64])) -> bool {
    let check = Check::new(blocks(case), case.batch() * case.shape.outputs()).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let mut dual_scratch = vec![Dual::constant(0.0); check.dual_scratch_len()];
    let forward = forward::<Dual<f64>>(layer(case));
    let report = check.adjoint(forward, backward, &flat(case), &mut scratch, &mut dual_scratch).unwrap();
    report.into_result().is_ok()
}

/// The textbook backward pass with one mistake.
pub fn textbook(layer: Layer, mistake: Mistake) -> impl FnMut(&[f64], &[f64], &mut [f64]) {
    use Mistake as M;
    let mut calls = 0.0;
    move |theta, g, gradient| {
        calls += 1.0;
        let case = at(layer, theta);
        let shape = layer.0;
        let (d, outputs, components) = (shape.inputs(), shape.outputs(), shape.components());
        let batch = case.batch();
        if mistake == M::OverwritesInsteadOfAdds {
            gradient[..shape.mu_len()].fill(0.0);
        }
        if mistake == M::ConstantForZeroCotangent {
            gradient[0] += 1e-3;
        }
        if mistake == M::UsesPreviousCall {
            gradient[0] += 1e-4 * calls;
        }
        let (of_mu, rest) = gradient.split_at_mut(shape.mu_len());
        let (of_sigma, rest) = rest.split_at_mut(shape.sigma_len());
        let (of_u, rest) = rest.split_at_mut(shape.u_len());
        let (of_v, of_x) = rest.split_at_mut(shape.v_len());
        let share = match mistake {
            M::MissingShare if case.share() == 1.0 => 1.0 / components as f64,
            M::MissingShare => 1.0,
            M::ShareTwice => 1.0 / (components * components) as f64,
            _ => case.share(),
        };
        for b in 0..batch - usize::from(mistake == M::SkipsLastRow) {
            let x = &case.x[b * d..][..d];
            let g: Vec<f64> = g[b * outputs..][..outputs].iter().map(|g| g * share).collect();
            for k in 0..components - usize::from(mistake == M::SkipsLastComponent) {
                let mu = &case.mu[k * d..][..d];
                let sigma = &case.sigma[k * d..][..d];
                let u = |l: usize, i: usize| {
                    let index = if mistake == M::TransposedU { i * outputs + l } else { l * d + i };
                    case.u[k * outputs * d + index]
                };
                let v = &case.v[k * outputs..][..outputs];
                let m: f64 = (0..d).map(|i| mu[i] * x[i]).sum();
                let s = (0..d).map(|i| (sigma[i] * x[i]).powi(2)).sum::<f64>().sqrt();
                let z = Rectified::new(m, s);
                let (mut r, mut p, mut phi, mut moment) =
                    (z.mean, z.probability, z.density, z.density_moment);
                match mistake {
                    M::SignOfMoment => moment = -moment,
                    M::ProbabilityForDensity => phi = p,
                    M::DensityForProbability => p = phi,
                    M::ComplementProbability => p = 1.0 - p,
                    M::MeanForProbability => p = r,
                    M::ForgottenReluBranch => (r, p, phi, moment) = (m, 1.0, 0.0, 0.0),
                    M::WrongOnlyWithoutSpread if s == 0.0 => p = if m > 0.0 { 1.0 } else { 0.0 },
                    _ => {}
                }
                let c: Vec<f64> = (0..d).map(|i| (0..outputs).map(|l| g[l] * u(l, i)).sum()).collect();
                let through_mean = match mistake {
                    M::OtherCoordinates => 1.0 - case.through_mean(),
                    _ => case.through_mean(),
                };
                let mut a = through_mean * (0..d).map(|i| c[i] * mu[i]).sum::<f64>();
                if mistake != M::DroppedOffsetInA {
                    a += (0..outputs).map(|l| g[l] * v[l]).sum::<f64>();
                }
                let y: Vec<f64> = (0..d).map(|i| if s > 0.0 { sigma[i] * x[i] / s } else { 0.0 }).collect();
                let along: f64 = (0..d).map(|i| c[i] * sigma[i] * y[i]).sum();
                let of_m = a * p + if mistake == M::SignOfDensityInMu { -along * phi } else { along * phi };
                let of_s = a * phi - along * moment;
                for i in 0..d {
                    let variance = sigma[i] * sigma[i];
                    let stein = match mistake {
                        M::DroppedSteinInU => 0.0,
                        M::SigmaForVarianceInU => sigma[i] * x[i] * p,
                        _ => variance * x[i] * p,
                    };
                    for l in 0..outputs {
                        let of_mean =
                            if mistake == M::OtherMeanInU { 1.0 - through_mean } else { through_mean };
                        let mut entry = g[l] * (of_mean * mu[i] * r + stein);
                        if mistake == M::MillionthInOneEntryOfU && (k, l, i) == (0, 0, 0) {
                            entry *= 1.0 + 1e-6;
                        }
                        of_u[k * outputs * d + l * d + i] += entry;
                    }
                    let shifted = if mistake == M::ShiftedIndexInMu { (i + 1) % d } else { i };
                    let of_mean = if mistake == M::OtherMeanInMu { 1.0 - through_mean } else { through_mean };
                    let kept = of_mean * c[i] * r;
                    of_mu[k * d + shifted] += kept + x[i] * of_m;
                    let twice = if mistake == M::HalfOfSigma { 1.0 } else { 2.0 };
                    let sigma_factor =
                        if mistake == M::VarianceForSigmaInSigma { variance } else { sigma[i] };
                    let mut entry = x[i] * (of_s * y[i] + twice * p * c[i] * sigma_factor);
                    if mistake == M::MillionthInSigma {
                        entry *= 1.0 + 1e-6;
                    }
                    of_sigma[k * d + i] += entry;
                    let spread = if mistake == M::DroppedDensityInX { 0.0 } else { of_s * y[i] };
                    let stein = match mistake {
                        M::DroppedSteinInX => 0.0,
                        M::SigmaForVarianceInX => p * c[i],
                        _ => p * c[i] * sigma[i],
                    };
                    of_x[b * d + i] += mu[i] * of_m + sigma[i] * (spread + stein);
                }
                for l in 0..outputs {
                    let mut entry = g[l] * r;
                    if mistake == M::OnlyOffsetsWrong {
                        entry *= 1.001;
                    }
                    if mistake == M::QuadraticInCotangent {
                        entry += 1e-3 * g[l] * g[l];
                    }
                    of_v[k * outputs + l] += entry;
                }
            }
        }
    }
}
