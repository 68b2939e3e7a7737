//! Losses.

use gmlayer::loss::cross_entropy;

use crate::memory::{read, write};
use crate::status::{Status, status};

/// The cross-entropy of the softmax of `classes` scores, and its derivative by each of them.
///
/// # Safety
///
/// `scores` and `gradient` have `classes` numbers and do not overlap; `loss` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gmlayer_cross_entropy(
    scores: *const f32,
    classes: usize,
    label: usize,
    gradient: *mut f32,
    loss: *mut f32,
) -> Status {
    // SAFETY: the caller's.
    status(unsafe {
        read(scores, classes).and_then(|scores| {
            let gradient = write(gradient, classes)?;
            let [loss] = write(loss, 1)? else { return Err(Status::Pointer) };
            *loss = cross_entropy(scores, classes, &[label], Some(gradient))?;
            Ok(())
        })
    })
}
