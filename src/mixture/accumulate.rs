//! Sums over a batch of any size.

use crate::Real;
use crate::kernel::{Simd, dispatch, task};

/// Rows whose terms are added one after the other; the sums of more are added with their rounding errors.
pub(crate) const PLAIN_ROWS: usize = 1024;

/// Adds `terms` to `sums`; `errors` are the rounding errors so far, which go into the next sum (W. Kahan's summation with
/// D. E. Knuth's two-sum).
pub(crate) fn add_compensated<T: Real>(sums: &mut [T], errors: &mut [T], terms: &[T]) {
    dispatch(AddCompensated, (sums, errors, terms));
}

#[inline(always)]
fn add<T: Real, S: Simd>(_: S, sums: &mut [T], errors: &mut [T], terms: &[T]) {
    for ((sum, error), &term) in sums.iter_mut().zip(errors).zip(terms) {
        two_sum(sum, error, term);
    }
}

/// Adds a term and the rounding error so far to a sum.
#[inline(always)]
pub(crate) fn two_sum<T: Real>(sum: &mut T, error: &mut T, term: T) {
    let term = term + *error;
    let total = *sum + term;
    let shifted = total - *sum;
    *error = (*sum - (total - shifted)) + (term - shifted);
    *sum = total;
}

task!(AddCompensated, add, (sums: &'a mut [T], errors: &'a mut [T], terms: &'a [T]) -> ());

#[cfg(test)]
mod tests {
    use super::add_compensated;

    /// 2²⁰ equal terms, whose plain sum in `f32` is off by more than 100 ULP.
    #[test]
    fn equal_terms_do_not_add_up_their_errors() {
        let (mut sum, mut error, mut plain, term) = ([0.0_f32], [0.0], 0.0, [0.1_f32]);
        for _ in 0..1 << 20 {
            add_compensated(&mut sum, &mut error, &term);
            plain += term[0];
        }
        let exact = f64::from(term[0]) * f64::from(1 << 20);
        assert!((f64::from(sum[0] + error[0]) - exact).abs() <= 0.0079, "one ULP");
        assert!((f64::from(plain) - exact).abs() > 100.0 * 0.0078);
    }
}
