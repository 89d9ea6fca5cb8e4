// A 32-bit instruction whose second half lies in the next page: one that is there, one of demand-zero, none.

#include "try.h"
#include "user.h"

// Two pages with file bytes, then two of demand-zero, then nothing.
static volatile uint16_t code[2][2048] __attribute__((section(".exec"), aligned(4096))) = {{1}, {1}};
static volatile uint16_t zero_code[2][2048] __attribute__((section(".bss.exec_zero"), aligned(4096)));

enum { RETURN = 0x8082, ADDI_LOW = 0x0513, MOVE_A0_RA_LOW = 0x8513 };

static uint32_t in_a0;

int main(void)
{
    int right = 1;
    catch_faults();
    // addi a0, a0, 1 is 0x00150513; the code returns the address that it was called at, plus one.
    code[0][2047] = ADDI_LOW;
    code[1][0] = 0x0015;
    code[1][1] = RETURN;
    __asm__ volatile("fence.i");
    uint32_t at = (uint32_t)&code[0][2047];
    for (int i = 0; i < 2; i++) {
        in_a0 = try_call(at);
        right &= not_faulted() && in_a0 == at + 1;
    }
    // The second half is zero: addi a0, ra, 0. Behind it stands 0, which is no instruction.
    code[1][2047] = MOVE_A0_RA_LOW;
    __asm__ volatile("fence.i");
    try_call((uint32_t)&code[1][2047]);
    right &= fault_record.count == 1 && fault_record.cause == 2 && fault_record.pc == (uint32_t)&zero_code[0][1];
    fault_record.count = 0;
    // The first half from demand-zero memory that was just written, the second from demand-zero.
    zero_code[0][2047] = MOVE_A0_RA_LOW;
    __asm__ volatile("fence.i");
    try_call((uint32_t)&zero_code[0][2047]);
    right &= fault_record.count == 1 && fault_record.cause == 2 && fault_record.pc == (uint32_t)&zero_code[1][1];
    fault_record.count = 0;
    // The second half is nowhere: the fault is the next page's, the program counter the instruction's.
    zero_code[1][2047] = ADDI_LOW;
    __asm__ volatile("fence.i");
    try_call((uint32_t)&zero_code[1][2047]);
    right &= faulted(1, 1, (uint32_t)zero_code + 8192) && fault_record.pc == (uint32_t)&zero_code[1][2047];
    return report("fetch_cross", right);
}
