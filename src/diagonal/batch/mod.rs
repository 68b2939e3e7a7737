//! Many rows at once: the batch in the vector lanes, all products as matrix products.
//!
//! Rows are taken in chunks of [`CHUNK`]. For a chunk X `[rows × inputs]` the forward pass is three
//! products with Xᵀ, one loop over the lanes and one sum:
//!
//! ```text
//! m = μ Xᵀ     s² = σ² (X∘X)ᵀ     W Xᵀ      [components (× outputs) × rows]
//! r, p, φ, tφ from m and s                   h = 1/K Σ_k [ a r + (W x) p ]
//! ```
//!
//! and the backward pass, with the cotangent g (times 1/K), ρ = ⟨g, a⟩ and π = ⟨g, W x⟩,
//!
//! ```text
//! ∂m = ρ p + π φ/s     ∂s/s = (ρ φ − π tφ/s)/s     ∂Wₗ = Σ p gₗ xᵀ     ∂aₗ = Σ r gₗ
//! ∂U = ∂W diag σ² + ∂a μᵀ     ∂v = ∂a     ∂μ = Σ ∂m x + Uᵀ∂a     ∂σ = σ∘(Σ (∂s/s) x∘x + 2 Σ_l ∂Wₗ∘Uₗ)
//! ∂x = ∂m μ + p Wᵀg + (∂s/s) σ²∘x
//! ```
//!
//! a, W and σ² are [lifted](crate::batch::Lift): h, s², ρ, π, ∂W diag σ² and the last two terms of ∂x are rid of that. So
//! is g, from which the gradients come in the end.
//!
//! Which rows go this way, and what they share with other layers, is in [`crate::batch`]; the others go through the
//! formulas for single [rows](super::row).

mod backward;
mod forward;

pub(super) use backward::Constants;
