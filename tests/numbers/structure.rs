//! What holds whatever the error: limits, symmetry, order.

use gmlayer::normal::{cumulative, density, density_moment, ramp};
use proptest::prelude::*;

use crate::{scalar, slices};

/// Stamps the same properties on both formats.
macro_rules! structure {
    ($float:ident, $step:expr) => {
        mod $float {
            use super::*;

            /// Arguments of every size, and more of those where the functions move.
            fn argument() -> impl Strategy<Value = $float> {
                prop_oneof![any::<$float>(), -45.0 as $float..45.0, -3.0 as $float..3.0]
            }

            #[test]
            fn limits() {
                let infinity = $float::INFINITY;
                assert_eq!(scalar(infinity), [0.0, 1.0, infinity, 0.0]);
                assert_eq!(scalar(-infinity), [0.0; 4]);
                assert_eq!(scalar($float::MAX), [0.0, 1.0, $float::MAX, 0.0]);
                assert_eq!(scalar($float::MIN), [0.0; 4]);
                assert!(scalar($float::NAN).iter().all(|x| x.is_nan()));
                assert!(scalar(-$float::NAN).iter().all(|x| x.is_nan()));
            }

            #[test]
            fn one_half_at_zero() {
                for t in [0.0, -0.0, $float::from_bits(1), -$float::from_bits(1)] {
                    assert_eq!(cumulative(t), 0.5);
                    assert_eq!(ramp(t), density(t));
                }
                assert_eq!(density_moment(0.0 as $float), 0.0);
            }

            #[test]
            fn slices_of_any_length_have_the_bits_of_the_scalar_forms() {
                let t: Vec<$float> = (0..67).map(|i| (i as $float - 33.0) * 0.73).collect();
                for end in 0..t.len() {
                    let along = slices(&t[..end]);
                    for (i, &t) in t[..end].iter().enumerate() {
                        for (function, got) in scalar(t).into_iter().enumerate() {
                            assert_eq!(got.to_bits(), along[function][i].to_bits());
                        }
                    }
                }
            }

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(20_000))]

                #[test]
                fn probability_and_its_complement(t in argument()) {
                    let (below, above) = (cumulative(t), cumulative(-t));
                    prop_assert!((0.0..=1.0).contains(&below));
                    prop_assert!((below + above - 1.0).abs() <= $float::EPSILON);
                    prop_assert!(below <= 0.5 || t > 0.0);
                }

                #[test]
                fn ramp_lies_above_the_positive_part(t in argument()) {
                    prop_assert!(ramp(t) >= t.max(0.0));
                    let difference = ramp(t) - ramp(-t);
                    prop_assert!((difference - t).abs() <= 8.0 * $float::EPSILON * t.abs().max(1.0));
                }

                #[test]
                fn density_is_even_and_its_moment_odd(t in argument()) {
                    prop_assert_eq!(density(t).to_bits(), density(-t).to_bits());
                    prop_assert_eq!(density_moment(t), -density_moment(-t));
                    prop_assert!(density(t) >= 0.0 && density(t) <= density(0.0 as $float));
                }

                #[test]
                fn order_is_kept_up_to_the_stated_step(start in argument()) {
                    let mut t = start;
                    let mut last = cumulative(t);
                    for _ in 0..64 {
                        t = t.next_up();
                        let now = cumulative(t);
                        let back = last - now;
                        prop_assert!(back <= $step * (last.next_up() - last), "back by {} at {}", back, t);
                        last = now;
                    }
                }
            }
        }
    };
}

structure!(f32, 1.0);
structure!(f64, 4.0);
