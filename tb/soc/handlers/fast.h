// The parts that the assembly handlers share: the way in, the hash, the refill and the way out.
//
// Registers from FAST_ENTRY on: sp block, t0 the search, a0 the VPN; all of a0 to a7 and t0 are saved.

#include "layout.h"

.macro EACH_SAVED instruction
    \instruction a0, BLOCK_SAVE(sp)
    \instruction a1, BLOCK_SAVE + 4(sp)
    \instruction a2, BLOCK_SAVE + 8(sp)
    \instruction a3, BLOCK_SAVE + 12(sp)
    \instruction a4, BLOCK_SAVE + 16(sp)
    \instruction a5, BLOCK_SAVE + 20(sp)
    \instruction a6, BLOCK_SAVE + 24(sp)
    \instruction a7, BLOCK_SAVE + 28(sp)
    \instruction t0, BLOCK_SAVE + 32(sp)
.endm

// Causes 1, 5 and 7 are misses (and 3, a breakpoint, whose record is stale at worst: a page more is refilled and the trap
// comes again). Bit 2 of the cause tells the port, so that no branch does.
.macro FAST_ENTRY
    csrw mscratch, sp
    lui sp, %hi(block)
    EACH_SAVED sw
    csrr a1, mcause
    lui a2, %hi(REGISTERS)
    andi a3, a1, -7
    addi a3, a3, -1
    bnez a3, hand_on
    andi a1, a1, 4
    slli a1, a1, 1
    add a2, a2, a1
    lw a1, FETCH_INFO(a2)
    lw a0, FETCH_VPN(a2)
    srai a3, a1, 20                     // valid, not_present: -2047
    addi a3, a3, 2047
    bnez a3, other_fault
    addi t0, sp, BLOCK_SEARCH
.endm

// The substitution (sbox.h) of planes x0 to x3. Afterwards plane 0 is in y, 1 in x2, 2 in x3, 3 in x0; a and x1 are free.
.macro SUBSTITUTE x0, x1, x2, x3, a, y
    xor \a, \x1, \x2
    and \x1, \x2, \a
    xor \x3, \x3, \x1
    xor \y, \x0, \x3
    and \x1, \a, \x3
    xor \a, \a, \y
    xor \x1, \x1, \x2
    or \x2, \x0, \x1
    xor \x2, \a, \x2
    not \x0, \x0
    xor \x1, \x1, \x0
    xor \x0, \x2, \x1
    or \x1, \x1, \a
    xor \x3, \x3, \x1
.endm

// a1 = index of what is to be read, from the rounded VPN in `vpn` (a0 or a1; a0 stays). Overwrites a1 to a7.
#if HASH == HASH_KEYED
// The planes at a6 are added to those in a2 to a5.
.macro ADD_PLANES
    lw a7, 0(a6)
    xor a2, a2, a7
    lw a7, 4(a6)
    xor a3, a3, a7
    lw a7, 8(a6)
    xor a4, a4, a7
    lw a7, 12(a6)
    xor a5, a5, a7
.endm

