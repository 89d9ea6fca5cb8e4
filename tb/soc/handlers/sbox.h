// The substitution of PRESENT on bit planes: 14 operations (the circuit of Courtois, Hulme and Mourouzis, 2011).
#pragma once
#include <stdint.h>

struct planes { uint32_t p0, p1, p2, p3; };

static inline struct planes substitute(struct planes x)
{
    struct planes y;
    uint32_t a = x.p1 ^ x.p2;
    uint32_t b = x.p2 & a;
    uint32_t c = x.p3 ^ b;
    y.p0 = x.p0 ^ c;
    b = a & c;
    a ^= y.p0;
    b ^= x.p2;
    y.p1 = a ^ (x.p0 | b);
    b ^= ~x.p0;
    y.p3 = y.p1 ^ b;
    y.p2 = c ^ (b | a);
    return y;
}
