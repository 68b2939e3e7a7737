//! Exported models as source text.

use core::fmt::Display;
use std::fmt::Write;

use gmlayer::compact::Checksum;

use super::{Block, Exported, Values};
use crate::arguments::Precision;

/// The width of a line.
const WIDTH: usize = 110;

/// How every Rust module begins.
pub(super) const RUST_START: &str = "// Written by `gmlayer export`";

/// How every C header begins.
pub(super) const C_START: &str = "/* Written by `gmlayer export`";

/// What a Rust module says of a model besides its arrays.
struct RustModel {
    /// Its imports besides that of the shape.
    imports: &'static str,
    /// The type of the shape and of its path.
    shape: (&'static str, &'static str),
    /// The item that puts the arrays together.
    item: String,
}

impl RustModel {
    fn of(exported: &Exported, precision: Precision, blocks: &[Block]) -> Self {
        let fields: Vec<String> =
            blocks.iter().map(|block| format!("{}: &{}", block.name, block.name.to_uppercase())).collect();
        let fields = fields.join(", ");
        if let Exported::Joint(_, scale) = exported {
            return Self {
                imports: "use gmlayer::Error;\nuse gmlayer::joint::{Constants, Prepared, Scale};\n",
                shape: ("JointShape", "gmlayer::joint::JointShape"),
                item: format!(
                    "/// The model, for `model()?.forward(x, y, scratch)` with a `scratch` of `scratch_len(rows)` numbers.\n\
                     ///\n/// # Errors\n///\n/// None that these arrays can cause.\n\
                     pub fn model() -> Result<Prepared<'static, f32>, Error> {{\n    \
                         let model = Prepared::new(SHAPE, Constants {{ {fields} }})?;\n    \
                         Ok(model.with_scale(Scale::{scale:?}))\n}}\n"
                ),
            };
        }
        let (imports, model, constants, scratch) = match precision {
            Precision::F32 => (FLOATING, "Floating<'static, f32>", "Constants", "f32"),
            Precision::F16 => (FLOATING, "Floating<'static, u16>", "Constants", "f32"),
            Precision::I8 => (
                "use gmlayer::compact::{Quantised, QuantisedConstants};\n",
                "Quantised<'static, i8>",
                "QuantisedConstants",
                "i16",
            ),
        };
        Self {
            imports,
            shape: ("Shape", "gmlayer::Shape"),
            item: format!(
                "/// The model, for `MODEL.forward(x, y, scratch)` with a `scratch` of `MODEL.scratch_len()` numbers of type \
                 {scratch}.\n\
                 pub const MODEL: {model} = match {}::new(SHAPE, {constants} {{ {fields} }}) {{\n    \
                     Ok(model) => model,\n    Err(_) => panic!(\"the lengths are wrong\"),\n}};\n",
                model.split('<').next().unwrap_or_default(),
            ),
        }
    }
}

const FLOATING: &str = "use gmlayer::compact::Floating;\nuse gmlayer::diagonal::Constants;\n";

