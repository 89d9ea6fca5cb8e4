// Every fault that user mode can cause: cause, page and code are right, and the program goes on.

#include "try.h"
#include "user.h"

static const volatile uint32_t constant[1024] = {7};
static volatile uint32_t data[1024] = {0x8082};         // a return, but the page may not be executed
extern uint8_t image_end[], _start[];

enum { FETCH_FAULT = 1, LOAD_FAULT = 5, STORE_FAULT = 7 };
enum { NOT_PRESENT = 1, RIGHTS = 2 };

static int all_kinds(uint32_t address)
{
    int right = 1;
    try_load(address);
    right &= faulted(LOAD_FAULT, NOT_PRESENT, address);
    try_store(address, 0);
    right &= faulted(STORE_FAULT, NOT_PRESENT, address);
    try_call(address);
    right &= faulted(FETCH_FAULT, NOT_PRESENT, address) & (fault_record.pc == address);
    return right;
}

int main(void)
{
    static const uint32_t nowhere[] = {
        0, 0x4000, 0x7ffff000, 0xfffff000,
        0x80000000, 0x80001000, 0x8000f000,             // the window
        0x90000000, 0x90000004, 0x90000064, 0x90000074, // registers: EXIT, refill, invalidate
    };
    int right = 1;
    catch_faults();
    for (unsigned i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
        right &= all_kinds(nowhere[i]);
    right &= all_kinds((uint32_t)image_end);
    // Rights, before and after the page is in the TLB.
    for (int round = 0; round < 2; round++) {
        try_store((uint32_t)constant, 1);
        right &= faulted(STORE_FAULT, RIGHTS, (uint32_t)constant);
        right &= try_load((uint32_t)constant) == 7 && not_faulted();
        try_store((uint32_t)_start, 1);
        right &= faulted(STORE_FAULT, RIGHTS, (uint32_t)_start);
        try_call((uint32_t)data);
        right &= faulted(FETCH_FAULT, RIGHTS, (uint32_t)data);
        try_call((uint32_t)constant);
        right &= faulted(FETCH_FAULT, RIGHTS, (uint32_t)constant);
        right &= try_load((uint32_t)data) == 0x8082 && not_faulted();
    }
    return report("fault_each", right);
}
