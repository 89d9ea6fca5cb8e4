// Vectors, reset, and the slow path's way in and out of the kernel.
//
// Two vector tables: with software refill exceptions go to the handler's fast path `miss`, with hardware walks each is a
// real fault and goes to the slow path at once. Ibex begins at 0x80 of the first.

#include "layout.h"

    .section .vectors, "ax"
    .option push
    .option norvc
    .global vectors_software, vectors_hardware, reset
vectors_software:
    j miss                              // exceptions
    .rept 6
    j unexpected_interrupt
    .endr
    j slow                              // 7: timer
    .rept 24
    j unexpected_interrupt
    .endr
reset:                                  // 0x80
    j start
    .balign 256
vectors_hardware:
    j slow
    .rept 6
    j unexpected_interrupt
    .endr
    j slow
    .rept 24
    j unexpected_interrupt
    .endr
    .option pop

    .text
start:
    la sp, stack_top
    la t0, bss_first
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  lui t0, %hi(block)                  // the rest of it, and the hash tables, are filled
    addi t1, t0, BLOCK_SPREAD
3:  sw zero, 0(t0)
    addi t0, t0, 4
    bltu t0, t1, 3b
    call kernel_start                   // returns when block.current may run
    j resume

// The slow path: saves all user registers in the context of the running process and calls trap(cause, mtval).
// In machine mode a trap is a fault of the kernel itself. sp is the only register that may be used until then.
    .global slow
slow:
    csrw mscratch, sp
    csrr sp, mstatus
    slli sp, sp, 19                     // MPP to the sign
    bltz sp, fatal
    lui sp, %hi(block)
    sw t0, BLOCK_SCRATCH(sp)
    lw t0, BLOCK_CURRENT(sp)
    sw ra, CONTEXT_X(1)(t0)
    .irp n, 3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sw x\n, CONTEXT_X(\n)(t0)
    .endr
    lw t1, BLOCK_SCRATCH(sp)
    sw t1, CONTEXT_X(5)(t0)
    csrr t1, mscratch
    sw t1, CONTEXT_X(2)(t0)
    csrr t1, mepc
    sw t1, CONTEXT_PC(t0)
    la sp, stack_top
    csrr a0, mcause
    csrr a1, mtval
    call trap

resume:                                 // goes on with block.current in user mode
    lui sp, %hi(block)
    lw t0, BLOCK_CURRENT(sp)
    lw t1, CONTEXT_PC(t0)
    csrw mepc, t1
    li t1, 0x1800
    csrc mstatus, t1                    // MPP = user
    lw ra, CONTEXT_X(1)(t0)
    lw sp, CONTEXT_X(2)(t0)
    .irp n, 3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    lw x\n, CONTEXT_X(\n)(t0)
    .endr
    lw t0, CONTEXT_X(5)(t0)
    mret

fatal:
    la sp, stack_top
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    call machine_fault

unexpected_interrupt:
    csrw mscratch, sp
    j fatal
