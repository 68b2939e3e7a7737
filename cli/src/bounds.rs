//! What numbers may be, on the command line and in files alike.

use core::fmt::{self, Display};
use core::ops::{Bound, RangeBounds};
use core::str::FromStr;

/// The numbers that are taken, and the sentence that says so.
#[derive(Debug)]
pub struct Numbers<T> {
    least: T,
    end: Bound<T>,
    about: fn(&Self, &mut fmt::Formatter<'_>) -> fmt::Result,
}

/// Sizes and counts: far above any use, far below any overflow.
pub const COUNTS: Numbers<usize> = whole(1, 1_000_000);

/// Numbers of threads.
pub const THREADS: Numbers<usize> = whole(1, 256);

/// Numbers of hidden layers.
pub(crate) const HIDDEN: Numbers<usize> = whole(0, 1000);

/// Seeds.
pub(crate) const SEEDS: Numbers<u64> = Numbers {
    least: 0,
    end: Bound::Included(u64::MAX),
    about: |_, f| write!(f, "it must be a whole number from 0 to {}", u64::MAX),
};

/// Rates and scales.
pub(crate) const RATES: Numbers<f32> = Numbers {
    least: f32::MIN_POSITIVE,
    end: Bound::Included(f32::MAX),
    about: |_, f| write!(f, "it must be a number from {:.1e} to {:.1e}", f32::MIN_POSITIVE, f32::MAX),
};

/// Shares.
pub(crate) const SHARES: Numbers<f64> = Numbers {
    least: 0.0,
    end: Bound::Excluded(1.0),
    about: |_, f| write!(f, "it must be a number from 0 to below 1"),
};

const fn whole(least: usize, most: usize) -> Numbers<usize> {
    Numbers {
        least,
        end: Bound::Included(most),
        about: |numbers, f| {
            write!(f, "it must be a whole number from {}", numbers.least)?;
            match numbers.end {
                Bound::Included(most) | Bound::Excluded(most) => write!(f, " to {most}"),
                Bound::Unbounded => Ok(()),
            }
        },
    }
}

impl<T: PartialOrd> Numbers<T> {
    /// Whether a number is among them.
    pub(crate) fn take(&self, number: &T) -> bool {
        (Bound::Included(&self.least), self.end.as_ref()).contains(number)
    }

    /// The number that a text stands for.
    pub fn parse(&self, text: &str) -> Result<T, String>
    where
        T: FromStr,
    {
        text.parse().ok().filter(|number| self.take(number)).ok_or_else(|| self.to_string())
    }

    /// Refuses numbers that an option of this name does not take.
    pub(crate) fn check(&self, option: &str, numbers: impl IntoIterator<Item = T>) -> Result<(), String> {
        match numbers.into_iter().all(|number| self.take(&number)) {
            true => Ok(()),
            false => Err(format!("{option}: {self}")),
        }
    }
}

impl<T> Display for Numbers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.about)(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{COUNTS, HIDDEN, RATES, SEEDS, SHARES, THREADS};

    #[test]
    fn texts_and_numbers_have_the_same_bounds() {
        assert_eq!(COUNTS.parse("1000000"), Ok(1_000_000));
        for text in ["0", "1000001", "-1", "1.5", "", "9223372036854775808"] {
            assert_eq!(COUNTS.parse(text), Err("it must be a whole number from 1 to 1000000".to_owned()));
        }
        assert!(COUNTS.take(&1) && !COUNTS.take(&0) && !COUNTS.take(&usize::MAX));
        assert!(HIDDEN.take(&0) && THREADS.parse("257").is_err());
        assert_eq!(SEEDS.parse("18446744073709551615"), Ok(u64::MAX));
        for text in ["0", "-0.1", "1e-50", "1e39", "nan", "inf", "1e-40"] {
            let message = "it must be a number from 1.2e-38 to 3.4e38".to_owned();
            assert_eq!(RATES.parse(text), Err(message));
        }
        assert_eq!(RATES.parse("1.2e-38"), Ok(1.2e-38));
        assert!(SHARES.take(&0.0) && !SHARES.take(&1.0) && !SHARES.take(&f64::NAN));
        let check = COUNTS.check("--rank", [3, 0]);
        assert_eq!(check, Err("--rank: it must be a whole number from 1 to 1000000".to_owned()));
        assert_eq!(SHARES.check("--input-dropout", []), Ok(()));
    }
}
