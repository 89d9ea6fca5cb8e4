#include "console.h"

#include "machine.h"

void print(const char *text)
{
    while (*text)
        set(CONSOLE, (uint8_t)*text++);
}

void print_hex(uint32_t value)
{
    print("0x");
    for (int shift = 28; shift >= 0; shift -= 4)
        set(CONSOLE, (uint8_t)"0123456789abcdef"[value >> shift & 15]);
}

_Noreturn void stop(uint32_t code)
{
    set(EXIT, code);
    for (;;)
        ;
}

_Noreturn void panic(const char *text)
{
    print("kernel: ");
    print(text);
    print("\n");
    stop(KERNEL_FAILED);
}

// A trap that came while in machine mode.
_Noreturn void machine_fault(uint32_t cause, uint32_t pc, uint32_t value)
{
    print("kernel: trap in machine mode, cause ");
    print_hex(cause);
    print(" pc ");
    print_hex(pc);
    print(" value ");
    print_hex(value);
    print("\n");
    stop(KERNEL_FAILED);
}

// The compiler may call these.
void *memset(void *to, int value, size_t bytes)
{
    for (uint8_t *p = to; bytes--;)
        *p++ = (uint8_t)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *p = to;
    for (const uint8_t *q = from; bytes--;)
        *p++ = *q++;
    return to;
}
