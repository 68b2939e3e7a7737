//! What is demanded of the loops of a hot function.
//!
//! A loop is *hot* when it works on whole vectors, as wide as the instructions have them, and calls nothing. Any
//! other loop of arithmetic must be the tail of a hot one, of the same kinds of operations: it does what does not
//! fill a vector. Loops that only compare may look for a number.

use std::collections::BTreeSet;
use std::fmt::Write;

use iced_x86::Instruction;

use crate::machine::Function;
use crate::work::{CHOICE, calls, spills, work};

/// The vectors that a function works on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vectors {
    /// The bytes of a whole one.
    pub(crate) bytes: usize,
    /// A hot loop may put aside one of them for so many operations: the special functions have more constants
    /// than there are registers.
    pub(crate) operations_a_spill: usize,
}

/// What a function must have.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Demand {
    /// So many hot loops or more.
    Loops(usize),
    /// Fused multiply-adds in every loop, so many or more in one of them, and no tails.
    Tile(usize),
}

/// The work of a loop.
struct Loop {
    body: Vec<Instruction>,
    /// Instructions that work on whole vectors, on less, and on one number.
    whole: usize,
    narrow: usize,
    scalar: usize,
    fused: usize,
    kinds: BTreeSet<&'static str>,
}

impl Loop {
    fn new(body: Vec<Instruction>, bytes: usize) -> Self {
        let mut of = Self { body, whole: 0, narrow: 0, scalar: 0, fused: 0, kinds: BTreeSet::new() };
        for work in of.body.iter().filter_map(work) {
            let count = match work.bytes {
                Some(whole) if whole == bytes => &mut of.whole,
                Some(_) => &mut of.narrow,
                None => &mut of.scalar,
            };
            *count += 1;
            of.fused += usize::from(work.kind == "fused");
            of.kinds.insert(work.kind);
        }
        of
    }

    fn works(&self) -> bool {
        self.whole + self.narrow + self.scalar > 0
    }

    fn is_hot(&self) -> bool {
        self.whole > 0 && !self.body.iter().any(calls)
    }

    fn spills(&self) -> usize {
        self.body.iter().filter(|&instruction| spills(instruction)).count()
    }

    /// The kinds of operations, but for comparisons.
    fn arithmetic(&self) -> Vec<&'static str> {
        self.kinds.iter().copied().filter(|&kind| kind != CHOICE).collect()
    }

    /// What is wrong, with the instructions that show it.
    fn fault(&self, what: &str, shown: impl Fn(&Instruction) -> bool) -> String {
        let mut fault = format!("loop at {:#x}: {what}", self.body[0].ip());
        for instruction in self.body.iter().filter(|&instruction| shown(instruction)).take(8) {
            write!(fault, "\n        {instruction}").expect("a string takes everything");
        }
        fault
    }
}

