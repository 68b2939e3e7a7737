//! Reset on a 32-bit RISC-V.

use core::arch::global_asm;

// In assembly, because a compiler may turn loops into calls, which would use the stack that is being painted.
global_asm!(
    ".section .vectors, \"ax\"",
    ".globl reset",
    "reset:",
    "la t0, fault",
    "csrw mtvec, t0",
    "la sp, _stack_top",
    // The stack.
    "la t0, _stack_limit",
    "li t1, {paint}",
    "1: bgeu t0, sp, 2f",
    "sw t1, 0(t0)",
    "addi t0, t0, 4",
    "j 1b",
    // Variables that start at 0.
    "2: la t0, _zeros_start",
    "la t1, _zeros_end",
    "3: bgeu t0, t1, 4f",
    "sw zero, 0(t0)",
    "addi t0, t0, 4",
    "j 3b",
    // Variables that start at another value.
    "4: la t0, _values_start",
    "la t1, _values_end",
    "la t2, _values_source",
    "5: bgeu t0, t1, 6f",
    "lw t3, 0(t2)",
    "sw t3, 0(t0)",
    "addi t0, t0, 4",
    "addi t2, t2, 4",
    "j 5b",
    "6: call {run}",
    ".balign 4",
    "fault:",
    "li a0, {fault}",
    "call {exit}",
    paint = const crate::stack::PAINT,
    fault = const crate::semihosting::FAULT,
    run = sym crate::run,
    exit = sym crate::semihosting::exit,
);
