// A kernel of few ends: system call 0 exits, 1 prints, 2 loads and 3 stores as the user would; a miss goes to the handler, and
// every other trap ends the simulation with 64 + its cause, after a line of its cause, address and program counter.

    .equ REGISTERS, 0x90000000
    .equ BOOT, 0x8000f000

    .section .vectors, "ax"
    .option norvc
    .global fault, reset
    j trap
    .balign 128
reset:
    li s0, REGISTERS
    li s1, BOOT
    lw t0, 8(s1)
    sw t0, 0x28(s0)
    lw t0, 12(s1)
    sw t0, 0x2c(s0)
    lw t0, 20(s1)
    sw t0, 0x34(s0)
    lw t0, 80(s1)                   // the process: ASID, entry, stack
    sw t0, 0x20(s0)
    lw t0, 4(s1)
    sw t0, 0x24(s0)
    lw t0, 84(s1)
    csrw mepc, t0
    lw sp, 88(s1)
    li t0, 0x1800
    csrc mstatus, t0
    mret

    .global phase_entry_trap, phase_return_back, phase_end_call
trap:
phase_entry_trap:
    csrw mscratch, t0
    csrr t0, mcause
    addi t0, t0, -8                 // a call from user mode
    beqz t0, call
    la t0, saved
    sw t1, 0(t0)
    sw t2, 4(t0)
    sw t3, 8(t0)
    sw t4, 12(t0)
    csrr t1, mcause
    li t2, REGISTERS
    lw t4, 0x54(t2)
    addi t3, t1, -1
    beqz t3, 1f
    lw t4, 0x5c(t2)
1:  srli t4, t4, 20                 // the fault, and bit 11: there is a record
    li t3, 0x801
    bne t4, t3, fault               // anything but not_present
    lw t4, 0x24(t2)
    beqz t4, fault                  // and that only if it is asked of software
    j miss                          // t0 saved, t1 cause, t2 registers; back to `back` or `fault`

    .global back
back:
phase_return_back:
    la t0, saved
    lw t1, 0(t0)
    lw t2, 4(t0)
    lw t3, 8(t0)
    lw t4, 12(t0)
    csrr t0, mscratch
    mret

call:
phase_end_call:
    addi t0, a7, -2
    bgez t0, in_users_name
    li t0, REGISTERS
    bnez a7, 1f
    sw a0, 4(t0)
0:  j 0b
1:  sw a0, 0(t0)
    csrr t0, mepc
    addi t0, t0, 4
    csrw mepc, t0
    csrr t0, mscratch
    mret

// With MPRV a load or store is one of the mode in MPP, which is the user's here. It may miss: the trap in machine mode goes to
// the handler, and MRET comes back with MPP as it was, but for another mepc and mscratch.
in_users_name:
    la t0, caller
    sw t1, 0(t0)
    csrr t1, mscratch
    sw t1, 4(t0)
    csrr t1, mepc
    sw t1, 8(t0)
    li t1, 1 << 17
    addi t0, a7, -3
    csrs mstatus, t1
    beqz t0, 1f
    lw a0, 0(a0)
    j 2f
1:  sw a1, 0(a0)
2:  li t1, 1 << 17
    csrc mstatus, t1
    la t0, caller
    lw t1, 4(t0)
    csrw mscratch, t1
    lw t1, 8(t0)
    addi t1, t1, 4
    csrw mepc, t1
    lw t1, 0(t0)
    csrr t0, mscratch
    mret

fault:
    li s0, REGISTERS
    li t0, 'T'
    sw t0, 0(s0)
    csrr a0, mcause
    jal hex
    csrr a0, mtval
    jal hex
    csrr a0, mepc
    jal hex
    li t0, '\n'
    sw t0, 0(s0)
    csrr a0, mcause
    addi a0, a0, 64
    sw a0, 4(s0)
0:  j 0b

hex:
    li t1, 28
1:  srl t0, a0, t1
    andi t0, t0, 15
    addi t0, t0, '0'
    li t2, '9'
    ble t0, t2, 2f
    addi t0, t0, 'a' - '0' - 10
2:  sw t0, 0(s0)
    addi t1, t1, -4
    bgez t1, 1b
    li t0, ' '
    sw t0, 0(s0)
    ret

    .data
    .balign 4
saved:
    .space 16
caller:
    .space 12
