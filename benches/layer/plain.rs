//! The layer as one would write it on a general matrix product, for comparison: textbook loops around
//! `matrixmultiply`.

#![allow(unsafe_code)] // matrixmultiply takes pointers

use gmlayer::{Aligned, Error, Rectified};

use crate::numbers::{images, normals};

/// C = A·B + β C for row-major matrices `[rows × terms]` and `[terms × columns]`, or their transposes.
fn product(
    [rows, terms, columns]: [usize; 3],
    (a, a_transposed): (&[f32], bool),
    (b, b_transposed): (&[f32], bool),
    c: &mut [f32],
) {
    assert!(a.len() >= rows * terms && b.len() >= terms * columns && c.len() >= rows * columns);
    let strides = |transposed: bool, height: usize, width: usize| {
        if transposed { (1, height as isize) } else { (width as isize, 1) }
    };
    let (a_row, a_column) = strides(a_transposed, rows, terms);
    let (b_row, b_column) = strides(b_transposed, terms, columns);
    // SAFETY: the lengths were checked above.
    unsafe {
        matrixmultiply::sgemm(
            rows,
            terms,
            columns,
            1.0,
            a.as_ptr(),
            a_row,
            a_column,
            b.as_ptr(),
            b_row,
            b_column,
            0.0,
            c.as_mut_ptr(),
            columns as isize,
            1,
        );
    }
}

/// A layer with its batch: `rows` of every component hold μ and W, one after the other.
pub(crate) struct Plain {
    sizes: [usize; 4],
    rows: Aligned<f32>,
    variance: Aligned<f32>,
    a: Aligned<f32>,
    x: Aligned<f32>,
    squares: Aligned<f32>,
    g: Aligned<f32>,
    projected: Aligned<f32>,
    spread: Aligned<f32>,
    y: Aligned<f32>,
    d_rows: Aligned<f32>,
    d_variance: Aligned<f32>,
}

impl Plain {
    pub(crate) fn new(inputs: usize, outputs: usize, components: usize, batch: usize) -> Result<Self, Error> {
        let height = components * (outputs + 1);
        let x = images(batch * inputs)?;
        let (mut variance, mut squares) = (Aligned::zeros(components * inputs)?, Aligned::copy_of(&x)?);
        variance.fill(0.25);
        squares.iter_mut().for_each(|x| *x *= *x);
        Ok(Self {
            sizes: [inputs, outputs, components, batch],
            rows: normals(height * inputs, 0.5)?,
            variance,
            a: normals(components * outputs, 0.5)?,
            x,
            squares,
            g: normals(batch * outputs, 1e-3)?,
            projected: Aligned::zeros(batch * height)?,
            spread: Aligned::zeros(batch * components)?,
            y: Aligned::zeros(batch * outputs)?,
            d_rows: Aligned::zeros(height * inputs)?,
            d_variance: Aligned::zeros(components * inputs)?,
        })
    }

    /// Operations of a forward pass; a multiply-add counts as two.
    pub(crate) fn flop(&self) -> u64 {
        let [inputs, outputs, components, batch] = self.sizes;
        (2 * batch * inputs * components * (outputs + 2)) as u64
    }

    /// h of every row.
    pub(crate) fn forward(&mut self) {
        let [inputs, outputs, components, batch] = self.sizes;
        let height = components * (outputs + 1);
        product([batch, inputs, height], (&self.x, false), (&self.rows, true), &mut self.projected);
        product(
            [batch, inputs, components],
            (&self.squares, false),
            (&self.variance, true),
            &mut self.spread,
        );
        self.y.fill(0.0);
        for row in 0..batch {
            for k in 0..components {
                let projected = &self.projected[row * height + k * (outputs + 1)..][..outputs + 1];
                let at = Rectified::new(projected[0], self.spread[row * components + k].sqrt());
                let y = &mut self.y[row * outputs..][..outputs];
                let a = &self.a[k * outputs..][..outputs];
                for ((y, a), slope) in y.iter_mut().zip(a).zip(&projected[1..]) {
                    *y += (a * at.mean + slope * at.probability) / components as f32;
                }
            }
        }
    }

    /// The forward pass, the cotangents, and the two large products of the backward pass.
    pub(crate) fn step(&mut self) {
        self.forward();
        let [inputs, outputs, components, batch] = self.sizes;
        let height = components * (outputs + 1);
        for row in 0..batch {
            let g = &self.g[row * outputs..][..outputs];
            for k in 0..components {
                let projected = &mut self.projected[row * height + k * (outputs + 1)..][..outputs + 1];
                let s = self.spread[row * components + k].sqrt();
                let at = Rectified::new(projected[0], s);
                let a = &self.a[k * outputs..][..outputs];
                let rho: f32 = g.iter().zip(a).map(|(g, a)| g * a).sum();
                let pi: f32 = g.iter().zip(&projected[1..]).map(|(g, slope)| g * slope).sum();
                self.spread[row * components + k] = (rho * at.density - pi / s * at.density_moment) / s;
                projected[0] = rho * at.probability + pi / s * at.density;
                for (slope, g) in projected[1..].iter_mut().zip(g) {
                    *slope = g * at.probability;
                }
            }
        }
        product([height, batch, inputs], (&self.projected, true), (&self.x, false), &mut self.d_rows);
        product(
            [components, batch, inputs],
            (&self.spread, true),
            (&self.squares, false),
            &mut self.d_variance,
        );
        for (parameter, gradient) in self.rows.iter_mut().zip(self.d_rows.iter()) {
            *parameter -= 1e-9 * gradient;
        }
        for (parameter, gradient) in self.variance.iter_mut().zip(self.d_variance.iter()) {
            *parameter -= 1e-9 * gradient;
        }
    }
}
