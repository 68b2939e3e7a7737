//! The layer as one would write it on a general matrix product, for comparison: textbook loops around
//! `matrixmultiply`.

#![allow(unsafe_code)] // matrixmultiply takes pointers

use gmlayer::{Rectified, random};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

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
    rows: Vec<f32>,
    variance: Vec<f32>,
    a: Vec<f32>,
    x: Vec<f32>,
    squares: Vec<f32>,
    g: Vec<f32>,
    projected: Vec<f32>,
    spread: Vec<f32>,
    y: Vec<f32>,
    of_rows: Vec<f32>,
    of_variance: Vec<f32>,
}

impl Plain {
    pub(crate) fn new(inputs: usize, outputs: usize, components: usize, batch: usize) -> Self {
        let mut generator = Pcg64::seed_from_u64(1);
        let mut normals = |len: usize| -> Vec<f32> {
            let mut normal = random::StandardNormal::new();
            (0..len).map(|_| 0.5 * normal.sample(&mut generator) as f32).collect()
        };
        let height = components * (outputs + 1);
        let x = normals(batch * inputs);
        Self {
            sizes: [inputs, outputs, components, batch],
            rows: normals(height * inputs),
            variance: vec![0.25; components * inputs],
            a: normals(components * outputs),
            squares: x.iter().map(|x| x * x).collect(),
            x,
            g: normals(batch * outputs),
            projected: vec![0.0; batch * height],
            spread: vec![0.0; batch * components],
            y: vec![0.0; batch * outputs],
            of_rows: vec![0.0; height * inputs],
            of_variance: vec![0.0; components * inputs],
        }
    }

    /// Operations of a forward pass.
    pub(crate) fn flop(&self) -> usize {
        let [inputs, outputs, components, batch] = self.sizes;
        2 * batch * inputs * components * (outputs + 2)
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
        product([height, batch, inputs], (&self.projected, true), (&self.x, false), &mut self.of_rows);
        product(
            [components, batch, inputs],
            (&self.spread, true),
            (&self.squares, false),
            &mut self.of_variance,
        );
        for (parameter, gradient) in self.rows.iter_mut().zip(&self.of_rows) {
            *parameter -= 1e-6 * gradient;
        }
        for (parameter, gradient) in self.variance.iter_mut().zip(&self.of_variance) {
            *parameter -= 1e-6 * gradient;
        }
    }
}
