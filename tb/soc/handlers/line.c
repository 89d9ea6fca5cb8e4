// The format `line`: sparse lines of four pages with a tag each, and dense lines of eight under one.
// Instructions a miss, measured over the list chase, way in and out with them: 292, in a mix of dense and other lines.

#include "handler.h"
#include "hash.h"

const uint32_t handler_format = FORMAT_LINE;

#define LINE_L 0x400u
#define LINE_E 0x800u

static inline uint32_t fault(enum fault fault) { return fault << 1; }

// VPN[51:20] of a dense line's tag, or what stands in their place, is zero.
static inline int dense_high_clear(uint32_t line)
{
    uint32_t w1 = load32(line + 8) >> 8 & 1;
    uint32_t high = load32(line + 20) >> 28 | load32(line + 36) >> 28 | load32(line + 52) >> 28 | load32(line + 60) >> 20;
    return !(w1 | high);
}

static inline uint32_t next_of(uint32_t line)
{
    return (load32(line + 4) >> 20 & 255) | (load32(line + 20) >> 20 & 255) << 8 | (load32(line + 36) >> 20 & 255) << 16
        | (load32(line + 52) >> 20 & 255) << 24;
}

// The page's PTE in a dense line: 0 if it does not match, a fault << 1, or the word for the refill register.
static inline uint32_t look_dense(uint32_t line, uint32_t word0, const struct search *s, uint32_t vpn, int exact, uint32_t *place)
{
    uint32_t group = vpn & s->mask;
    if ((word0 & 0x300) != s->size || load32(line + 28) >> 20 != (group >> 3 & 0xfff) || load32(line + 44) >> 20 != group >> 15
        || load32(line + 12) >> 20 != (s->asid & 0xfff) || load32(line + 4) >> 28 != s->asid >> 12)
        return 0;
    if (exact && !dense_high_clear(line))
        return 0;
    uint32_t page = vpn >> s->shift & 7;
    uint32_t pte = load32(line + 8 * page);
    *place = line + 8 * page;
    if (page == 0)
        pte &= ~0xf00u;
    if (page == 1)
        pte &= ~0x100u;                 // VPN[51]
    // Bits 9:8 of the page's own word must be zero too.
    if (!((pte ^ (s->expect & ~0x300u)) & s->care))
        return pte | s->size;
    if (!(pte & PTE_V) || (s->expect & ~pte & PTE_G))
        return 0;
    return fault(MALFORMED);
}

static inline uint32_t look_sparse(uint32_t line, const struct search *s, uint32_t vpn, int exact, uint32_t *place)
{
    uint32_t page = vpn >> s->shift << s->shift;
    for (uint32_t entry = line; entry < line + 64; entry += 16) {
        if (load32(entry + 8) != page)
            continue;
        uint32_t tag = load32(entry + 12);
        if (tag != s->tag || load32(entry + 4) >> 28 != s->asid >> 12)
            continue;
        uint32_t pte = load32(entry);
        *place = entry;
        if (entry == line)
            pte &= ~0xc00u;
        if (!((pte ^ s->expect) & s->care))
            return pte;
        if (!(pte & PTE_V) || ((pte ^ s->size) & 0x300) || (s->expect & ~pte & PTE_G))
            continue;
        return fault(MALFORMED);
    }
    (void)exact;                        // the tag is compared whole in any case
    return 0;
}

static inline __attribute__((always_inline)) uint32_t walk(uint32_t vpn, int exact, uint32_t *place)
{
    for (const struct search *s = block.search; s->mask; s++) {
        uint32_t index = HASH_OF(s, vpn & s->mask, 0) & block.mask;
        for (uint32_t steps = block.max_steps;; steps--) {
            uint32_t line = block.table + index * 64;
            uint32_t word0 = load32(line);
            uint32_t found = word0 & LINE_E ? look_dense(line, word0, s, vpn, exact, place)
                                            : look_sparse(line, s, vpn, exact, place);
            if (found)
                return found;
            if (!(word0 & LINE_L))
                break;
            index = next_of(line);
            if (index > block.mask)
                return fault(MALFORMED);
            if (steps == 1)
                return fault(CHAIN_TOO_LONG);
        }
    }
    return fault(NOT_PRESENT);
}

#include "walk.h"