/// A Rust module for the crate gmlayer: the arrays, the model over them, and a test vector.
pub(super) fn rust(
    exported: &Exported,
    precision: Precision,
    blocks: &[Block],
    test_vector: Option<(&[f32], &[f32])>,
) -> String {
    let RustModel { imports, shape: (shape, path), item } = RustModel::of(exported, precision, blocks);
    let mut text = format!("{RUST_START}.\n\nuse {path};\n");
    if test_vector.is_some() {
        text.push_str(imports);
    }
    let (names, sizes): (Vec<_>, Vec<_>) = exported.sizes().into_iter().unzip();
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let about: Vec<String> = sizes
        .iter()
        .zip(&names)
        .map(|(size, &name)| if name == "rank" { format!("rank {size}") } else { format!("{size} {name}") })
        .chain(exported.is_tied().then(|| "tied".to_owned()))
        .collect();
    let tied = if exported.is_tied() { ".tied()" } else { "" };
    let _ = write!(
        text,
        "\n/// {}.\npub const SHAPE: {shape} = match {shape}::new({}) {{\n    \
             Ok(shape) => shape{tied},\n    Err(_) => panic!(\"the sizes are wrong\"),\n}};\n",
        about.join(", "),
        sizes.join(", ")
    );
    if test_vector.is_some() {
        let _ = write!(text, "\n{item}");
    }
    let mut array = |name: &str, about: &str, values: &Values| {
        let kind = match values {
            Values::F32(_) => "f32",
            Values::F16(_) => "u16",
            Values::I8(_) => "i8",
        };
        let name = name.to_uppercase();
        let _ = write!(text, "\n/// {about}\npub static {name}: [{kind}; {}] = [\n", values.len());
        push_values(&mut text, values, "");
        text.push_str("];\n");
    };
    for block in blocks {
        array(block.name, &block.about, &block.values);
    }
    if let Some((x, y)) = test_vector {
        array("input", "An input to test the model with.", &Values::F32(x.to_vec()));
        array("output", "What the model gives for it, to the bit.", &Values::F32(y.to_vec()));
    }
    text
}

/// A C header with the same arrays, all names of which begin with `name`.
///
/// Its guard has the checksum of the numbers too: of two models with one name the second is not left out, which the
/// compiler tells.
pub(super) fn c(
    name: &str,
    exported: &Exported,
    blocks: &[Block],
    test_vector: Option<(&[f32], &[f32])>,
) -> String {
    let capitals = name.to_uppercase();
    let sum = blocks.iter().fold(Checksum::new(), |sum, block| sum.with(&block.values.to_le_bytes()));
    let guard = format!("GMLAYER_EXPORT_{name}_{:08X}_H", sum.value());
    let mut text = format!("{C_START}. */\n#ifndef {guard}\n#define {guard}\n\n#include <stdint.h>\n\n");
    for (size, value) in exported.sizes() {
        let _ = writeln!(text, "#define {capitals}_{} {value}", size.to_uppercase());
    }
    if exported.is_tied() {
        let _ = writeln!(text, "#define {capitals}_TIED 1");
    }
    let mut array = |block: &str, about: &str, values: &Values| {
        let (kind, ending) = match values {
            Values::F32(_) => ("float", "f"),
            Values::F16(_) => ("uint16_t", ""),
            Values::I8(_) => ("int8_t", ""),
        };
        let _ = write!(text, "\n/* {about} */\nstatic const {kind} {name}_{block}[{}] = {{\n", values.len());
        push_values(&mut text, values, ending);
        text.push_str("};\n");
    };
    for block in blocks {
        array(block.name, &block.about, &block.values);
    }
    if let Some((x, y)) = test_vector {
        array("input", "An input to test the model with.", &Values::F32(x.to_vec()));
        array("output", "What the model gives for it, to the bit.", &Values::F32(y.to_vec()));
    }
    let _ = writeln!(text, "\n#endif");
    text
}

/// The values of an array, in lines: each number the shortest text that gives its bits back.
fn push_values(text: &mut String, values: &Values, ending: &str) {
    match values {
        Values::F32(values) => push_lines(text, values.iter().map(|value| format!("{value:e}{ending}"))),
        Values::F16(values) => {
            push_lines(text, values.iter().map(|value| format!("{:#06x}", value.to_bits())))
        }
        Values::I8(values) => push_lines(text, values),
    }
}

fn push_lines<V: Display>(text: &mut String, values: impl IntoIterator<Item = V>) {
    let mut line = String::new();
    for value in values {
        let value = value.to_string();
        if !line.is_empty() && 4 + line.len() + value.len() + 2 > WIDTH {
            let _ = writeln!(text, "    {}", line.trim_end());
            line.clear();
        }
        let _ = write!(line, "{value}, ");
    }
    let _ = writeln!(text, "    {}", line.trim_end());
}
