//! Deliberately wrong backward passes, as of the textbook with one mistake: each is rejected by the gradient checker.

use gmlayer::gradcheck::{Block, Check, Report, Verdict};
use gmlayer::{Dual, Real};

use super::case::{Case, Recipe};
use super::gradients::spread;
use super::layer::MixtureLayer;
use super::textbook::{Mistake, gradients, rectify};

for_each_layer! {
    tests:
        every_mistake_is_rejected,
        mistakes_of_a_hundredth_are_rejected_at_any_sizes,
        wrong_only_without_spread,
        writes_a_frozen_block,
        adjoint_identity_rejects_wrong_formulas;
}

/// The mistakes that any layer can make.
fn mistakes<L: MixtureLayer>() -> Vec<Mistake> {
    use Mistake as M;
    let mut all = vec![
        M::MissingShare,
        M::ShareTwice,
        M::SignOfMoment,
        M::ProbabilityForDensity,
        M::DensityForProbability,
        M::ComplementProbability,
        M::MeanForProbability,
        M::ForgottenReluBranch,
        M::OverwritesInsteadOfAdds,
        M::SkipsLastRow,
        M::SkipsLastComponent,
        M::SquareOfCotangent,
        M::QuadraticInCotangent,
        M::ConstantForZeroCotangent,
        M::UsesPreviousCall,
    ];
    for block in 0..4 {
        all.extend([M::ThousandthInBlock(block), M::MillionthInBlock(block)]);
        all.extend([M::MillionthInOneEntryOf(block), M::MillionthAddedToOneEntryOf(block)]);
    }
    all.extend(L::MISTAKES);
    all
}

fn ordinary<L: MixtureLayer>(form: usize) -> Case<L, f64> {
    Recipe::new(L::new([4, 3, 2, 3], form), 3, 11).build()
}

pub fn blocks<L: MixtureLayer, T: Real>(case: &Case<L, T>) -> [Block<'static>; 5] {
    let mut names = L::NAMES.into_iter();
    case.blocks().map(|block| Block::new(names.next().unwrap(), block.len()))
}

/// The crate's own forward pass as a function of the parameters and x.
pub fn forward<L: MixtureLayer, T: Real>(case: &Case<L, T>) -> impl Fn(&[T], &mut [T]) {
    move |theta, y| y.copy_from_slice(&case.at(theta).forward())
}

/// The textbook's backward pass with one mistake as such a function; it adds.
fn textbook<L: MixtureLayer>(
    case: &Case<L, f64>,
    mistake: Mistake,
) -> impl FnMut(&[f64], &[f64], &mut [f64]) {
    let mut calls = 0.0;
    move |theta, g, gradient| {
        calls += 1.0;
        let case = Case { g: g.to_vec(), ..case.at(theta) };
        match mistake {
            Mistake::OverwritesInsteadOfAdds => gradient[..case.parameters[0].len()].fill(0.0),
            Mistake::UsesPreviousCall => gradient[0] += 1e-4 * calls,
            _ => {}
        }
        let all = gradients(&case, rectify, mistake).concat();
        gradient.iter_mut().zip(all).for_each(|(sum, x)| *sum += x);
    }
}

/// The whole report of a backward pass against the crate's forward pass.
pub fn report<L: MixtureLayer, T: Real>(
    case: &Case<L, T>,
    backward: impl FnMut(&[T], &[T], &mut [T]),
    seed: u64,
) -> Report<[Block<'static>; 5]> {
    let check = Check::new(blocks(case), case.g.len()).unwrap().seed(seed);
    let mut scratch = vec![T::ZERO; check.scratch_len()];
    check.run(forward(case), backward, &case.flat(), &mut scratch).unwrap()
}

/// The verdict by the adjoint identity.
pub fn adjoint<L: MixtureLayer>(
    case: &Case<L, f64>,
    backward: impl FnMut(&[f64], &[f64], &mut [f64]),
) -> Verdict {
    let check = Check::new(blocks(case), case.g.len()).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let mut dual_scratch = vec![Dual::constant(0.0); check.dual_scratch_len()];
    let dual = case.convert(Dual::constant);
    let report = check.adjoint(forward(&dual), backward, &case.flat(), &mut scratch, &mut dual_scratch);
    report.unwrap().verdict()
}

/// The right gradient passes where the wrong one is rejected.
#[track_caller]
fn assert_rejected<L: MixtureLayer>(case: &Case<L, f64>, mistakes: &[Mistake]) {
    let right = report(case, textbook(case, Mistake::None), 5);
    assert!(right.verdict().passes(), "{right}");
    let passes = |mistake: &Mistake| report(case, textbook(case, *mistake), 5).into_result().is_ok();
    let unseen: Vec<&Mistake> = mistakes.iter().filter(|mistake| passes(mistake)).collect();
    assert!(unseen.is_empty(), "not seen: {unseen:?} of {:?}", case.layer);
}

fn every_mistake_is_rejected<L: MixtureLayer>() {
    for form in 0..L::FORMS {
        assert_rejected(&ordinary::<L>(form), &mistakes::<L>());
    }
}

