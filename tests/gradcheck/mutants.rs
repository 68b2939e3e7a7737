//! Deliberately wrong backward passes: each is a test, and each is rejected. Break the checker, and one
//! of these turns red.

use gmlayer::diagonal::Form;
use gmlayer::gradcheck::Check;
use gmlayer::gradcheck::Verdict;

use super::layers::{Case, FORMS, Recipe};
use super::textbook::{Mistake, blocks, flat, forward, layer, report, textbook};

fn ordinary() -> Case<f64> {
    Recipe {
        inputs: 4,
        outputs: 3,
        components: 2,
        batch: 3,
        seed: 11,
        exponents: [0.0; 6],
        zeros: 0.0,
        form: Form::default(),
    }
    .build()
}

/// The right gradient passes where the wrong one is rejected.
fn rejected(case: &Case<f64>, mistake: Mistake) {
    let right = report(case, textbook(layer(case), Mistake::None), 5);
    assert!(right.verdict().passes(), "{right}");
    let wrong = report(case, textbook(layer(case), mistake), 5);
    assert!(wrong.into_result().is_err(), "{mistake:?} was not seen:\n{wrong}");
}

macro_rules! mutants {
    ($($name:ident: $mistake:ident,)*) => {
        $(
            #[test]
            fn $name() {
                for form in FORMS {
                    rejected(&Case { form, ..ordinary() }, Mistake::$mistake);
                }
            }
        )*
    };
}

mutants! {
    missing_share: MissingShare,
    share_twice: ShareTwice,
    sigma_for_variance_in_u: SigmaForVarianceInU,
    sigma_for_variance_in_x: SigmaForVarianceInX,
    variance_for_sigma_in_sigma: VarianceForSigmaInSigma,
    sign_of_density_in_mu: SignOfDensityInMu,
    sign_of_moment: SignOfMoment,
    dropped_density_in_x: DroppedDensityInX,
    dropped_stein_in_u: DroppedSteinInU,
    dropped_stein_in_x: DroppedSteinInX,
    other_mean_in_mu: OtherMeanInMu,
    other_mean_in_u: OtherMeanInU,
    other_coordinates: OtherCoordinates,
    dropped_offset_in_a: DroppedOffsetInA,
    half_of_sigma: HalfOfSigma,
    probability_for_density: ProbabilityForDensity,
    density_for_probability: DensityForProbability,
    complement_probability: ComplementProbability,
    mean_for_probability: MeanForProbability,
    transposed_u: TransposedU,
    forgotten_relu_branch: ForgottenReluBranch,
    overwrites_instead_of_adds: OverwritesInsteadOfAdds,
    skips_last_row: SkipsLastRow,
    skips_last_component: SkipsLastComponent,
    shifted_index_in_mu: ShiftedIndexInMu,
    only_offsets_wrong: OnlyOffsetsWrong,
    millionth_in_sigma: MillionthInSigma,
    millionth_in_one_entry_of_u: MillionthInOneEntryOfU,
    quadratic_in_cotangent: QuadraticInCotangent,
    constant_for_zero_cotangent: ConstantForZeroCotangent,
    uses_previous_call: UsesPreviousCall,
}

/// m = 0 with no spread: only the central limit of the step, 1/2, is right.
#[test]
fn wrong_only_without_spread() {
    let mut case = ordinary();
    case.sigma.fill(0.0);
    case.x[..4].fill(0.0);
    case.mu[..4].copy_from_slice(&[1.0, -1.0, 1.0, -1.0]);
    case.x[4..8].fill(0.5);
    rejected(&case, Mistake::WrongOnlyWithoutSpread);
}

/// A frozen block must stay untouched.
#[test]
fn writes_frozen_mu() {
    let case = ordinary();
    let mut blocks = blocks(&case);
    blocks[0] = blocks[0].frozen();
    let check = Check::new(blocks, 9).unwrap();
    let mut scratch = vec![0.0; check.scratch_len()];
    let (shape, layer, theta) = (case.shape, layer(&case), flat(&case));
    let mut run = |writes_mu: bool| {
        let mut textbook = textbook(layer, Mistake::None);
        let backward = |theta: &[f64], g: &[f64], gradient: &mut [f64]| {
            let mut all = gradient.to_vec();
            textbook(theta, g, &mut all);
            let first = if writes_mu { 0 } else { shape.mu_len() };
            gradient[first..].copy_from_slice(&all[first..]);
        };
        check.run(forward(layer), backward, &theta, &mut scratch).unwrap()
    };
    let right = run(false);
    assert!(right.laws.leaves_frozen && right.verdict().passes(), "{right}");
    assert_eq!(right.blocks[0].verdict, Verdict::Frozen);
    let wrong = run(true);
    assert!(!wrong.laws.leaves_frozen && wrong.into_result().is_err());
}

/// The adjoint identity alone rejects every mistake in a formula too.
#[test]
fn adjoint_identity_rejects_wrong_formulas() {
    let case = ordinary();
    assert!(super::textbook::adjoint_holds(&case, textbook(layer(&case), Mistake::None)));
    for mistake in [
        Mistake::MissingShare,
        Mistake::SigmaForVarianceInU,
        Mistake::SignOfMoment,
        Mistake::DroppedSteinInX,
        Mistake::DroppedOffsetInA,
        Mistake::HalfOfSigma,
        Mistake::TransposedU,
        Mistake::SkipsLastComponent,
        Mistake::OnlyOffsetsWrong,
        Mistake::MillionthInSigma,
        Mistake::MillionthInOneEntryOfU,
    ] {
        assert!(!super::textbook::adjoint_holds(&case, textbook(layer(&case), mistake)), "{mistake:?}");
    }
}
