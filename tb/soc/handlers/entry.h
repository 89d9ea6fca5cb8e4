// Words 0 to 2 of an entry of the formats `chained` and `cuckoo`, and of a node of `tree`.
#pragma once

#include "machine.h"

static inline uint32_t fault(enum fault fault) { return fault << 1; }

// The PTE of an entry whose tag fits: 0 if it does not match after all, a fault << 1, or the word for the refill register.
static inline uint32_t judge(uint32_t entry, const struct search *s, int exact)
{
    uint32_t pte = load32(entry);
    uint32_t reserved = 0;
    if (exact)
        reserved = load32(entry + 4) >> 20 | load32(entry + 12) >> 20 | load32(entry + 16) >> 16 | load32(entry + 20);
    if (!((pte ^ s->expect) & s->care) && !reserved)
        return pte;
    if (!(pte & PTE_V) || ((pte ^ s->size) & 0x300) || (s->expect & ~pte & PTE_G))
        return 0;
    return fault(MALFORMED);
}

// The same with the tag looked at.
static inline uint32_t look(uint32_t entry, const struct search *s, uint32_t page, int exact)
{
    if (load32(entry + 8) != page)
        return 0;
    uint32_t asid = load32(entry + 16);
    if ((exact ? asid & 0xffff : asid) != s->asid)
        return 0;
    if (exact && load32(entry + 12) & 0xfffff)
        return 0;
    return judge(entry, s, exact);
}