/// What is wrong with a function; nothing where all is well.
pub(crate) fn faults(function: &Function, vectors: Vectors, demand: Demand) -> Vec<String> {
    let Vectors { bytes, operations_a_spill } = vectors;
    let loops = function.innermost_loops().into_iter().map(|body| Loop::new(body, bytes));
    let (hot, rest): (Vec<_>, Vec<_>) = loops.filter(Loop::works).partition(Loop::is_hot);
    let mut faults = Vec::new();
    for hot in &hot {
        if hot.scalar + hot.narrow > 0 {
            let less =
                |instruction: &Instruction| work(instruction).is_some_and(|work| work.bytes != Some(bytes));
            faults.push(hot.fault("work on less than whole vectors beside them", less));
        }
        if hot.spills() > hot.whole / operations_a_spill {
            let what = format!("{} vectors put on the stack for {} operations", hot.spills(), hot.whole);
            faults.push(hot.fault(&what, spills));
        }
    }
    for rest in rest {
        let arithmetic = rest.arithmetic();
        let same = arithmetic.is_empty() || hot.iter().any(|hot| hot.arithmetic() == arithmetic);
        let is_tail = same && matches!(demand, Demand::Loops(_));
        if !is_tail {
            let shown = |instruction: &Instruction| work(instruction).is_some() || calls(instruction);
            faults.push(rest.fault("not in whole vectors, and the tail of no loop that is", shown));
        }
    }
    match demand {
        Demand::Loops(loops) if hot.len() < loops => {
            faults.push(format!("{} loops in whole vectors instead of {loops}", hot.len()));
        }
        Demand::Tile(size) => {
            let largest = hot.iter().map(|hot| hot.fused).max().unwrap_or(0);
            if largest < size {
                faults.push(format!("{largest} multiply-adds in the largest loop instead of {size}"));
            }
            let without = hot.iter().filter(|hot| hot.fused == 0);
            faults.extend(without.map(|hot| hot.fault("no multiply-add", |_| true)));
        }
        Demand::Loops(_) => {}
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{Demand, Vectors, faults};
    use crate::machine::Function;

    const FUSED: &[u8] = &[0x62, 0xf2, 0x75, 0x48, 0xb8, 0x00]; // vfmadd231ps zmm0, zmm1, [rax]
    const HALF_FUSED: &[u8] = &[0xc4, 0xe2, 0x75, 0xb8, 0x00]; // vfmadd231ps ymm0, ymm1, [rax]
    const SCALAR_FUSED: &[u8] = &[0xc4, 0xe2, 0x71, 0xb9, 0x00]; // vfmadd231ss xmm0, xmm1, [rax]
    const ADD: &[u8] = &[0x62, 0xf1, 0x7c, 0x48, 0x58, 0x00]; // vaddps zmm0, zmm0, [rax]
    const SCALAR_ADD: &[u8] = &[0xc5, 0xfa, 0x58, 0x00]; // vaddss xmm0, xmm0, [rax]
    const SCALAR_MULTIPLY: &[u8] = &[0xc5, 0xfa, 0x59, 0x00]; // vmulss xmm0, xmm0, [rax]
    const SCALAR_COMPARE: &[u8] = &[0xc5, 0xf8, 0x2e, 0x00]; // vucomiss xmm0, [rax]
    const COMPARE: &[u8] = &[0x62, 0xf1, 0x7c, 0x48, 0xc2, 0xc9, 0x01]; // vcmpltps k1, zmm0, zmm1
    const BROADCAST: &[u8] = &[0x62, 0xf2, 0x7d, 0x48, 0x18, 0x08]; // vbroadcastss zmm1, [rax]
    const STORE: &[u8] = &[0x62, 0xf1, 0x7c, 0x48, 0x11, 0x00]; // vmovups [rax], zmm0
    const SPILL: &[u8] = &[0x62, 0xf1, 0x7c, 0x48, 0x29, 0x44, 0x24, 0x01]; // vmovaps [rsp + 64], zmm0
    const CALL: &[u8] = &[0xff, 0xd0]; // call rax

    /// A function of loops, one after the other, each counted down in rcx.
    fn faults_of(loops: &[&[&[u8]]], demand: Demand) -> Vec<String> {
        let mut code = Vec::new();
        for body in loops {
            let start = code.len();
            code.extend(body.concat());
            code.extend([0x48, 0xff, 0xc9, 0x75]); // dec rcx; jne
            code.push((start as i64 - code.len() as i64 - 1) as i8 as u8);
        }
        code.push(0xc3); // ret
        let vectors = Vectors { bytes: 64, operations_a_spill: 16 };
        faults(&Function::decode(&code, 0), vectors, demand)
    }

    #[test]
    fn packed_loops_are_accepted() {
        for body in [&[FUSED] as &[&[u8]], &[BROADCAST, FUSED, ADD, STORE], &[ADD, COMPARE]] {
            assert_eq!(faults_of(&[body], Demand::Loops(1)), [""; 0]);
        }
        assert_eq!(faults_of(&[&[BROADCAST, FUSED, FUSED]], Demand::Tile(2)), [""; 0]);
    }

    #[test]
    fn scalar_loops_are_rejected() {
        for body in [&[SCALAR_FUSED] as &[&[u8]], &[SCALAR_ADD], &[HALF_FUSED]] {
            assert_eq!(faults_of(&[body], Demand::Loops(0)).len(), 1);
            assert_eq!(faults_of(&[body], Demand::Loops(1)).len(), 2);
            assert_eq!(faults_of(&[&[FUSED], body], Demand::Tile(1)).len(), 1, "a tile has no tails");
        }
    }

    #[test]
    fn scalar_work_beside_packed_is_rejected() {
        assert_eq!(faults_of(&[&[FUSED, SCALAR_FUSED]], Demand::Loops(1)).len(), 1);
        assert_eq!(faults_of(&[&[FUSED, HALF_FUSED]], Demand::Loops(1)).len(), 1);
    }

    #[test]
    fn tails_do_what_their_loop_does() {
        let hot = &[FUSED, COMPARE] as &[&[u8]];
        for tail in
            [&[SCALAR_FUSED] as &[&[u8]], &[HALF_FUSED, SCALAR_COMPARE], &[SCALAR_COMPARE], &[FUSED, CALL]]
        {
            assert_eq!(faults_of(&[hot, tail], Demand::Loops(1)), [""; 0]);
        }
        for other in [&[SCALAR_ADD] as &[&[u8]], &[SCALAR_FUSED, SCALAR_MULTIPLY]] {
            assert_eq!(faults_of(&[hot, other], Demand::Loops(1)).len(), 1);
        }
        assert_eq!(
            faults_of(&[&[FUSED, ADD], &[SCALAR_ADD]], Demand::Loops(1)).len(),
            1,
            "a part is no tail"
        );
    }

    #[test]
    fn calls_are_rejected() {
        assert_eq!(faults_of(&[&[FUSED, CALL]], Demand::Loops(1)).len(), 2);
    }

    #[test]
    fn spills_are_counted() {
        assert_eq!(faults_of(&[&[FUSED, SPILL]], Demand::Loops(1)).len(), 1);
        let mut long = vec![FUSED; 16];
        long.push(SPILL);
        assert_eq!(faults_of(&[&long], Demand::Loops(1)), [""; 0]);
        long.push(SPILL);
        assert_eq!(faults_of(&[&long], Demand::Loops(1)).len(), 1);
    }

    #[test]
    fn too_little_is_not_enough() {
        assert_eq!(faults_of(&[], Demand::Loops(1)).len(), 1, "no loop at all");
        assert_eq!(faults_of(&[&[STORE]], Demand::Loops(1)).len(), 1, "no arithmetic");
        assert_eq!(faults_of(&[&[FUSED]], Demand::Loops(2)).len(), 1);
        assert_eq!(faults_of(&[&[FUSED]], Demand::Tile(2)).len(), 1);
        assert_eq!(faults_of(&[&[FUSED], &[ADD]], Demand::Tile(1)).len(), 1, "no multiply-add");
    }
}
