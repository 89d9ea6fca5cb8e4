// The format `radix`: four levels of nodes under a directory. There is no hash.
// Instructions a miss, measured over the list chase, way in and out with them: 172: no hash, five words one after the other.

#include "handler.h"

const uint32_t handler_format = FORMAT_RADIX;

#define LEADS_ON 0x400u

static inline uint32_t fault(enum fault fault) { return fault << 1; }

// Searches from bit `first` of the enables on, in the tree of an ASID. 0 means that it has found nothing.
static inline __attribute__((always_inline)) uint32_t search(uint32_t asid, uint32_t vpn, uint32_t first, int exact,
                                                             uint32_t *place)
{
    uint32_t word = block.table + asid * 8;
    for (uint32_t level = 5;; level--) {
        uint32_t pte = load32(word), high = exact ? load32(word + 4) : 0;
        if (!(pte & PTE_V))
            return 0;
        if (pte & LEADS_ON) {
            if (level == 1 || pte & 0xbfe || high >> 20)
                return fault(MALFORMED);
            if (high)
                return fault(BUS_ERROR);
            word = (pte & ~0xfffu) + (vpn >> 9 * (level - 2) & 511) * 8;
            continue;
        }
        if (level >= 4)
            return fault(MALFORMED);
        uint32_t size = level - 1;
        if (!(boot.search_enable >> (first + size) & 1) || (first && !(pte & PTE_G)))
            return 0;
        *place = word;
        if ((pte >> 8 & 3) != size || pte & 0x800 || high >> 20 || pte >> 12 & ((1u << 9 * size) - 1)
            || (pte & PTE_G && asid))
            return fault(MALFORMED);
        return pte;
    }
}

static inline __attribute__((always_inline)) uint32_t walk_of(uint32_t asid, uint32_t vpn, int exact, uint32_t *place)
{
    uint32_t found = 0;
    if (boot.search_enable & 7)
        found = search(asid, vpn, 0, exact, place);
    if (!found && boot.search_enable >> 3 && asid)
        found = search(0, vpn, 3, exact, place);
    return found ? found : fault(NOT_PRESENT);
}

FAST("loads") uint32_t phase_loads_c(uint32_t asid, uint32_t vpn)
{
    uint32_t place;
    return walk_of(asid, vpn, EXACT, &place);
}

uint32_t pte_of(uint32_t asid, uint32_t vpn, uint32_t *place) { return walk_of(asid, vpn, 1, place); }

void set_page(uint32_t place, uint32_t pfn, uint32_t rights) { store32(place, pfn << 12 | rights); }
