// Looks at every entry of a table of chained entries: word 0 is the PTE, word 1 the VPN, word 2 the ASID.

    .equ BOOT, 0x8000f000
    .text
    .option norvc
    .global miss, phase_entry_scan, phase_loads_scan, phase_refill_scan, phase_end_scan
miss:
phase_entry_scan:
    la t0, more
    sw s0, 0(t0)
    sw s1, 4(t0)
    lw s0, 0x50(t2)                 // the page
    addi t3, t1, -1
    beqz t3, 1f
    lw s0, 0x58(t2)
1:  lw s1, 0x20(t2)                 // the address space
    li t4, BOOT
    lw t3, 8(t4)
    slli t3, t3, 12
    lw t4, 12(t4)
    addi t4, t4, 1
phase_loads_scan:
2:  lw t0, 0(t3)
    andi t0, t0, 1
    beqz t0, 3f
    lw t0, 8(t3)
    bne t0, s0, 3f
    lw t0, 16(t3)
    beq t0, s1, 4f
3:  addi t3, t3, 32
    addi t4, t4, -1
    bnez t4, 2b
    j fault
phase_refill_scan:
4:  lw t0, 0(t3)
#ifdef WRONG
    li t3, 4096                     // the next frame
    add t0, t0, t3
#endif
    addi t3, t1, -1
    beqz t3, 5f
    sw t0, 0x64(t2)
    j 6f
5:  sw t0, 0x60(t2)
6:
#ifdef DROPPED
    la t0, dropped
    lw t3, 0(t0)
    bnez t3, 7f
    sw t2, 0(t0)
    sw zero, 0x74(t2)               // all of it
7:
#endif
    la t0, more
    lw s0, 0(t0)
    lw s1, 4(t0)
    j back
phase_end_scan:
    nop
    .data
    .balign 4
more:
    .space 8
dropped:
    .space 4
