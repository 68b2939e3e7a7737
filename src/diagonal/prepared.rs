//! The form for inference: everything that does not depend on the input, computed once.

use crate::kernel::{Matrix, Rows, RowsMut, Simd, Workers, dispatch, dot, for_each_dot, task};
use crate::mixture::{
    Activations, CHUNK, Fields, LEAST_ROWS, Locals, PreActivations, activation_lens, fields_len, input_scale,
    largest_of, measure, scale_row, transpose_scaled, unscale_rows,
};
use crate::rectified::{in_range, norm};
use crate::slices::{Slice, after, cut, row, total, whole, zip_rows};
use crate::{Error, Real, Rectified, Scale, Shape, shape};

/// The constants of a prepared layer, as borrowed row-major slices: what an exported model holds.
#[derive(Debug, Clone, Copy)]
pub struct Constants<'a, T> {
    /// a = Uμ + v: `[components × outputs]`.
    pub a: &'a [T],
    /// W = U diag(σ²): `[components × outputs × inputs]`.
    pub w: &'a [T],
    /// The means μ: `[components × inputs]`.
    pub mu: &'a [T],
    /// The variances σ²: `[components × inputs]`.
    pub variance: &'a [T],
}

/// A layer prepared for inference.
///
/// ```text
/// h(x) = 1/K Σ_k [ a_k r_k + W_k x p_k ],   a = Uμ + v,   W = U diag(σ²)
/// ```
///
/// Made by [`Diagonal::prepare`](super::Diagonal::prepare), or from constants that were exported.
///
/// **Source**: Chewi, Rigollet & Yan (arXiv 2508.04883), eq. 6.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a, T> {
    shape: Shape,
    scale: Scale,
    constants: Constants<'a, T>,
    workers: Workers<'a>,
}

impl<'a, T: Real> Prepared<'a, T> {
    /// A prepared layer over borrowed constants, their mean over the components.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a block does not have the length that `shape` gives it.
    pub fn new(shape: Shape, constants: Constants<'a, T>) -> Result<Self, Error> {
        shape::exact("a", constants.a.len(), shape.v_len())?;
        shape::exact("w", constants.w.len(), shape.u_len())?;
        shape::exact("mu", constants.mu.len(), shape.mu_len())?;
        shape::exact("variance", constants.variance.len(), shape.sigma_len())?;
        Ok(Self { shape, scale: Scale::Mean, constants, workers: Workers::alone() })
    }

    /// The same layer with another scale.
    #[must_use]
    pub const fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// The same layer on several threads, with the same bits for any number; see
    /// [`Diagonal::with_threads`](crate::Diagonal::with_threads). Each thread takes whole chunks of 64 rows, and scratch
    /// of its own.
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(self, threads: &'a crate::Threads) -> Self {
        self.with_workers(threads.workers())
    }

    /// The same layer with other threads, or none.
    pub(super) fn with_workers(self, workers: Workers<'a>) -> Self {
        Self { workers, ..self }
    }

    /// What the sum over the components is divided by.
    pub(super) fn divisor(&self) -> T {
        self.scale.divisor(self.shape.components())
    }

