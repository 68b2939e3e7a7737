//! The scalars of a rectified normal number: bounds, reflections, and the limit without spread.

use gmlayer::Rectified;
use proptest::prelude::*;

/// Numbers of every size, zeros among them.
fn magnitudes() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        -10.0..10.0_f64,
        (-300.0..300.0_f64, any::<bool>()).prop_map(|(exponent, negative)| {
            let size = 10.0_f64.powf(exponent);
            if negative { -size } else { size }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bounds_and_reflections(m in magnitudes(), s in magnitudes().prop_map(f64::abs)) {
        let (here, there) = (Rectified::new(m, s), Rectified::new(-m, s));
        prop_assert!(here.mean >= m.max(0.0));
        prop_assert!((0.0..=1.0).contains(&here.probability));
        prop_assert!((here.probability + there.probability - 1.0).abs() <= f64::EPSILON);
        prop_assert!((here.mean - there.mean - m).abs() <= 2.0 * f64::EPSILON * (m.abs() + here.mean));
        prop_assert_eq!(here.density, there.density);
        prop_assert_eq!(here.density_moment, -there.density_moment);
        prop_assert!((0.0..0.4).contains(&here.density) && here.density_moment.abs() < 0.25);
    }
}

/// m above, at and below 0 with no spread.
#[test]
fn without_spread_it_is_the_central_limit() {
    for (m, mean, probability) in [(2.0, 2.0, 1.0), (0.0, 0.0, 0.5), (-0.0, 0.0, 0.5), (-2.0, 0.0, 0.0)] {
        let want = Rectified { mean, probability, density: 0.0, density_moment: 0.0 };
        assert_eq!(Rectified::new(m, 0.0), want, "{m}");
    }
}
