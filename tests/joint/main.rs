//! The joint layer against witnesses that share no code with it, and its contracts.

mod block;
#[path = "../support/budget.rs"]
#[allow(missing_docs, unreachable_pub, dead_code)] // the formulas of the diagonal layer
mod budget;
mod budgets;
mod contracts;
mod descent;
mod dual;
mod flow;
mod identities;
#[path = "../support/joint_budget.rs"]
#[allow(missing_docs, unreachable_pub)]
mod joint_budget;
#[path = "../common/joints.rs"]
mod joints;
#[allow(dead_code)] // its random numbers and its diagonal layers
#[path = "../common/layers.rs"]
mod layers;
#[path = "../diagonal/majorant.rs"]
mod majorant;
mod monte_carlo;
mod mutants;
mod threads;
#[path = "../common/wild.rs"]
mod wild;
