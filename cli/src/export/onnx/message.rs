//! Protocol buffers as far as ONNX needs them: fields of integers, of bytes and of other messages.
//!
//! A field is a key, its number times 8 plus its wire type, and a value: a varint (type 0), seven bits a byte with the
//! lowest first, or a length as a varint and so many bytes (type 2). A repeated field is there several times.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding>.

/// A message in its wire format.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// With an integer.
    pub(super) fn int(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    /// With each of several integers.
    pub(super) fn ints(self, field: u64, values: &[u64]) -> Self {
        values.iter().fold(self, |message, &value| message.int(field, value))
    }

    /// With bytes.
    pub(super) fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    /// With text.
    pub(super) fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    /// With each of several texts.
    pub(super) fn texts(self, field: u64, values: &[&str]) -> Self {
        values.iter().fold(self, |message, value| message.text(field, value))
    }

    /// With a message.
    pub(super) fn message(self, field: u64, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// With each of several messages.
    pub(super) fn messages(self, field: u64, values: &[Self]) -> Self {
        values.iter().fold(self, |message, value| message.message(field, value))
    }

    /// The bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    /// The examples of the specification.
    #[test]
    fn the_wire_format() {
        assert_eq!(Message::default().int(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
        assert_eq!(Message::default().text(2, "testing").into_bytes(), *b"\x12\x07testing");
        let inner = Message::default().int(1, 150);
        assert_eq!(Message::default().message(3, &inner).into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(
            Message::default().int(1, u64::MAX).into_bytes()[1..],
            [[0xff; 9].as_slice(), &[1]].concat()
        );
        assert_eq!(Message::default().ints(1, &[1, 2]).into_bytes(), [0x08, 1, 0x08, 2]);
        assert_eq!(Message::default().int(20, 0).into_bytes(), [0xa0, 0x01, 0], "a key of two bytes");
    }
}
