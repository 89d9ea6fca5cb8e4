// Loads and stores that cross from one page into the next: one that is there, one of demand-zero, one that is missing.

#include "try.h"
#include "user.h"

static volatile uint8_t first[8192] __attribute__((aligned(4096))) = {1};
static uint8_t zeros[4][4096] __attribute__((aligned(4096)));
extern uint8_t image_end[];             // the first page behind the image is not mapped

static int byte_is(uint32_t address, uint8_t value) { return *(volatile uint8_t *)address == value; }

int main(void)
{
    int right = 1;
    catch_faults();
    for (uint32_t offset = 1; offset < 4; offset++) {
        uint32_t at = (uint32_t)first + 4096 - offset;
        try_store(at, 0x44332211);
        right &= not_faulted() && try_load(at) == 0x44332211;
        for (uint32_t i = 0; i < 4; i++)
            right &= byte_is(at + i, (uint8_t)(0x11 * (i + 1)));
        // Into demand-zero from a page of demand-zero: neither, then one, then both have been touched.
        at = (uint32_t)zeros + 4096 * offset - offset;
        right &= try_load(at) == 0 && not_faulted();
        try_store(at, 0x88776655);
        right &= not_faulted() && try_load(at) == 0x88776655;
        for (uint32_t i = 0; i < 4; i++)
            right &= byte_is(at + i, (uint8_t)(0x55 + 0x11 * i));
        // Into the missing page: the fault names it.
        at = (uint32_t)image_end - offset;
        try_load(at);
        right &= faulted(5, 1, (uint32_t)image_end);
        try_store(at, 1);
        right &= faulted(7, 1, (uint32_t)image_end);
        // And out of it.
        try_load((uint32_t)first - offset);
        right &= faulted(5, 1, (uint32_t)first - 1);
    }
    return report("misaligned", right);
}
