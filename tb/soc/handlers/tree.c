// The format `tree`: buckets that lead to binary trees of nodes.
// Instructions a miss, measured over the list chase, way in and out with them: 240, most of them roots.

#include "handler.h"
#include "hash.h"

const uint32_t handler_format = FORMAT_TREE;

#include "entry.h"

// Links are addresses, multiples of 64; a machine of 32 bits has no memory at others above 2^32.
static inline int malformed_link(uint32_t low, uint32_t high, int exact)
{
    return (low & 63) || (exact && high >> 20);
}

static inline __attribute__((always_inline)) uint32_t walk(uint32_t vpn, int exact, uint32_t *place)
{
    for (const struct search *s = block.search; s->mask; s++) {
        uint32_t page = vpn & s->mask;
        uint32_t link = block.table + (HASH_OF(s, page, 0) & block.mask) * 8;
        for (uint32_t steps = block.max_steps;; steps--) {
            uint32_t node = load32(link), high = exact ? load32(link + 4) : 0;
            if (!(node | high))
                break;
            if (malformed_link(node, high, exact))
                return fault(MALFORMED);
            if (high)
                return fault(BUS_ERROR);
            if (steps == 1)
                return fault(CHAIN_TOO_LONG);
            uint32_t its_page = load32(node + 8), its_asid = load32(node + 16);
            uint32_t above = exact ? load32(node + 12) & 0xfffff : 0;
            if (exact)
                its_asid &= 0xffff;
            if (its_page == page && its_asid == s->asid && !above) {
                uint32_t found = judge(node, s, exact);
                *place = node;
                if (found)
                    return found;
                break;
            }
            // ASID first, then the VPN, of which ours has 20 bits.
            int less = its_asid != s->asid ? its_asid < s->asid : !above && its_page < page;
            link = node + (less ? 32 : 24);
        }
    }
    return fault(NOT_PRESENT);
}

#include "walk.h"
