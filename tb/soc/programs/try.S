// See try.h. try_load, try_store and try_call name the place to go on at before they access.
    .bss
    .balign 4
    .global fault_record
fault_record: .space 20
resume: .space 4

    .text
    .global catch_faults, try_load, try_store, try_call
catch_faults:
    la a0, on_fault
    li a7, 4
    ecall
    ret

on_fault:
    la t0, fault_record
    sw a0, 0(t0)
    sw a1, 4(t0)
    sw a2, 8(t0)
    sw a3, 12(t0)
    lw t1, 16(t0)
    addi t1, t1, 1
    sw t1, 16(t0)
    lw t0, 20(t0)
    jr t0

try_load:
    la t0, resume
    la t1, 1f
    sw t1, 0(t0)
    lw a0, 0(a0)
1:  ret

try_store:
    la t0, resume
    la t1, 1f
    sw t1, 0(t0)
    sw a1, 0(a0)
1:  ret

try_call:
    addi sp, sp, -16
    sw ra, 0(sp)
    la t0, resume
    la t1, 1f
    sw t1, 0(t0)
    jalr a0
1:  lw ra, 0(sp)
    addi sp, sp, 16
    ret
