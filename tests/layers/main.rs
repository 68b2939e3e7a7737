//! The mixture layers against witnesses that share no code with them, and their contracts.
//!
//! A property is written once, over the trait [`layer::MixtureLayer`], and holds for each kind of layer.
#![cfg(feature = "std")]

/// Makes tests for each kind of layer, in the modules `diagonal` and `joint`: of functions of the kind `L` alone, and
/// of properties, which are tried on random values.
macro_rules! for_each_layer {
    ($($tests:tt)*) => {
        mod diagonal {
            #[allow(unused_imports)] // the strategies
            use super::*;
            type L = crate::diagonal::DiagonalLayer;
            tests_of_one_layer! { $($tests)* }
        }
        mod joint {
            #[allow(unused_imports)]
            use super::*;
            type L = crate::joint::JointLayer;
            tests_of_one_layer! { $($tests)* }
        }
    };
}

macro_rules! tests_of_one_layer {
    () => {};
    (tests: $($name:ident),+; $($rest:tt)*) => {
        $(
            #[test]
            fn $name() {
                super::$name::<L>();
            }
        )+
        tests_of_one_layer! { $($rest)* }
    };
    (properties with $config:expr => $($name:ident($($value:ident in $values:expr),+)),+; $($rest:tt)*) => {
        proptest! {
            #![proptest_config($config)]
            $(
                #[test]
                fn $name($($value in $values),+) {
                    super::$name::<L>($($value),+)?;
                }
            )+
        }
        tests_of_one_layer! { $($rest)* }
    };
}

mod block;
#[allow(missing_docs, unreachable_pub, dead_code)] // the fuzzer reads more of it
mod budget;
mod budgets;
mod case;
mod compact;
mod contracts;
mod descent;
mod diagonal;
mod dual;
mod gradients;
mod hostile_numbers;
mod identities;
mod joint;
mod judge;
mod large_batches;
mod layer;
mod lengths;
mod monte_carlo;
mod mutants;
mod neurons;
mod online;
mod rows_apart;
mod sizes;
mod tables;
mod textbook;
mod threading;
#[cfg(feature = "threads")]
mod threads;
mod wild;
