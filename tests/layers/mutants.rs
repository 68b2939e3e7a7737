//! Deliberately wrong backward passes, as of the textbook with one mistake: each is rejected by the gradient checker.

use gmlayer::Dual;
use gmlayer::gradcheck::{Block, Check, Report, Verdict};

use super::case::{Case, Recipe};
use super::layer::MixtureLayer;
use super::textbook::{Mistake, gradients, rectify};

for_each_layer! {
    tests:
        every_mistake_is_rejected,
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

pub fn blocks<L: MixtureLayer>(case: &Case<L, f64>) -> [Block; 5] {
    let mut names = L::NAMES.into_iter();
    case.blocks().map(|block| Block::new(names.next().unwrap(), block.len()))
}

/// The crate's own forward pass as a function of the parameters and x.
pub fn forward<L: MixtureLayer, T: gmlayer::Real>(case: &Case<L, T>) -> impl Fn(&[T], &mut [T]) {
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
pub fn report<L: MixtureLayer>(
    case: &Case<L, f64>,
    backward: impl FnMut(&[f64], &[f64], &mut [f64]),
    seed: u64,
) -> Report<5> {
    let check = Check::new(blocks(case), case.g.len()).unwrap().seed(seed);
    let mut scratch = vec![0.0; check.scratch_len()];
    check.run(forward(case), backward, &case.flat(), &mut scratch).unwrap()
}

/// Whether the adjoint identity holds in every block.
pub fn adjoint_holds<L: MixtureLayer>(
    case: &Case<L, f64>,
    backward: impl FnMut(&[f64], &[f64], &mut [f64]),
) -> bool {
    let check = Check::new(blocks(case), case.g.len()).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let mut dual_scratch = vec![Dual::constant(0.0); check.dual_scratch_len()];
    let dual = case.convert(Dual::constant);
    let report = check.adjoint(forward(&dual), backward, &case.flat(), &mut scratch, &mut dual_scratch);
    report.unwrap().into_result().is_ok()
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
    assert_eq!(right.blocks[0].verdict, Verdict::Frozen);
    let wrong = run(true);
    assert!(!wrong.laws.leaves_frozen && wrong.into_result().is_err());
}

/// The adjoint identity alone rejects every mistake in a formula too.
fn adjoint_identity_rejects_wrong_formulas<L: MixtureLayer>() {
    use Mistake as M;
    let case = ordinary::<L>(0);
    assert!(adjoint_holds(&case, textbook(&case, M::None)));
    let common = [
        M::MissingShare,
        M::SignOfMoment,
        M::SkipsLastComponent,
        M::ThousandthInBlock(L::OMEGA[1]),
        M::MillionthInBlock(L::BETA[1]),
        M::MillionthInOneEntryOf(L::OMEGA[0]),
    ];
    let unseen = |mistake: &&Mistake| adjoint_holds(&case, textbook(&case, **mistake));
    let unseen: Vec<&Mistake> = common.iter().chain(L::MISTAKES).filter(unseen).collect();
    assert!(unseen.is_empty(), "not seen: {unseen:?}");
}
