//! The loops of a function, found in its machine code.

use std::collections::{BTreeMap, BTreeSet};

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic};

/// The instructions of a function, and for each those that may run just before it.
pub(crate) struct Function {
    instructions: Vec<Instruction>,
    before: Vec<Vec<usize>>,
}

impl Function {
    /// Decodes 64-bit code that lies at an address.
    pub(crate) fn decode(code: &[u8], address: u64) -> Self {
        let instructions: Vec<_> =
            Decoder::with_ip(64, code, address, DecoderOptions::NONE).into_iter().collect();
        let index: BTreeMap<u64, usize> = instructions.iter().map(Instruction::ip).zip(0..).collect();
        let mut before = vec![Vec::new(); instructions.len()];
        let mut through_tables = Vec::new();
        for (at, instruction) in instructions.iter().enumerate() {
            let padding = instruction.mnemonic() == Mnemonic::Nop && at > 0 && before[at].is_empty();
            let (falls, jumps) = match instruction.flow_control() {
                _ if padding => (false, false),
                FlowControl::UnconditionalBranch => (false, true),
                FlowControl::ConditionalBranch => (true, true),
                FlowControl::Return | FlowControl::Exception => (false, false),
                FlowControl::IndirectBranch => {
                    through_tables.push(at);
                    (false, false)
                }
                _ => (true, false),
            };
            if falls && at + 1 < instructions.len() {
                before[at + 1].push(at);
            }
            if let Some(&target) = index.get(&instruction.near_branch_target()).filter(|_| jumps) {
                before[target].push(at);
            }
        }
        // Where nothing else leads, a jump through a table may.
        for before in before.iter_mut().skip(1).filter(|before| before.is_empty()) {
            before.clone_from(&through_tables);
        }
        Self { instructions, before }
    }

    /// The bodies of the loops that hold no other loop.
    pub(crate) fn innermost_loops(&self) -> Vec<Vec<Instruction>> {
        let mut loops = BTreeMap::<usize, BTreeSet<usize>>::new();
        for (head, before) in self.before.iter().enumerate().filter(|(_, before)| !before.is_empty()) {
            for body in before.iter().filter_map(|&end| self.body(head, end)) {
                loops.entry(head).or_default().extend(body);
            }
        }
        let innermost = loops.iter().filter(|(head, body)| {
            let mut others = loops.keys().filter(|other| other != head);
            !others.any(|other| body.contains(other))
        });
        innermost.map(|(_, body)| body.iter().map(|&at| self.instructions[at]).collect()).collect()
    }

    /// The loop that a step from `end` to `head` closes: what lies on a way from the one to the other. It closes
    /// none where `end` can be reached past `head`.
    fn body(&self, head: usize, end: usize) -> Option<BTreeSet<usize>> {
        let (mut body, mut open) = (BTreeSet::from([head, end]), vec![end]);
        while let Some(at) = open.pop() {
            if at == head {
                continue;
            }
            if at == 0 || self.before[at].is_empty() {
                return None;
            }
            open.extend(self.before[at].iter().copied().filter(|&at| body.insert(at)));
        }
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::Function;

    const CLEAR: u8 = 0xf8; // clc: one byte that does nothing of interest
    const RETURN: u8 = 0xc3;

    /// The addresses of the first and the last instruction of each innermost loop.
    fn loops(code: &[u8]) -> Vec<(u64, u64)> {
        let ends = |body: &Vec<iced_x86::Instruction>| (body[0].ip(), body[body.len() - 1].ip());
        Function::decode(code, 0).innermost_loops().iter().map(ends).collect()
    }

    #[test]
    fn a_jump_back_closes_a_loop() {
        assert_eq!(loops(&[CLEAR, CLEAR, 0x75, 0xfd, RETURN]), [(1, 2)]); // jne 1
        assert_eq!(loops(&[CLEAR, 0x75, 0xfe, RETURN]), [(1, 1)]); // jne 1, onto itself
    }

    #[test]
    fn a_jump_forward_closes_none() {
        assert_eq!(loops(&[0x75, 0x01, CLEAR, RETURN]), []); // jne 3
    }

    #[test]
    fn of_loops_in_loops_the_inner_one_is_found() {
        let code = [CLEAR, CLEAR, 0x75, 0xfd, 0x75, 0xfa, RETURN]; // jne 1; jne 0
        assert_eq!(loops(&code), [(1, 2)]);
    }

    #[test]
    fn a_loop_may_be_entered_in_the_middle() {
        // jmp 5; nop, for alignment; clc; je 9; jmp 4
        let code = [0xeb, 0x03, 0x66, 0x90, CLEAR, 0x74, 0x02, 0xeb, 0xfb, RETURN];
        assert_eq!(loops(&code), [(4, 7)]);
    }

    #[test]
    fn a_jump_back_to_where_ways_meet_closes_none() {
        // je 4; clc; return; jmp 2: what runs seldom lies at the end
        assert_eq!(loops(&[0x74, 0x02, CLEAR, RETURN, 0xeb, 0xfc]), []);
    }

    #[test]
    fn a_jump_through_a_table_leads_to_where_nothing_else_does() {
        // jmp rax; clc; jne 2; return; clc; jmp 2
        let code = [0xff, 0xe0, CLEAR, 0x75, 0xfd, RETURN, CLEAR, 0xeb, 0xf9];
        assert_eq!(loops(&code), [(2, 3)]);
    }
}
