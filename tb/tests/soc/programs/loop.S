    .text
    .global _start
_start:
    j _start