/// Ordinary numbers, and those of 10⁻⁶ to 10⁶ beside each other.
fn mistakes_of_a_hundredth_are_rejected_at_any_sizes<L: MixtureLayer>() {
    let counts = (0..40).map(|seed| {
        let cases = [Recipe::<L>::plain([3, 2, 2, 3, 2], seed), spread(seed)];
        cases.map(|case| [rejected::<L, f64>(&case, seed), rejected::<L, f32>(&case, seed)])
    });
    let total = counts.flatten().flatten().sum::<usize>();
    assert!(total > 1500, "{total} mistakes were large enough");
}

/// How many mistakes change a block of the gradient by 1 % of its largest entry; all of them are seen.
fn rejected<L: MixtureLayer, T: Real>(case: &Case<L, f64>, seed: u64) -> usize {
    let case = case.convert(|x| T::from_f64(x).to_f64());
    let check = Check::new(blocks(&case), case.g.len()).unwrap().seed(seed);
    let mut g = case.g.clone();
    check.cotangent(&mut g).unwrap();
    let rounded = |block: Vec<f64>| block.into_iter().map(|x| T::from_f64(x).to_f64()).collect::<Vec<_>>();
    let of = |g: &[f64], mistake| {
        gradients(&Case { g: g.to_vec(), ..case.clone() }, rectify, mistake).map(rounded)
    };
    let largest = |block: &[f64]| block.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    let right = of(&g, Mistake::None);
    let mut count = 0;
    for mistake in mistakes::<L>() {
        let wrong = of(&g, mistake);
        let apart = |block: usize| {
            let apart = right[block].iter().zip(&wrong[block]).map(|(right, wrong)| right - wrong);
            largest(&apart.collect::<Vec<_>>())
        };
        let large: Vec<usize> =
            (0..5).filter(|block| apart(*block) > 0.01 * largest(&right[*block])).collect();
        if large.is_empty() {
            continue;
        }
        count += 1;
        let backward = |_: &[T], g: &[T], gradient: &mut [T]| {
            let g: Vec<f64> = g.iter().map(|g| g.to_f64()).collect();
            let all = of(&g, mistake).concat();
            gradient.iter_mut().zip(all).for_each(|(sum, x)| *sum += T::from_f64(x));
        };
        let report = report(&case.convert(T::from_f64), backward, seed);
        // Of a block of zeros the report says how large an error would have been seen.
        let stated = |block: usize| {
            let resolution = report.blocks[block].finding.map(|finding| finding.resolution);
            largest(&wrong[block]) == 0.0 && resolution.is_some_and(|resolution| apart(block) < resolution)
        };
        let seen = !report.verdict().passes() || large.iter().all(|block| stated(*block));
        assert!(seen, "{mistake:?} of {case:?}\n{report}");
    }
    count
}

/// m = 0 with no spread: only the central limit of the step, 1/2, is right.
fn wrong_only_without_spread<L: MixtureLayer>() {
    let mut case = ordinary::<L>(0);
    let [mean, spread] = L::BETA;
    case.parameters[spread].fill(0.0);
    case.parameters[mean][..4].copy_from_slice(&[1.0, -1.0, 1.0, -1.0]);
    case.x[..4].fill(0.0);
    case.x[4..8].fill(0.5);
    assert_rejected(&case, &[Mistake::WrongOnlyWithoutSpread]);
}

/// A frozen block must stay untouched.
fn writes_a_frozen_block<L: MixtureLayer>() {
    let case = ordinary::<L>(0);
    let mut blocks = blocks(&case);
    blocks[0] = blocks[0].frozen();
    let check = Check::new(blocks, 9).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let mut run = |writes: bool| {
        let mut textbook = textbook(&case, Mistake::None);
        let backward = |theta: &[f64], g: &[f64], gradient: &mut [f64]| {
            let mut all = gradient.to_vec();
            textbook(theta, g, &mut all);
            let first = if writes { 0 } else { case.parameters[0].len() };
            gradient[first..].copy_from_slice(&all[first..]);
        };
        check.run(forward(&case), backward, &case.flat(), &mut scratch).unwrap()
    };
    let right = run(false);
    assert!(right.laws.leaves_frozen && right.verdict().passes(), "{right}");
    assert_eq!(right.blocks[0].verdict(), Verdict::Frozen);
    let wrong = run(true);
    assert!(!wrong.laws.leaves_frozen && wrong.into_result().is_err());
}

/// The adjoint identity alone rejects every mistake in a formula too.
fn adjoint_identity_rejects_wrong_formulas<L: MixtureLayer>() {
    use Mistake as M;
    let case = ordinary::<L>(0);
    assert!(adjoint(&case, textbook(&case, M::None)).passes());
    let common = [
        M::MissingShare,
        M::SignOfMoment,
        M::SkipsLastComponent,
        M::ThousandthInBlock(L::OMEGA[1]),
        M::MillionthInBlock(L::BETA[1]),
        M::MillionthInOneEntryOf(L::OMEGA[0]),
    ];
    let unseen = |mistake: &&Mistake| adjoint(&case, textbook(&case, **mistake)).passes();
    let unseen: Vec<&Mistake> = common.iter().chain(L::MISTAKES).filter(unseen).collect();
    assert!(unseen.is_empty(), "not seen: {unseen:?}");
}