    /// The sizes.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The constants.
    #[must_use]
    pub fn constants(&self) -> Constants<'a, T> {
        self.constants
    }

    /// The number of scratch elements that [`forward`](Self::forward) needs for `batch` rows, on as many threads as
    /// the layer has.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] when that number cannot be addressed.
    pub const fn scratch_len(&self, batch: usize) -> Result<usize, Error> {
        shape::product("scratch", total(&self.layout(Self::lanes(batch))), self.parts(batch))
    }

    /// The number of parts that the chunks are dealt to.
    const fn parts(&self, batch: usize) -> usize {
        let work = self.shape.u_len().saturating_add(self.shape.mu_len().saturating_mul(2));
        self.workers.parts(batch.div_ceil(CHUNK), work.saturating_mul(batch))
    }

    /// Scratch: the scales of the rows of a chunk, and the sizes of their largest inputs; Xᵀ and yᵀ; the activations; a
    /// row times its scale, and a direction; the pre-activations of a row.
    const fn layout(&self, lanes: usize) -> [usize; 7] {
        let (inputs, outputs, components) =
            (self.shape.inputs(), self.shape.outputs(), self.shape.components());
        [
            lanes,
            lanes,
            lanes.saturating_mul(inputs),
            lanes.saturating_mul(outputs),
            fields_len(components, activation_lens(lanes, outputs)),
            inputs.saturating_mul(2),
            PreActivations::<T>::len(components),
        ]
    }

    /// Rows of a chunk, rounded up to whole vectors; 0 for a batch that goes row by row.
    const fn lanes(batch: usize) -> usize {
        if batch < LEAST_ROWS {
            0
        } else if batch < CHUNK {
            whole(batch)
        } else {
            CHUNK
        }
    }

    /// Overwrites y with h(x).
    ///
    /// **Shapes**: `x: [batch × inputs]`, `y: [batch × outputs]`, row-major; `scratch`: at least
    /// [`scratch_len`](Self::scratch_len) elements, whose contents do not matter.
    ///
    /// **Accuracy**: as [`Diagonal`](super::Diagonal) says, for constants that are normal numbers or 0.
    ///
    /// # Errors
    ///
    /// As for [`Diagonal::forward`](super::Diagonal::forward).
    pub fn forward(&self, x: &[T], y: &mut [T], scratch: &mut [T]) -> Result<(), Error> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let batch = shape::rows("x", x.len(), inputs)?;
        shape::exact("y", y.len(), shape::product("y", batch, outputs)?)?;
        let scratch = shape::buffer("scratch", scratch, self.scratch_len(batch)?)?;
        let lanes = Self::lanes(batch);
        let layout = self.layout(lanes);
        let run = |first: usize, (y, scratch): (Fields<&mut [T], 1>, Locals<'_, T>)| {
            let [y] = y.fields;
            self.chunks(lanes, after(x, first * CHUNK * inputs), y, scratch.data);
        };
        let work = (Fields::one(CHUNK * outputs, y), Locals { data: scratch, each: total(&layout) });
        self.workers.in_parts(work, batch.div_ceil(CHUNK), self.parts(batch), &run);
        Ok(())
    }

    /// The rows of some chunks of so many lanes, or none of lanes.
    fn chunks(&self, lanes: usize, x: &[T], y: &mut [T], scratch: &mut [T]) {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let ([scales, sizes, x_transposed, y_transposed, activations, vectors, at], _) =
            cut(self.layout(lanes), scratch);
        let (scaled, direction) = vectors.divide(inputs);
        if lanes == 0 {
            let mut scratch = RowScratch { x: scaled, direction, at: PreActivations(at) };
            for (x, y) in zip_rows(x, inputs, y, outputs) {
                self.row(x, y, &mut scratch);
            }
            return;
        }
        let each = activation_lens(lanes, outputs);
        let (fields, _) = Fields::cut(self.shape.components(), each, activations);
        let activations = Activations::new(lanes, fields.fields);
        let mut chunk =
            Chunk { scales, sizes, x: x_transposed, y: y_transposed, activations, scaled, direction };
        for (x, y) in zip_rows(x, CHUNK * inputs, y, CHUNK * outputs) {
            self.chunk(x, y, &mut chunk);
        }
    }

    /// The rows of a chunk.
    fn chunk(&self, x: &[T], y: &mut [T], scratch: &mut Chunk<'_, T>) {
        let (shape, inputs, outputs) = (self.shape, self.shape.inputs(), self.shape.outputs());
        let Constants { a, w, mu, variance } = self.constants;
        let Chunk { scales, sizes, x: x_transposed, y: y_transposed, activations, scaled, direction } =
            scratch;
        measure(x, inputs, scales, sizes, input_scale);
        let (x_transposed, stride) = transpose_scaled(inputs, x, scales, x_transposed);
        for (component, w) in w.chunks_exact(shape.component_len()).enumerate() {
            let x = Rows { data: &*x_transposed, stride };
            activations.write_linear((component, 0), Matrix::rows(w, inputs), x, shape, &[]);
        }
        let matrices = (Matrix::rows(mu, inputs), Matrix::rows(variance, inputs));
        activations.write_moments(0, matrices, RowsMut { data: x_transposed, stride }, inputs);
        for (component, variance) in variance.chunks_exact(inputs).enumerate() {
            activations.rectify(component, sizes, |lane| {
                let scale = scales.get(lane).copied().unwrap_or_else(T::one);
                deviation(variance, scale_row(row(x, lane, inputs), scale, scaled), direction)
            });
        }
        activations.as_ref().write_values(0, (a, self.divisor()), outputs, y, y_transposed);
        unscale_rows(y, outputs, scales);
    }

    /// One row.
    fn row(&self, x: &[T], y: &mut [T], scratch: &mut RowScratch<'_, T>) {
        let size = largest_of(x);
        let scale = input_scale(size);
        let RowScratch { x: scaled, direction, at } = scratch;
        dispatch(ForwardRow, (self, (scale_row(x, scale, scaled), size), &mut *y, &mut **direction, at));
        unscale_rows(y, self.shape.outputs(), &[scale]);
    }
}

