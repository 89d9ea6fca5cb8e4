// main(number of the process), then exit with what it returns.
    .section .text.start, "ax"
    .global _start
_start:
    call main
    li a7, 0
    ecall
