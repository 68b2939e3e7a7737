//! Memory whose size follows from files: a sentence where there is not enough.

use crate::failure::Failure;

/// As many zeros.
pub(crate) fn zeros<T: Clone + Default>(len: usize) -> Result<Vec<T>, Failure> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| lacking())?;
    values.resize(len, T::default());
    Ok(values)
}

/// Sees that there is memory for so many numbers of 32 bits, which something else is about to take.
pub(crate) fn expect(numbers: usize) -> Result<(), Failure> {
    let mut probe = Vec::<f32>::new();
    probe.try_reserve_exact(numbers).map_err(|_| lacking())?;
    core::hint::black_box(probe); // taken and given back, not left out
    Ok(())
}

fn lacking() -> Failure {
    Failure::other("there is not enough memory")
}
