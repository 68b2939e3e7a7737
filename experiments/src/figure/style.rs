//! How one of several curves looks: by colour, and without colour by dashes and marks.

use plotters::element::DashedPathElement;
use plotters::prelude::*;

use super::{Area, DrawingError};

/// Colours of falling darkness.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 0, 0),
    RGBColor(0, 70, 160),
    RGBColor(190, 40, 30),
    RGBColor(20, 130, 90),
    RGBColor(150, 80, 180),
    RGBColor(215, 120, 0),
    RGBColor(70, 150, 210),
    RGBColor(130, 130, 130),
];

/// Lengths of a dash and of the gap after it; without a gap the line is whole.
const DASHES: [(i32, i32); 3] = [(1, 0), (9, 5), (3, 4)];

/// The look of one of several curves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    place: usize,
}

impl Look {
    /// The look of the curve at a place.
    pub(super) const fn of(place: usize) -> Self {
        Self { place }
    }

    pub(super) fn colour(self) -> RGBColor {
        COLOURS.get(self.place % COLOURS.len()).copied().unwrap_or(BLACK)
    }

    /// The dashes of the line.
    pub(super) fn dash(self) -> (i32, i32) {
        DASHES.get(self.place % DASHES.len()).copied().unwrap_or((1, 0))
    }

    /// A mark around (0, 0), in pixels: its outline, and whether it is filled.
    fn outline(self) -> (Vec<(i32, i32)>, bool) {
        let circle = (0..16).map(|corner| {
            let angle = f64::from(corner) * core::f64::consts::PI / 8.0;
            ((4.5 * angle.cos()).round() as i32, (4.5 * angle.sin()).round() as i32)
        });
        let outline = match self.place % 5 {
            0 => circle.collect(),
            1 => vec![(-4, -4), (4, -4), (4, 4), (-4, 4)],
            2 => vec![(0, -6), (5, 4), (-5, 4)],
            3 => vec![(0, -6), (6, 0), (0, 6), (-6, 0)],
            _ => vec![(0, 6), (5, -4), (-5, -4)],
        };
        (outline, (self.place / 5).is_multiple_of(2))
    }

    /// Draws the mark at a place of an area.
    pub(super) fn mark(self, area: &Area<'_>, (x, y): (i32, i32)) -> Result<(), DrawingError> {
        let (outline, filled) = self.outline();
        let outline: Vec<(i32, i32)> = outline.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
        let inside = if filled { self.colour() } else { WHITE };
        area.draw(&Polygon::new(outline.clone(), inside.filled()))?;
        let closed = outline.iter().chain(outline.first()).copied();
        area.draw(&PathElement::new(closed.collect::<Vec<_>>(), self.colour().stroke_width(2)))?;
        Ok(())
    }

    /// Draws a line of pixels.
    pub(super) fn line(self, area: &Area<'_>, points: &[(i32, i32)]) -> Result<(), DrawingError> {
        let style = self.colour().stroke_width(2);
        match self.dash() {
            (_, 0) => area.draw(&PathElement::new(points.to_vec(), style))?,
            (dash, gap) => {
                let dashed = DashedPathElement::new(points.to_vec(), dash, gap, style);
                area.draw(&dashed)?;
            }
        }
        Ok(())
    }
}

/// A legend, line by line: each with its look and whether it is that of a line.
pub(super) fn legend(area: &Area<'_>, lines: &[(Look, String)], with_line: bool) -> Result<(), DrawingError> {
    let text = ("sans-serif", 15).into_font();
    // Many lines stand closer, so that all of them fit.
    let (_, height) = area.dim_in_pixel();
    let step = (height as i32 / (lines.len() as i32 + 1)).min(24);
    for (row, (look, label)) in lines.iter().enumerate() {
        let y = step + step * row as i32;
        if with_line {
            look.line(area, &[(6, y), (42, y)])?;
        }
        look.mark(area, (24, y))?;
        area.draw(&Text::new(label.clone(), (52, y - 7), text.clone()))?;
    }
    Ok(())
}