.macro INDEX vpn
    // First round by tables: planes in a2 to a5.
    andi a6, \vpn, 255
    slli a6, a6, 4
    lui a7, %hi(hash_low)
    add a6, a6, a7
    lw a2, 0(a6)
    lw a3, 4(a6)
    lw a4, 8(a6)
    lw a5, 12(a6)
    srli a6, \vpn, 8
    andi a6, a6, 255
    slli a6, a6, 4
    lui a7, %hi(hash_high)
    add a6, a6, a7
    ADD_PLANES
    srli a6, \vpn, 16
    slli a6, a6, 4
    lw a7, SEARCH_CONSTANTS(t0)
    add a6, a6, a7
    ADD_PLANES
    // Second round: planes in a7 a4 a5 a2 after the substitution; mixed planes 0 and 1 in a3 and a6, 2 and 3 in place.
    SUBSTITUTE a2, a3, a4, a5, a6, a7
    slli a3, a5, 2
    srli a1, a4, 2
    xor a3, a3, a1
    xor a3, a3, a7
    slli a6, a2, 2
    srli a1, a5, 2
    xor a6, a6, a1
    xor a6, a6, a4
    slli a1, a7, 1
    xor a5, a5, a1
    srli a1, a2, 2
    xor a5, a5, a1
    slli a4, a4, 1
    xor a2, a2, a4
    srli a7, a7, 3
    xor a2, a2, a7
    lw a1, BLOCK_KEY2(sp)
    xor a3, a3, a1
    lw a1, BLOCK_KEY2 + 4(sp)
    xor a6, a6, a1
    lw a1, BLOCK_KEY2 + 8(sp)
    xor a5, a5, a1
    lw a1, BLOCK_KEY2 + 12(sp)
    xor a2, a2, a1
    // Third: planes in a4 a5 a2 a3.
    SUBSTITUTE a3, a6, a5, a2, a1, a4
    lui a6, 0x1e0                       // bits 17 to 20
    srli a7, a4, 8
    and a7, a7, a6
    xor a4, a4, a7
    srli a7, a5, 8
    and a7, a7, a6
    xor a5, a5, a7
    srli a7, a2, 8
    and a7, a7, a6
    xor a2, a2, a7
    srli a7, a3, 8
    and a7, a7, a6
    xor a3, a3, a7
    lui a6, 0x1f0                       // bits 16 to 20
    and a4, a4, a6
    srli a4, a4, 15
    and a5, a5, a6
    srli a5, a5, 10
    or a4, a4, a5
    add a4, a4, sp
    lhu a1, BLOCK_SPREAD(a4)
    and a2, a2, a6
    srli a2, a2, 15
    and a3, a3, a6
    srli a3, a3, 10
    or a2, a2, a3
    add a2, a2, sp
    lhu a2, BLOCK_SPREAD(a2)
    slli a2, a2, 2
    or a1, a1, a2
    lw a2, BLOCK_MASK(sp)
    and a1, a1, a2
.endm
#else
.macro INDEX vpn
    lw a2, SEARCH_ASID(t0)
#if HASH == HASH_FOLD
    xor a1, \vpn, a2
#else
    mv a1, a2
#endif
    lw a2, BLOCK_MASK(sp)
    and a1, a1, a2
.endm
#endif

// Writes the PTE in a2 to the port's refill register, and goes back.
.macro FAST_REFILL
    csrr a3, mcause
    andi a3, a3, 4
    lui a4, %hi(REGISTERS)
    add a4, a4, a3
    sw a2, REFILL_FETCH(a4)
.endm

.macro FAST_RETURN
    EACH_SAVED lw
    csrr sp, mscratch
    mret
.endm

// `next_search`: the search t0 has found nothing; jumps to `again` with the VPN in a0 for the next one. `odd`: what was
// read is for pte_of to judge; the record is made anew. `other_fault`: the record in a1 is not that of a miss.
.macro FAST_REST again
next_search:
    addi t0, t0, SEARCH_BYTES
    lw a1, SEARCH_MASK(t0)
    beqz a1, odd
    csrr a1, mcause
    andi a1, a1, 4
    slli a1, a1, 1
    lui a2, %hi(REGISTERS)
    add a2, a2, a1
    lw a0, FETCH_VPN(a2)
    j \again
odd:
    csrr a1, mcause
    addi a1, a1, -5
    srai a1, a1, 1
    andi a1, a1, 3                      // 5 read, 7 write, 1 fetch
    slli a1, a1, 16
    lui a2, 0x80100                     // valid, not_present
    or a1, a1, a2
other_fault:
    sw a1, BLOCK_INFO(sp)
hand_on:
    EACH_SAVED lw
    csrr sp, mscratch
    j slow
.endm
