//! A grey-level picture that a round pen draws on.

use super::DIGITS_SIDE;
use super::glyph::Point;

/// The ink on each pixel, from 0 to 1.
pub(super) struct Canvas {
    ink: [[f64; DIGITS_SIDE]; DIGITS_SIDE],
}

/// A round pen, in pixels.
pub(super) struct Pen {
    /// Half the width of a line.
    pub(super) radius: f64,
    /// The width of the rim in which the ink fades.
    pub(super) softness: f64,
    /// The ink in the middle of a line, at most 1.
    pub(super) ink: f64,
}

impl Canvas {
    pub(super) fn new() -> Self {
        Self { ink: [[0.0; DIGITS_SIDE]; DIGITS_SIDE] }
    }

    /// Draws a straight line between two points in pixels. Ink does not add up where lines cross.
    pub(super) fn line(&mut self, pen: &Pen, from: Point, to: Point) {
        let reach = pen.radius + pen.softness;
        let [columns, rows] = [0, 1]
            .map(|axis| pixels_between(from[axis].min(to[axis]) - reach, from[axis].max(to[axis]) + reach));
        for (row, ink) in self.ink.iter_mut().enumerate().take(rows.1).skip(rows.0) {
            for (column, ink) in ink.iter_mut().enumerate().take(columns.1).skip(columns.0) {
                let distance = distance([column as f64 + 0.5, row as f64 + 0.5], from, to);
                let coverage = 0.5 + (pen.radius - distance) / pen.softness;
                *ink = ink.max(pen.ink * coverage.clamp(0.0, 1.0));
            }
        }
    }

    /// Adds to the ink of each pixel, in reading order.
    pub(super) fn add(&mut self, mut grain: impl FnMut() -> f64) {
        for ink in self.ink.iter_mut().flatten() {
            *ink += grain();
        }
    }

    /// The pixels, row by row, rounded to bytes.
    pub(super) fn pixels(&self) -> impl Iterator<Item = u8> {
        self.ink.iter().flatten().map(|ink| (ink.clamp(0.0, 1.0) * 255.0 + 0.5) as u8)
    }
}

/// The first pixel and the one past the last whose centres can lie between two coordinates.
fn pixels_between(low: f64, high: f64) -> (usize, usize) {
    (low.max(0.0) as usize, (high.max(0.0) as usize).saturating_add(1))
}

/// The distance of a point from a line segment.
fn distance(point: Point, from: Point, to: Point) -> f64 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let offset = [point[0] - from[0], point[1] - from[1]];
    let square = along[0] * along[0] + along[1] * along[1];
    let product = offset[0] * along[0] + offset[1] * along[1];
    // The nearest point of the segment, as a fraction of its length.
    let fraction = if square > 0.0 { (product / square).clamp(0.0, 1.0) } else { 0.0 };
    let [x, y] = [offset[0] - fraction * along[0], offset[1] - fraction * along[1]];
    libm::sqrt(x * x + y * y)
}
