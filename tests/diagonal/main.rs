//! The diagonal layer against witnesses that share no code with it, and its contracts.

#[path = "../support/budget.rs"]
#[allow(missing_docs, unreachable_pub, dead_code)] // the fuzzer reads more of it
mod budget;
mod budgets;
mod contracts;
mod descent;
mod dual;
mod identities;
#[path = "../common/layers.rs"]
mod layers;
mod majorant;
mod monte_carlo;
mod sizes;
mod threads;
#[path = "../common/wild.rs"]
mod wild;
