//! Vectors whose allocation may fail without ending the process (feature `std`).

use crate::Error;

/// `len` times `value`, or the error that names what there is no memory for.
pub(crate) fn filled<T: Clone>(argument: &'static str, value: T, len: usize) -> Result<Vec<T>, Error> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| Error::Overflow { argument })?;
    values.resize(len, value);
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::filled;
    use crate::Error;

    #[test]
    fn no_memory_is_an_error() {
        assert_eq!(filled("labels", 7, 3), Ok(vec![7; 3]));
        for len in [usize::MAX, usize::MAX / 16, 1 << 60] {
            assert_eq!(filled("labels", 7_u64, len), Err(Error::Overflow { argument: "labels" }));
        }
    }
}