/// s of a row whose squares are out of range; `direction` is scratch.
#[cold]
pub(super) fn deviation<T: Real>(variance: &[T], x: &[T], direction: &mut [T]) -> T {
    for ((direction, &variance), &x) in direction.iter_mut().zip(variance).zip(x) {
        *direction = variance.sqrt() * x;
    }
    norm(direction).0
}

/// What a chunk takes.
struct Chunk<'a, T> {
    scales: &'a mut [T],
    sizes: &'a mut [T],
    x: &'a mut [T],
    y: &'a mut [T],
    activations: Activations<&'a mut [T]>,
    scaled: &'a mut [T],
    direction: &'a mut [T],
}

/// What one row takes.
struct RowScratch<'a, T> {
    /// The row times its scale.
    x: &'a mut [T],
    /// x∘x, or a direction: `[inputs]`.
    direction: &'a mut [T],
    at: PreActivations<'a, T>,
}

/// One row by itself, beside the size of its largest entry.
#[inline(always)]
fn forward_row<T: Real, S: Simd>(
    simd: S,
    layer: &Prepared<'_, T>,
    (x, size): (&[T], T),
    y: &mut [T],
    direction: &mut [T],
    at: &mut PreActivations<'_, T>,
) {
    let Prepared { shape, constants: Constants { a, w, mu, variance }, .. } = *layer;
    let divisor = layer.divisor();
    let (inputs, outputs) = (shape.inputs(), shape.outputs());
    for (square, &x) in direction.iter_mut().zip(x) {
        *square = x * x;
    }
    let (means, squares, _) = at.fields();
    for_each_dot(simd, mu, x, |component, dot| set(means, component, dot));
    for_each_dot(simd, variance, direction, |component, dot| set(squares, component, dot));
    at.rectify(simd);
    if size > T::zero() {
        for (at, (mu, variance)) in at.iter_mut().zip(zip_rows(mu, inputs, variance, inputs)) {
            if !in_range(*at.squares) {
                let at_row = Rectified::new(dot(mu, x), deviation(variance, x, direction));
                (*at.mean, *at.probability) = (at_row.mean, at_row.probability);
            }
        }
    }
    y.fill(T::zero());
    let (means, probabilities) = at.means_and_probabilities(shape.components());
    // The rows of all components are one matrix.
    let mut components = means.iter().zip(probabilities);
    let (mut r, mut p, mut output) = (T::zero(), T::zero(), outputs);
    for_each_dot(simd, w, x, |row, slope| {
        if output == outputs
            && let Some((&mean, &probability)) = components.next()
        {
            (r, p, output) = (mean, probability, 0);
        }
        if let Some((y, &a)) = y.get_mut(output).zip(a.get(row)) {
            *y += a * r + slope * p;
        }
        output += 1;
    });
    for y in y {
        *y /= divisor;
    }
}

task!(ForwardRow, forward_row, (
    layer: &'a Prepared<'b, T>,
    row: (&'a [T], T),
    y: &'a mut [T],
    direction: &'a mut [T],
    at: &'a mut PreActivations<'c, T>,
) -> ());

/// Writes one element, if there is one.
#[inline(always)]
fn set<T>(slice: &mut [T], index: usize, value: T) {
    if let Some(element) = slice.get_mut(index) {
        *element = value;
    }
}
