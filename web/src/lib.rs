//! One layer on images of 28 × 28 pixels for a web page: the scores of an image, what each component adds to them,
//! and the pixels that it does so by.
//!
//! The page asks for the addresses of the buffers, writes parameters and pixels there and reads results. All memory is
//! static. A function that says whether it went well returns 1 or 0.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![allow(unsafe_code, reason = "the attribute `no_mangle`, and nothing else")]

mod layer;

use gmlayer::Error;
use layer::{INPUTS, Kind, Layer, OUTPUTS};
use spin::{Mutex, MutexGuard};

/// The parameters of the largest layer: 4 MiB.
const PARAMETERS: usize = 1 << 20;
/// The most components.
const COMPONENTS: usize = 1 << 10;
/// Saved activations and scratch of the largest layer.
const WORK: usize = 1 << 21;

/// Zeros, which the file of the module need not hold.
struct Buffers {
    parameters: [f32; PARAMETERS],
    image: [f32; INPUTS],
    scores: [f32; OUTPUTS],
    shares: [[f32; OUTPUTS]; COMPONENTS],
    inputs: [[f32; 3]; COMPONENTS],
    slopes: [f32; INPUTS],
    work: [f32; WORK],
}

static KIND: Mutex<Option<Kind>> = Mutex::new(None);
static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers {
    parameters: [0.0; PARAMETERS],
    image: [0.0; INPUTS],
    scores: [0.0; OUTPUTS],
    shares: [[0.0; OUTPUTS]; COMPONENTS],
    inputs: [[0.0; 3]; COMPONENTS],
    slopes: [0.0; INPUTS],
    work: [0.0; WORK],
});

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

fn buffers() -> MutexGuard<'static, Buffers> {
    BUFFERS.lock()
}

/// Where the parameters go, block after block as in a checkpoint.
#[unsafe(no_mangle)]
pub extern "C" fn parameters() -> *mut f32 {
    buffers().parameters.as_mut_ptr()
}

/// Where the image goes: `[784]`, row by row, ink from 0 to 1.
#[unsafe(no_mangle)]
pub extern "C" fn image() -> *mut f32 {
    buffers().image.as_mut_ptr()
}

/// The scores of the image: `[10]`.
#[unsafe(no_mangle)]
pub extern "C" fn scores() -> *const f32 {
    buffers().scores.as_ptr()
}

/// What each component adds to them: `[components × 10]`.
#[unsafe(no_mangle)]
pub extern "C" fn shares() -> *const f32 {
    buffers().shares.as_ptr().cast()
}

/// Mean and standard deviation of the input of each component's neurons, and the part of them whose input is above 0:
/// `[components × 3]`.
#[unsafe(no_mangle)]
pub extern "C" fn inputs() -> *const f32 {
    buffers().inputs.as_ptr().cast()
}

/// The slope of a score: `[784]`.
#[unsafe(no_mangle)]
pub extern "C" fn slopes() -> *const f32 {
    buffers().slopes.as_ptr()
}

/// The next parameters are those of a layer with diagonal covariance.
#[unsafe(no_mangle)]
pub extern "C" fn diagonal(components: usize, centred: bool, sum: bool) -> bool {
    take(Kind::diagonal(components, centred, sum))
}

/// The next parameters are those of a layer with a joint covariance.
#[unsafe(no_mangle)]
pub extern "C" fn joint(components: usize, rank: usize, tied: bool, sum: bool) -> bool {
    take(Kind::joint(components, rank, tied, sum))
}

/// Writes the scores.
#[unsafe(no_mangle)]
pub extern "C" fn predict() -> bool {
    buffers().predict(*KIND.lock()).is_some()
}

/// Writes the shares, whose sum is the scores, and the inputs.
#[unsafe(no_mangle)]
pub extern "C" fn explain() -> bool {
    buffers().explain(*KIND.lock()).is_some()
}

/// Writes the slope of the score of a class. The ink times the slope, summed over the pixels, is that score.
#[unsafe(no_mangle)]
pub extern "C" fn slope(class: usize) -> bool {
    buffers().slope(*KIND.lock(), None, class).is_some()
}

/// Writes the slope of what one component adds to the score of a class.
#[unsafe(no_mangle)]
pub extern "C" fn component_slope(component: usize, class: usize) -> bool {
    buffers().slope(*KIND.lock(), Some(component), class).is_some()
}

/// Whether a layer is one that there is room for: then it is the layer from here on.
fn take(kind: Result<Kind, Error>) -> bool {
    let kind = kind.ok().filter(|&kind| buffers().have_room(kind) == Some(true));
    *KIND.lock() = kind;
    kind.is_some()
}

impl Buffers {
    fn have_room(&self, kind: Kind) -> Option<bool> {
        let parameters = self.parameters.get(..kind.parameter_count())?;
        let (saved, scratch) = Layer::of(kind, parameters).ok()?.lens().ok()?;
        Some(kind.components() <= COMPONENTS && saved.saturating_add(scratch) <= WORK)
    }

    fn predict(&mut self, kind: Option<Kind>) -> Option<()> {
        let Self { parameters, image, scores, work, .. } = self;
        let kind = kind?;
        let layer = Layer::of(kind, parameters.get(..kind.parameter_count())?).ok()?;
        let (saved, scratch) = work.split_at_mut_checked(layer.lens().ok()?.0)?;
        layer.forward(image, scores, saved, scratch).ok()
    }

    fn explain(&mut self, kind: Option<Kind>) -> Option<()> {
        let Self { parameters, image, shares, inputs, work, .. } = self;
        let kind = kind?;
        let parameters = parameters.get(..kind.parameter_count())?;
        let divisor = divisor(kind);
        for (index, (shares, input)) in shares.iter_mut().zip(inputs).take(kind.components()).enumerate() {
            let layer = Layer::component(kind, parameters, index).ok()?;
            let (saved, scratch) = work.split_at_mut_checked(layer.lens().ok()?.0)?;
            layer.forward(image, shares, saved, scratch).ok()?;
            shares.iter_mut().for_each(|share| *share /= divisor);
            *input = layer.input(image);
        }
        Some(())
    }

    fn slope(&mut self, kind: Option<Kind>, component: Option<usize>, class: usize) -> Option<()> {
        let Self { parameters, image, slopes, work, .. } = self;
        let kind = kind?;
        let parameters = parameters.get(..kind.parameter_count())?;
        let (layer, divisor) = match component {
            None => (Layer::of(kind, parameters).ok()?, 1.0),
            Some(index) => (Layer::component(kind, parameters, index).ok()?, divisor(kind)),
        };
        let (saved, scratch) = work.split_at_mut_checked(layer.lens().ok()?.0)?;
        layer.forward(image, &mut [0.0; OUTPUTS], saved, scratch).ok()?;
        let mut g = [0.0; OUTPUTS];
        *g.get_mut(class)? = 1.0 / divisor;
        layer.slope(image, &g, saved, slopes, scratch).ok()
    }
}

/// What a layer divides the sum over its components by.
fn divisor(kind: Kind) -> f32 {
    let scale = match kind {
        Kind::Diagonal(_, form) => form.scale,
        Kind::Joint(_, scale) => scale,
    };
    match scale {
        gmlayer::Scale::Mean => kind.components() as f32,
        gmlayer::Scale::Sum => 1.0,
    }
}
