//! What an instruction does with floating-point numbers.

use iced_x86::{FlowControl, Instruction, OpKind, Register};

/// Work on floating-point numbers, beyond moving them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    /// The bytes of a vector; none where one number is worked on at a time.
    pub(crate) bytes: Option<usize>,
    /// The kind of operation.
    pub(crate) kind: &'static str,
}

/// What names of instructions hold, and the kind of operation that it means. Choices are of one kind, because a
/// compiler writes the same one in many ways.
const KINDS: [(&str, &str); 14] = [
    ("madd", "fused"),
    ("msub", "fused"),
    ("addsub", "add"),
    ("add", "add"),
    ("sub", "add"),
    ("mul", "multiply"),
    ("div", "divide"),
    ("sqrt", "root"),
    ("cvt", "convert"),
    ("rndscale", "round"),
    ("round", "round"),
    ("max", CHOICE),
    ("min", CHOICE),
    ("cmp", CHOICE),
];

/// The kind of comparisons, and of the larger and the smaller.
pub(crate) const CHOICE: &str = "choose";

/// The work of an instruction, from its name: `…ss` and `…sd` are scalar, `…ps` and `…pd` packed.
pub(crate) fn work(instruction: &Instruction) -> Option<Work> {
    let name = format!("{:?}", instruction.mnemonic()).to_lowercase();
    let name = name.strip_prefix('v').unwrap_or(&name);
    let named = |name: &str| KINDS.iter().find(|(part, _)| name.contains(part)).map(|(_, kind)| *kind);
    let moves = ["mov", "broadcast", "insert", "compress", "expand"].iter().any(|part| name.contains(part));
    // Sizes are compared as integers without a sign.
    let sizes = name.starts_with("pmaxu") || name.starts_with("pminu");
    if (name.starts_with('p') && !sizes) || moves {
        return None; // other integers, and numbers that go elsewhere
    }
    if name.ends_with("ss") || name.ends_with("sd") {
        return Some(Work { bytes: None, kind: named(name).unwrap_or(CHOICE) }); // (u)comiss has no name of its own
    }
    if name.ends_with("ps") || name.ends_with("pd") || sizes {
        let registers = (0..instruction.op_count())
            .filter(|&operand| instruction.op_kind(operand) == OpKind::Register)
            .map(|operand| instruction.op_register(operand));
        let bytes = registers.filter(|register| register.is_vector_register()).map(Register::size).max();
        return named(name).map(|kind| Work { bytes, kind });
    }
    None
}

/// Whether an instruction puts a vector register on the stack. Optimised code has no other register for it.
pub(crate) fn spills(instruction: &Instruction) -> bool {
    let operands = instruction.op_count();
    instruction.op0_kind() == OpKind::Memory
        && instruction.memory_base() == Register::RSP
        && operands > 1
        && instruction.op_register(operands - 1).is_vector_register()
}

/// Whether an instruction calls a function.
pub(crate) fn calls(instruction: &Instruction) -> bool {
    matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall)
}

#[cfg(test)]
mod tests {
    use iced_x86::{Decoder, DecoderOptions, Instruction};

    use super::{CHOICE, Work, calls, spills, work};

    fn decode(code: &[u8]) -> Instruction {
        Decoder::new(64, code, DecoderOptions::NONE).decode()
    }

    #[test]
    fn scalar_work_is_told_from_packed() {
        let cases: [(&str, &[u8], Option<Work>); 13] = [
            ("vfmadd231ps zmm", &[0x62, 0xf2, 0x75, 0x48, 0xb8, 0x00], packed(64, "fused")),
            ("vfmadd231ps ymm", &[0xc4, 0xe2, 0x75, 0xb8, 0x00], packed(32, "fused")),
            ("vaddps zmm{k1}", &[0x62, 0xf1, 0x7c, 0x49, 0x58, 0xc1], packed(64, "add")),
            ("vcmpltps k1, zmm", &[0x62, 0xf1, 0x7c, 0x48, 0xc2, 0xc9, 0x01], packed(64, CHOICE)),
            ("vfmadd231ss", &[0xc4, 0xe2, 0x71, 0xb9, 0x00], scalar("fused")),
            ("vaddss", &[0xc5, 0xfa, 0x58, 0x00], scalar("add")),
            ("sqrtsd", &[0xf2, 0x0f, 0x51, 0xc1], scalar("root")),
            ("cvtsi2ss", &[0xf3, 0x0f, 0x2a, 0xc0], scalar("convert")),
            ("vucomiss", &[0xc5, 0xf8, 0x2e, 0x00], scalar(CHOICE)),
            ("vmovss", &[0xc5, 0xfa, 0x10, 0x08], None),
            ("vbroadcastss zmm", &[0x62, 0xf2, 0x7d, 0x48, 0x18, 0x08], None),
            ("vpmaxud ymm, of sizes", &[0xc4, 0xe2, 0x7d, 0x3f, 0xc1], packed(32, CHOICE)),
            ("vpmaxsd ymm, of integers", &[0xc4, 0xe2, 0x7d, 0x3d, 0xc1], None),
        ];
        for (name, code, want) in cases {
            assert_eq!(work(&decode(code)), want, "{name}");
        }
    }

    fn packed(bytes: usize, kind: &'static str) -> Option<Work> {
        Some(Work { bytes: Some(bytes), kind })
    }

    fn scalar(kind: &'static str) -> Option<Work> {
        Some(Work { bytes: None, kind })
    }

    #[test]
    fn spills_and_calls_are_seen() {
        let to_stack: &[u8] = &[0x62, 0xf1, 0x7c, 0x48, 0x29, 0x44, 0x24, 0x01]; // vmovaps [rsp + 64], zmm0
        let to_slice: &[u8] = &[0x62, 0xf1, 0x7c, 0x48, 0x11, 0x00]; // vmovups [rax], zmm0
        let number: &[u8] = &[0x48, 0x89, 0x44, 0x24, 0x08]; // mov [rsp + 8], rax
        let from_stack: &[u8] = &[0x62, 0xf1, 0x7c, 0x48, 0x28, 0x44, 0x24, 0x01]; // vmovaps zmm0, [rsp + 64]
        assert!(spills(&decode(to_stack)));
        assert!([to_slice, number, from_stack].iter().all(|code| !spills(&decode(code))));
        assert!(calls(&decode(&[0xff, 0xd0])) && !calls(&decode(&[0xff, 0xe0]))); // call rax, jmp rax
    }
}
