// System calls, and the little that a program here needs.
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline uint32_t system_call(uint32_t number, uint32_t argument)
{
    register uint32_t a0 __asm__("a0") = argument;
    register uint32_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7) : "memory");
    return a0;
}

static inline void print_char(char c) { system_call(1, (uint8_t)c); }
static inline uint32_t cycles(void) { return system_call(2, 0); }
static inline void yield(void) { system_call(3, 0); }

static inline void print(const char *text)
{
    while (*text)
        print_char(*text++);
}

// One line, and the exit code.
static inline int report(const char *name, int right)
{
    print(name);
    print(right ? ": right\n" : ": wrong\n");
    return !right;
}

static inline uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}
