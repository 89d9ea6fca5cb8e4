// The kernel loads and stores in this program's name: a page that is not in the TLB yet, and then one that is nowhere.
    .text
    .global _start
_start:
    la a0, word
    li a7, 2
    ecall
    li t0, 0x12345678
    bne a0, t0, bad
    la a0, other
    mv a1, t0
    li a7, 3
    ecall
    la t1, other
    lw t1, 0(t1)
    bne t1, t0, bad
    li a7, 1
    li a0, 'k'
    ecall
    li a0, '\n'
    ecall
    li a0, 0x400000
    li a7, 2
    ecall
bad:
    li a0, 1
    li a7, 0
    ecall

    .data
    .balign 4096
word:
    .word 0x12345678
    .balign 4096
other:
    .space 4
