// Misses of the format `line`, in assembly: the walk of docs/spec.md section 4 for the lines that a sound table has.
// Whatever else it meets, and pages that are nowhere, it hands on to pte_of in line.c.
//
// Instructions if the first line holds the page, keyed hash, dense line (first entry of another line):
//   way in 25, hash 119, loads 38 (28), refill 5, way out 11: 198 (188)
// of them 6 (4) loads of the table. The first page of a dense line, whose word holds bits of the line, takes 15 more.

#include "fast.h"

    .section .fast.entry, "ax"
    .global miss, phase_entry_line, phase_hash_line, phase_loads_line, phase_refill_line, phase_return_line, phase_end_line
miss:
phase_entry_line:
    FAST_ENTRY
phase_hash_line:
    lw a1, SEARCH_MASK(t0)
    and a1, a1, a0                      // the group
    INDEX a1
phase_loads_line:
    li a6, 0                            // links followed
probe:
    lw a2, BLOCK_TABLE(sp)
    slli a1, a1, 6
    add a1, a1, a2
    lw a7, 0(a1)                        // E, L, size
    lw a5, SEARCH_TAG(t0)
    slli a3, a7, 20
    bgez a3, sparse

    // Dense: size, ASID[11:0], VPN[14:3], VPN[26:15], ASID[15:12] must agree.
    andi a3, a7, 0x300
    lw a4, SEARCH_SIZE(t0)
    bne a3, a4, next
    lw a3, 12(a1)
    bne a3, a5, next
    lw a4, SEARCH_MASK(t0)
    and a4, a4, a0
    lw a3, 28(a1)
    slli a5, a4, 17
    bne a3, a5, next
    lw a3, 44(a1)
    srli a5, a4, 15
    slli a5, a5, 20
    bne a3, a5, next
    lw a3, 4(a1)
    srli a3, a3, 28
    lw a4, SEARCH_ASID(t0)
    srli a4, a4, 12
    bne a3, a4, next
#if EXACT
    lw a3, 20(a1)
    lw a4, 36(a1)
    or a3, a3, a4
    lw a4, 52(a1)
    or a3, a3, a4
    srli a3, a3, 28                     // VPN[50:39]
    lw a4, 60(a1)
    srli a4, a4, 20                     // VPN[38:27]
    or a3, a3, a4
    lw a4, 8(a1)
    andi a4, a4, 0x100                  // VPN[51]
    or a3, a3, a4
    bnez a3, odd
#endif
    lw a4, SEARCH_SHIFT(t0)
    srl a3, a0, a4
    andi a3, a3, 7
    slli a3, a3, 3
    add a3, a3, a1
    lw a2, 0(a3)                        // the page's PTE
    lw a4, SEARCH_EXPECT(t0)
    xor a4, a4, a2
    lw a5, SEARCH_CARE(t0)
    and a4, a4, a5
    bnez a4, dense_rest
phase_refill_line:
refill:
    FAST_REFILL
phase_return_line:
    FAST_RETURN

    .global phase_loads_line_rest, phase_entry_line_rest
phase_loads_line_rest:
    // Bits 11:8 of words 0 and 1 are the line's, not the page's; and the size of huge pages stands in word 0 alone.
dense_rest:
    sub a3, a3, a1
    beqz a3, 1f
    addi a3, a3, -8
    bnez a3, 2f
    andi a3, a2, 0x100
    xor a2, a2, a3
    j 2f
1:  srli a3, a2, 8
    andi a3, a3, 15
    slli a3, a3, 8
    xor a2, a2, a3
2:  slli a3, a2, 20
    srli a3, a3, 28
    bnez a3, odd
    lw a3, SEARCH_SIZE(t0)
    or a2, a2, a3
    lw a4, SEARCH_EXPECT(t0)
    xor a4, a4, a2
    and a4, a4, a5
    beqz a4, refill
    j odd

    // Not dense: the lowest entry with the page's tag counts.
sparse:
    lw a3, SEARCH_SHIFT(t0)
    srl a4, a0, a3
    sll a4, a4, a3                      // the page
    .irp entry, 0, 16, 32, 48
    lw a3, \entry + 8(a1)
    bne a3, a4, 3f
    lw a3, \entry + 12(a1)
    bne a3, a5, 3f
    lw a3, \entry + 4(a1)
    srli a3, a3, 28
    lw a2, SEARCH_ASID(t0)
    srli a2, a2, 12
    beq a3, a2, sparse_\entry
3:
    .endr

next:
    andi a2, a7, 0x400                  // L
    beqz a2, next_search
    lw a2, 4(a1)
    slli a2, a2, 4
    srli a2, a2, 24
    lw a3, 20(a1)
    slli a3, a3, 4
    srli a3, a3, 24
    slli a3, a3, 8
    or a2, a2, a3
    lw a3, 36(a1)
    slli a3, a3, 4
    srli a3, a3, 24
    slli a3, a3, 16
    or a2, a2, a3
    lw a3, 52(a1)
    slli a3, a3, 4
    srli a3, a3, 24
    slli a3, a3, 24
    or a1, a2, a3
    lw a2, BLOCK_MASK(sp)
    bgtu a1, a2, odd
    lw a2, BLOCK_MAX_STEPS(sp)
    addi a6, a6, 1
    bne a6, a2, probe
    j odd

sparse_0:
    andi a2, a7, 0x400                  // L is the line's
    xor a2, a2, a7
    j sparse_judge
sparse_16:
    lw a2, 16(a1)
    j sparse_judge
sparse_32:
    lw a2, 32(a1)
    j sparse_judge
sparse_48:
    lw a2, 48(a1)
sparse_judge:
    lw a4, SEARCH_EXPECT(t0)
    xor a4, a4, a2
    lw a5, SEARCH_CARE(t0)
    and a4, a4, a5
    beqz a4, refill
    j odd
phase_entry_line_rest:
    FAST_REST phase_hash_line
phase_end_line:
