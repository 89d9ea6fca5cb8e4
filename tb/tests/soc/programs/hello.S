// Prints a text, goes through two pages of code, loads and stores across the border of two pages of data.
    .text
    .global _start
_start:
    la s0, text
1:  lbu a0, 0(s0)
    beqz a0, 2f
    li a7, 1
    ecall
    addi s0, s0, 1
    j 1b
2:  la t0, border
    lw t1, -2(t0)                   // both lines are in the cache when they are stored to
    li t1, 0x12345678
    sw t1, -2(t0)
    lw t2, -2(t0)
    bne t1, t2, bad
    lhu t2, 0(t0)
    li t1, 0x1234
    bne t1, t2, bad
    j far
bad:
    li a0, 1
    li a7, 0
    ecall

    .balign 4096
    .space 4096 - 2
far:                                // an instruction of four bytes, half of which is in the next page
    .option norvc
    li a0, 0
    li a7, 0
    ecall

    .data
text:
    .asciz "hello\n"
    .balign 4096
border:
    .space 4
