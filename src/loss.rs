//! Losses: a value and its gradient in one pass over the batch.

use crate::{Error, Real, kernel, shape};

/// The mean cross-entropy between the softmax of the logits of a batch and its labels, and its gradient.
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
/// **Accuracy**: within 8 budgets u·scale, scale being the sum of the absolute values of all terms, each share
/// counted with the distance of its logit to the largest one. Measured in `f32` by `tests/numbers`.
///
/// # Errors
///
/// [`Error::Zero`] for an empty batch or no classes, [`Error::Length`] for slices that do not fit
/// together, [`Error::Range`] for a label of `classes` or more.
///
/// # Example
///
/// ```
/// use gmlayer::loss::cross_entropy;
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
    // The gradient is written while the losses of the rows are summed up.
    let loss = kernel::sum(logits.chunks(classes).zip(labels).map(|(logits, &label)| {
        let largest = logits.iter().copied().fold(T::from_f64(f64::NEG_INFINITY), maximum);
        let mut others = T::zero();
        let (mut own, mut distance) = (T::zero(), T::zero());
        for (class, &logit) in logits.iter().enumerate() {
            let share = (logit - largest).exp();
            if class == label {
                own = share;
                distance = largest - logit;
            } else {
                others += share;
            }
        }
        let total = own + others;
        if let Some(gradient) = gradient_rows.next() {
            for (class, (gradient, &logit)) in gradient.iter_mut().zip(logits).enumerate() {
                let share = if class == label { -others } else { (logit - largest).exp() };
                *gradient = share / (total * count);
            }
        }
        distance + total.ln()
    }));
    Ok(loss / count)
}

/// max(a, b), NaN when either is.
fn maximum<T: Real>(a: T, b: T) -> T {
    if a > b || a.partial_cmp(&a).is_none() { a } else { b }
}

/// Half the mean squared distance between a batch of outputs and its targets, and its gradient.
///
/// ```text
/// loss = 1/B Σ_b ½ ‖y_b − target_b‖²,   ∂y = (y − target) / B
/// ```
///
/// - `y, targets: [B × outputs]`.
/// - `gradient: [B × outputs]`, overwritten when asked for.
///
/// **Accuracy**: within 8 budgets u·scale, scale being the exact value: nothing cancels. Measured in `f32` by
/// `tests/numbers`.
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
    let sum = kernel::sum(y.iter().zip(targets).map(|(&y, &target)| (y - target) * (y - target)));
    if let Some(gradient) = gradient {
        shape::exact("gradient", gradient.len(), y.len())?;
        for ((gradient, &y), &target) in gradient.iter_mut().zip(y).zip(targets) {
            *gradient = (y - target) / count;
        }
    }
    Ok(sum * T::from_f64(0.5) / count)
}
