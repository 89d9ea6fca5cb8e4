// Misses of the format `chained`, in assembly: the walk of docs/spec.md section 4 for the entries that a sound table has.
// Whatever else it meets, and pages that are nowhere, it hands on to pte_of in chained.c.
//
// Instructions if the first entry is the page's, keyed hash: way in 25, hash 119, loads 15, refill 5, way out 11: 175
// of them 3 loads of the table, all in the entry. Each further entry of the chain takes 14 with 3 loads (11 + 3).

#include "fast.h"

    .section .fast.entry, "ax"
    .global miss, phase_entry_chained, phase_hash_chained, phase_loads_chained, phase_refill_chained
    .global phase_return_chained, phase_end_chained
miss:
phase_entry_chained:
    FAST_ENTRY
phase_hash_chained:
    lw a1, SEARCH_MASK(t0)
    and a0, a0, a1                      // the page
    INDEX a0
phase_loads_chained:
    li a6, 0                            // links followed
    lw a5, BLOCK_TABLE(sp)
    lw a3, SEARCH_ASID(t0)
probe:
    slli a1, a1, 5
    add a1, a1, a5
    lw a2, 8(a1)                        // VPN
    bne a2, a0, next
    lw a2, 16(a1)                       // ASID
    bne a2, a3, next
    lw a2, 0(a1)                        // PTE
#if EXACT
    lw a4, 4(a1)
    lw a7, 12(a1)
    or a4, a4, a7
    lw a7, 20(a1)
    or a4, a4, a7
    bnez a4, odd
#endif
    lw a4, SEARCH_EXPECT(t0)
    xor a4, a4, a2
    lw a7, SEARCH_CARE(t0)
    and a4, a4, a7
    bnez a4, odd
phase_refill_chained:
    FAST_REFILL
phase_return_chained:
    FAST_RETURN

    .global phase_loads_chained_next, phase_entry_chained_rest
phase_loads_chained_next:
next:
    lw a2, 28(a1)                       // L
    beqz a2, next_search
    addi a2, a2, -1
    bnez a2, odd
    lw a1, 24(a1)                       // next
    lw a2, BLOCK_MASK(sp)
    bgtu a1, a2, odd
    lw a2, BLOCK_MAX_STEPS(sp)
    addi a6, a6, 1
    bne a6, a2, probe
    j odd
phase_entry_chained_rest:
    FAST_REST phase_hash_chained
phase_end_chained:
