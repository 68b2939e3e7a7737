//! Losses: a value and its gradient in one pass over the batch.

use crate::{Error, Real, shape};

/// The mean cross-entropy of the softmax of a batch, and its gradient.
///
/// ```text
/// loss = 1/B Σ_b ( ln Σ_j e^(y_bj) − y_b,label ),   ∂y_bj = ( e^(y_bj) / Σ_i e^(y_bi) − [j = label] ) / B
/// ```
///
/// - `logits: [B × classes]`, of any size: the largest one of a row is subtracted first.
/// - `labels: [B]`, class indices from 0.
/// - `gradient: [B × classes]`, overwritten when asked for. The label's entry is formed from the other
///   classes' share, so that it keeps its digits when the network is nearly certain.
///
/// # Errors
///
/// [`Error::Zero`] for an empty batch or no classes, [`Error::Length`] for slices that do not fit
/// together, [`Error::Range`] for a label of `classes` or more.
///
/// # Example
///
/// ```
/// use gmlayer::nn::cross_entropy;
///
/// let mut gradient = [0.0; 2];
/// let loss = cross_entropy(&[1e30, -1e30], 2, &[0], Some(&mut gradient))?;
/// assert_eq!((loss, gradient), (0.0, [0.0, 0.0]));
/// # Ok::<(), gmlayer::Error>(())
/// ```
pub fn cross_entropy<T: Real>(
    logits: &[T],
    classes: usize,
    labels: &[usize],
    gradient: Option<&mut [T]>,
) -> Result<T, Error> {
    if classes == 0 {
        return Err(Error::Zero { argument: "classes" });
    }
    let rows = shape::rows("logits", logits.len(), classes)?;
    shape::exact("labels", labels.len(), rows)?;
    if let Some(&label) = labels.iter().find(|&&label| label >= classes) {
        return Err(Error::Range { argument: "labels", largest: classes - 1, got: label });
    }
    let mut no_gradient: [T; 0] = [];
    let gradient = match gradient {
        Some(gradient) => {
            shape::exact("gradient", gradient.len(), logits.len())?;
            gradient
        }
        None => &mut no_gradient,
    };
    let mut gradient_rows = gradient.chunks_mut(classes);
    let count = T::from_usize(rows);
    let mut loss = T::zero();
    for (logits, &label) in logits.chunks(classes).zip(labels) {
        let largest = logits.iter().copied().fold(T::from_f64(f64::NEG_INFINITY), maximum);
        let mut others = T::zero();
        let mut own = T::zero();
        for (class, &logit) in logits.iter().enumerate() {
            let share = (logit - largest).exp();
            if class == label {
                own = share;
                loss += largest - logit;
            } else {
                others += share;
            }
        }
        let total = own + others;
        loss += total.ln();
        if let Some(gradient) = gradient_rows.next() {
            for (class, (gradient, &logit)) in gradient.iter_mut().zip(logits).enumerate() {
                let share = if class == label { -others } else { (logit - largest).exp() };
                *gradient = share / (total * count);
            }
        }
    }
    Ok(loss / count)
}

/// max(a, b), NaN when either is.
fn maximum<T: Real>(a: T, b: T) -> T {
    if a > b || a.partial_cmp(&a).is_none() { a } else { b }
}

/// The mean squared distance of a batch from its targets, halved, and its gradient.
///
/// ```text
/// loss = 1/B Σ_b ½ ‖y_b − target_b‖²,   ∂y = (y − target) / B
/// ```
///
/// - `y, targets: [B × outputs]`.
/// - `gradient: [B × outputs]`, overwritten when asked for.
///
/// # Errors
///
/// [`Error::Zero`] for an empty batch or no outputs, [`Error::Rows`] and [`Error::Length`] for slices that
/// do not fit together.
pub fn squared<T: Real>(
    y: &[T],
    outputs: usize,
    targets: &[T],
    gradient: Option<&mut [T]>,
) -> Result<T, Error> {
    if outputs == 0 {
        return Err(Error::Zero { argument: "outputs" });
    }
    let count = T::from_usize(shape::rows("y", y.len(), outputs)?);
    shape::exact("targets", targets.len(), y.len())?;
    let mut sum = T::zero();
    for (&y, &target) in y.iter().zip(targets) {
        sum += (y - target) * (y - target);
    }
    if let Some(gradient) = gradient {
        shape::exact("gradient", gradient.len(), y.len())?;
        for ((gradient, &y), &target) in gradient.iter_mut().zip(y).zip(targets) {
            *gradient = (y - target) / count;
        }
    }
    Ok(sum * T::from_f64(0.5) / count)
}
