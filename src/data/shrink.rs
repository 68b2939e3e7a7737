//! Square images with fewer pixels.

use super::{Dataset, Samples};
use crate::Error;

impl Samples {
    /// The same images shrunk to `side` × `side` pixels, each the mean of the area that it covers.
    ///
    /// Pixels that lie in two areas count in both, by the part that lies there. The mean is exact before it is
    /// rounded to a byte.
    ///
    /// # Errors
    /// [`Error::Zero`] where `side` is 0, [`Error::Length`] where the images are not square, [`Error::Range`] where
    /// they are smaller than that.
    ///
    /// # Example
    ///
    /// ```
    /// use gmlayer::data::Samples;
    ///
    /// let image = vec![0, 100, 200, 0, 100, 200, 0, 100, 200];
    /// let small = Samples::new(image, vec![7], 9)?.shrunk(2)?;
    /// assert_eq!(small.images(), [33, 167, 33, 167]);
    /// # Ok::<(), gmlayer::Error>(())
    /// ```
    pub fn shrunk(&self, side: usize) -> Result<Self, Error> {
        if side == 0 {
            return Err(Error::Zero { argument: "side" });
        }
        let from = self.inputs.isqrt();
        if from * from != self.inputs {
            return Err(Error::Length { argument: "square image", expected: from * from, got: self.inputs });
        }
        if side > from {
            return Err(Error::Range { argument: "side", largest: from, got: side });
        }
        let rows = |image: &[u8]| -> Vec<u64> {
            image
                .chunks_exact(from)
                .flat_map(|row| sums(row.iter().map(|&pixel| u64::from(pixel)), side))
                .collect()
        };
        let area = (from * from) as u64; // a pixel counts `side` times in each direction
        let mut images = Vec::new();
        let len = self.len() * side * side;
        images.try_reserve_exact(len).map_err(|_| Error::Overflow { argument: "images" })?;
        for image in self.images.chunks_exact(self.inputs) {
            let narrow = rows(image);
            let columns =
                (0..side).map(|column| sums(narrow.iter().skip(column).step_by(side).copied(), side));
            let columns: Vec<u64> = columns.flatten().collect();
            for row in 0..side {
                let sums = columns.iter().skip(row).step_by(side);
                images.extend(sums.map(|sum| ((sum + area / 2) / area) as u8));
            }
        }
        Self::new(images, self.labels.clone(), side * side)
    }
}

impl Dataset {
    /// The same data with images of `side` × `side` pixels: see [`Samples::shrunk`].
    ///
    /// # Errors
    /// As [`Samples::shrunk`].
    pub fn shrunk(&self, side: usize) -> Result<Self, Error> {
        let (train, test) = (self.train.shrunk(side)?, self.test.shrunk(side)?);
        Ok(Self { name: self.name.clone(), inputs: side * side, train, test, classes: self.classes })
    }
}

/// The sums over `side` equal parts of a line, where each value counts `side` times.
fn sums(line: impl ExactSizeIterator<Item = u64> + Clone, side: usize) -> Vec<u64> {
    let from = line.len();
    let part = |part: usize| {
        let (start, end) = (part * from, (part + 1) * from);
        let overlap = |pixel: usize| end.min((pixel + 1) * side) - start.max(pixel * side);
        let (first, last) = (start / side, end.div_ceil(side));
        let pixels = line.clone().enumerate().skip(first).take(last - first);
        pixels.map(|(pixel, value)| value * overlap(pixel) as u64).sum()
    };
    (0..side).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::Samples;
    use crate::Error;

    /// By the definition, in floating point: the integral over each area.
    #[test]
    fn means_are_those_of_the_areas() {
        let pixels: Vec<u8> = (0..49 * 2_usize).map(|i| (i * i * 37 % 256) as u8).collect();
        let samples = Samples::new(pixels.clone(), vec![0, 1], 49).unwrap();
        for side in 1..=7 {
            let shrunk = samples.shrunk(side).unwrap();
            assert_eq!((shrunk.inputs(), shrunk.labels()), (side * side, &[0, 1][..]));
            let cell = 7.0 / side as f64;
            let overlap = |pixel: usize, part: usize| {
                let (from, to) = (part as f64 * cell, (part + 1) as f64 * cell);
                (to.min(pixel as f64 + 1.0) - from.max(pixel as f64)).max(0.0)
            };
            for (at, &got) in shrunk.images().iter().enumerate() {
                let (image, row, column) = (at / (side * side), at / side % side, at % side);
                let mut want = 0.0;
                for y in 0..7 {
                    for x in 0..7 {
                        let pixel = f64::from(pixels[image * 49 + y * 7 + x]);
                        want += pixel * overlap(y, row) * overlap(x, column) / (cell * cell);
                    }
                }
                assert!((f64::from(got) - want).abs() < 0.5 + 1e-9, "{side} {at}: {got} {want}");
            }
        }
        assert_eq!(samples.shrunk(7).unwrap(), samples);
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let samples = Samples::new(vec![0; 9], vec![0], 9).unwrap();
        assert_eq!(samples.shrunk(0), Err(Error::Zero { argument: "side" }));
        assert_eq!(samples.shrunk(4), Err(Error::Range { argument: "side", largest: 3, got: 4 }));
        let oblong = Samples::new(vec![0; 12], vec![0], 12).unwrap();
        assert!(matches!(oblong.shrunk(2), Err(Error::Length { expected: 9, got: 12, .. })));
    }
}
