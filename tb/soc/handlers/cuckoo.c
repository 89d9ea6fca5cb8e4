// The format `cuckoo`: an entry in one of two to four places.
// Instructions a miss, measured over the list chase, way in and out with them: 270 to 300 with three ways.

#include "handler.h"
#include "hash.h"

const uint32_t handler_format = FORMAT_CUCKOO;

#include "entry.h"

static inline __attribute__((always_inline)) uint32_t walk(uint32_t vpn, int exact, uint32_t *place)
{
    uint32_t way_mask = boot.ways == 2 ? block.mask >> 1 : block.mask >> 2;
    for (const struct search *s = block.search; s->mask; s++) {
        uint32_t page = vpn & s->mask;
        uint32_t way_base = block.table;
        for (uint32_t way = 0; way < boot.ways; way++, way_base += (way_mask + 1) * 32) {
            uint32_t entry = way_base + (HASH_OF(s, page, way) & way_mask) * 32;
            *place = entry;
            uint32_t found = look(entry, s, page, exact);
            if (!found)
                continue;
            if (exact && found & PTE_V && load32(entry + 24) | load32(entry + 28))
                return fault(MALFORMED);
            return found;
        }
    }
    return fault(NOT_PRESENT);
}

#include "walk.h"
