//! The hand that writes: every random choice of an image.

use rand_core::Rng;
use rand_pcg::Pcg64;

use super::DIGITS_SIDE;
use super::canvas::{Canvas, Pen};
use super::glyph::{GLYPHS, Point, Stroke};

/// The lines that a spline takes from one of its points to the next.
const LINES_OF_A_CURVE: usize = 5;

/// Draws digits with the chances of a random generator.
pub(super) struct Hand {
    generator: Pcg64,
}

/// How the unit square lies on the paper: a smooth random warp, then an affine map.
struct Placement {
    /// Displacements at the corners of a grid over the unit square.
    warp: [[Point; GRID + 1]; GRID + 1],
    /// The affine map's matrix, from the unit square's centre to pixels.
    matrix: [Point; 2],
    /// Where the centre lands, in pixels.
    centre: Point,
}

/// The cells of the warp along each axis.
const GRID: usize = 3;

impl Hand {
    pub(super) fn new(generator: Pcg64) -> Self {
        Self { generator }
    }

    /// Draws one digit; `label` is 0 to 9.
    pub(super) fn draw(&mut self, label: u8, canvas: &mut Canvas) {
        let pen = Pen {
            radius: self.between(0.9, 1.9),
            softness: self.between(0.8, 1.6),
            ink: self.between(0.7, 1.0),
        };
        let placement = self.placement();
        let glyphs = GLYPHS.get(usize::from(label)).copied().unwrap_or_default();
        let glyph = glyphs.get(self.below(glyphs.len())).copied().unwrap_or_default();
        for stroke in glyph {
            match stroke {
                Stroke::Lines(points) => lines(canvas, &pen, points.iter().map(|&point| placement.of(point))),
                Stroke::Curve(points) => {
                    lines(canvas, &pen, curve(points).map(|point| placement.of(point)));
                }
            }
        }
        if self.below(4) == 0 {
            self.stray_mark(canvas);
        }
        let grain = self.between(0.0, 0.08);
        canvas.add(|| self.between(-grain, grain));
    }

    /// A random place, slant, turn, size and warp.
    fn placement(&mut self) -> Placement {
        let warp = [[(); GRID + 1]; GRID + 1]
            .map(|row| row.map(|()| [self.between(-0.07, 0.07), self.between(-0.07, 0.07)]));
        let side = DIGITS_SIDE as f64;
        let height = self.between(0.55, 0.75) * side;
        let width = self.between(0.55, 0.85) * height;
        let slant = self.between(-0.3, 0.3);
        // A small turn, from the tangent of half its angle.
        let half = self.between(-0.1, 0.1);
        let (cosine, sine) = ((1.0 - half * half) / (1.0 + half * half), 2.0 * half / (1.0 + half * half));
        let matrix = [
            [cosine * width, -cosine * slant * height - sine * height],
            [sine * width, -sine * slant * height + cosine * height],
        ];
        let centre = [side / 2.0 + self.between(-2.5, 2.5), side / 2.0 + self.between(-2.5, 2.5)];
        Placement { warp, matrix, centre }
    }

    /// A short faint line anywhere.
    fn stray_mark(&mut self, canvas: &mut Canvas) {
        let side = DIGITS_SIDE as f64;
        let pen = Pen { radius: self.between(0.4, 0.9), softness: 1.0, ink: self.between(0.3, 0.8) };
        let from = [self.between(0.0, side), self.between(0.0, side)];
        let to = from.map(|coordinate| coordinate + self.between(-5.0, 5.0));
        canvas.line(&pen, from, to);
    }

    /// A random number between two bounds.
    fn between(&mut self, low: f64, high: f64) -> f64 {
        let bits = self.generator.next_u64() >> 11;
        low + (high - low) * (bits as f64 / (1_u64 << 53) as f64)
    }

    /// A random whole number below `count`.
    fn below(&mut self, count: usize) -> usize {
        self.between(0.0, count as f64) as usize
    }
}

impl Placement {
    /// Where a point of the unit square lies, in pixels.
    fn of(&self, point: Point) -> Point {
        let cell = point.map(|coordinate| ((coordinate * GRID as f64) as usize).min(GRID - 1));
        let [x, y] = [0, 1].map(|axis| point[axis] * GRID as f64 - cell[axis] as f64);
        let corner = |right: usize, down: usize| self.warp[cell[1] + down][cell[0] + right];
        let [warped_x, warped_y] = [0, 1].map(|axis| {
            let top = corner(0, 0)[axis] * (1.0 - x) + corner(1, 0)[axis] * x;
            let bottom = corner(0, 1)[axis] * (1.0 - x) + corner(1, 1)[axis] * x;
            point[axis] - 0.5 + top * (1.0 - y) + bottom * y
        });
        [0, 1]
            .map(|axis| self.centre[axis] + self.matrix[axis][0] * warped_x + self.matrix[axis][1] * warped_y)
    }
}

/// Joins the points by lines.
fn lines(canvas: &mut Canvas, pen: &Pen, mut points: impl Iterator<Item = Point>) {
    let Some(mut from) = points.next() else { return };
    for to in points {
        canvas.line(pen, from, to);
        from = to;
    }
}

/// Points along a uniform Catmull-Rom spline; the end points count twice.
fn curve(points: &[Point]) -> impl Iterator<Item = Point> {
    let last = points.len().saturating_sub(1);
    (0..=last * LINES_OF_A_CURVE).map(move |step| {
        let index = step / LINES_OF_A_CURVE;
        let t = (step % LINES_OF_A_CURVE) as f64 / LINES_OF_A_CURVE as f64;
        let at = |index: usize| points.get(index.min(last)).copied().unwrap_or_default();
        let [before, here, next, after] =
            [at(index.saturating_sub(1)), at(index), at(index + 1), at(index + 2)];
        [0, 1].map(|axis| {
            let slope = (next[axis] - before[axis]) / 2.0;
            let next_slope = (after[axis] - here[axis]) / 2.0;
            let change = next[axis] - here[axis];
            let square = 3.0 * change - 2.0 * slope - next_slope;
            let cube = slope + next_slope - 2.0 * change;
            here[axis] + t * (slope + t * (square + t * cube))
        })
    })
}
