// The fast path of the C handlers: saves what a call may change, calls phase_loads_c(asid, vpn), writes the refill register.

#include "layout.h"

.macro each instruction
    .set at, BLOCK_SAVE
    .irp r, ra,t0,t1,t2,a0,a1,a2,a3,a4,a5,a6,a7,t3,t4,t5,t6
    \instruction \r, at(sp)
    .set at, at + 4
    .endr
.endm

    .section .fast.entry, "ax"
    .global miss, phase_entry_c, phase_return_c, phase_refill_c, phase_end_c
miss:
phase_entry_c:
    csrw mscratch, sp
    lui sp, %hi(block)
    each sw
    csrr a0, mcause
    lui t0, %hi(REGISTERS)
    addi a1, a0, -1
    beqz a1, fetch
    andi a1, a0, -3                     // 5 or 7
    addi a1, a1, -5
    bnez a1, hand_on
    lw a0, DATA_INFO(t0)
    lw a1, DATA_VPN(t0)
    j known
fetch:
    lw a0, FETCH_INFO(t0)
    lw a1, FETCH_VPN(t0)
known:
    sw a0, BLOCK_INFO(sp)
    srai a2, a0, 20                     // valid, not_present: -2047
    addi a2, a2, 2047
    bnez a2, hand_on
    slli a0, a0, 16
    srli a0, a0, 16
    la sp, stack_top
    call phase_loads_c                  // comes back to phase_refill_c, which the linker script puts behind this

    .section .fast.refill, "ax"
phase_refill_c:
    lui sp, %hi(block)
    andi a1, a0, 1
    beqz a1, hand_on
    csrr a1, mcause
    lui t0, %hi(REGISTERS)
    addi a1, a1, -1
    beqz a1, 1f
    sw a0, REFILL_DATA(t0)
    j phase_return_c
1:  sw a0, REFILL_FETCH(t0)
phase_return_c:
    each lw
    csrr sp, mscratch
    mret

// The user's registers as they were, then the slow path.
hand_on:
    each lw
    csrr sp, mscratch
    j slow
phase_end_c:
