//! An ONNX graph in the making. The numbers of fields and types are those of `onnx.proto`.

use super::message::Message;
use crate::failure::Failure;

/// The types of numbers.
const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// A value of the graph, by its name: an input, a constant or what a node gives.
pub(super) type Value = String;

/// An attribute of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Attribute {
    Int(&'static str, u64),
    Ints(&'static str, &'static [u64]),
}

impl Attribute {
    fn to_message(self) -> Message {
        let (name, ty) = match self {
            Self::Int(name, _) => (name, 2),
            Self::Ints(name, _) => (name, 7),
        };
        let message = Message::default().text(1, name);
        match self {
            Self::Int(_, value) => message.int(3, value),
            Self::Ints(_, values) => message.ints(8, values),
        }
        .int(20, ty)
    }
}

/// Nodes in the order in which they run, and constants.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// What the names of the layer at hand begin with.
    prefix: String,
    nodes: Vec<Message>,
    constants: Vec<Message>,
    /// The names of those constants that layers share.
    shared: Vec<Value>,
}

impl Graph {
    /// Begins a layer.
    pub(super) fn begin(&mut self, layer: usize) {
        self.prefix = format!("{layer}.");
    }

    /// The number of nodes.
    pub(super) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a node: what `operator` makes of the inputs.
    pub(super) fn apply(&mut self, operator: &str, inputs: &[&str]) -> Value {
        self.apply_with(operator, inputs, &[])
    }

    /// [`apply`](Self::apply) with attributes.
    pub(super) fn apply_with(&mut self, operator: &str, inputs: &[&str], attributes: &[Attribute]) -> Value {
        let output = format!("{}{operator}.{}", self.prefix, self.nodes.len());
        self.node(operator, inputs, &output, attributes);
        output
    }

    /// Names a value as the graph's output.
    pub(super) fn output(&mut self, name: &str, value: &str) {
        self.node("Identity", &[value], name, &[]);
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[Attribute]) {
        let attributes: Vec<Message> = attributes.iter().map(|attribute| attribute.to_message()).collect();
        let node = Message::default().texts(1, inputs).text(2, output).text(3, output).text(4, operator);
        self.nodes.push(node.messages(5, &attributes));
    }

    /// Adds a constant of the layer at hand, rounded to `f32`.
    pub(super) fn constant(
        &mut self,
        name: &str,
        sizes: &[usize],
        values: impl IntoIterator<Item = f64>,
    ) -> Result<Value, Failure> {
        let name = format!("{}{name}", self.prefix);
        let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        if !values.iter().all(|value| value.is_finite()) {
            return Err(Failure::other(format!("`{name}` holds a number that is too large for f32")));
        }
        let sizes: Vec<u64> = sizes.iter().map(|&size| size as u64).collect();
        self.tensor(&name, FLOAT, &sizes, values.iter().flat_map(|value| value.to_le_bytes()).collect());
        Ok(name)
    }

    /// A number that layers share.
    pub(super) fn scalar(&mut self, value: f32) -> Value {
        self.shared(format!("{value:e}"), FLOAT, &[], value.to_le_bytes().to_vec())
    }

    /// Sizes or axes; −1 is the size that follows from the others.
    pub(super) fn integers(&mut self, values: &[i64]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.shared(format!("{values:?}"), INT64, &[values.len() as u64], bytes)
    }

    fn shared(&mut self, name: String, ty: u64, sizes: &[u64], bytes: Vec<u8>) -> Value {
        if !self.shared.contains(&name) {
            self.tensor(&name, ty, sizes, bytes);
            self.shared.push(name.clone());
        }
        name
    }

    fn tensor(&mut self, name: &str, ty: u64, sizes: &[u64], bytes: Vec<u8>) {
        self.constants.push(Message::default().ints(1, sizes).int(2, ty).text(8, name).bytes(9, &bytes));
    }

    /// The graph with its input and output, each rows of so many numbers.
    pub(super) fn into_message(self, inputs: (&str, usize), outputs: (&str, usize)) -> Message {
        Message::default()
            .messages(1, &self.nodes)
            .text(2, "gmlayer")
            .messages(5, &self.constants)
            .message(11, &rows(inputs))
            .message(12, &rows(outputs))
    }
}

/// A value of `[N × width]` numbers.
fn rows((name, width): (&str, usize)) -> Message {
    let sizes = [Message::default().text(2, "N"), Message::default().int(1, width as u64)];
    let shape = Message::default().messages(1, &sizes);
    let tensor = Message::default().int(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
