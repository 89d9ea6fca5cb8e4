// The format `inverted`: anchors that lead to chains of the frames' entries and of aliases.
// Instructions a miss, measured over the list chase, way in and out with them: 287.

#include "handler.h"
#include "hash.h"

const uint32_t handler_format = FORMAT_INVERTED;

#define ALIAS 0x400u

static inline uint32_t fault(enum fault fault) { return fault << 1; }

// An entry's words are not those of the other formats: the VPN stands above its rights, the frame is told by its place.
// VPN[19:0] is in bits 31:12 of word 0, as a frame is elsewhere; word 1 holds `next` in 47:0 and the ASID in 63:48.
static inline __attribute__((always_inline)) uint32_t judge(uint32_t entry, uint32_t word0, const struct search *s, int exact)
{
    uint32_t pte = word0 & 0x3ff;
    if (!(pte & PTE_V) || (pte & 0x300) != s->size || (s->expect & ~pte & PTE_G))
        return 0;
    uint32_t frame = word0 & ALIAS ? load32(entry + 16) & ~0xfffu : (entry ^ boot.entries_frame << 12) << 8 & ~0xfffu;
    if (word0 & 0x800 || (pte & PTE_G && s->asid) || frame & s->care & ~0xfffu)
        return fault(MALFORMED);
    if (exact && word0 & ALIAS
        && (entry & 31 || load32(entry + 16) & 0xfff || load32(entry + 20) >> 20 || load32(entry + 24) | load32(entry + 28)))
        return fault(MALFORMED);
    return frame | pte;
}

static inline __attribute__((always_inline)) uint32_t walk(uint32_t vpn, int exact, uint32_t *place)
{
    for (const struct search *s = block.search; s->mask; s++) {
        uint32_t page = vpn & s->mask;
        uint32_t anchor = block.table + (HASH_OF(s, page, 0) & block.mask) * 8;
        uint32_t entry = load32(anchor), high = exact ? load32(anchor + 4) : 0;
        if (!(entry | high))
            continue;
        if (entry & 15 || high >> 20)
            return fault(MALFORMED);
        for (uint32_t steps = block.max_steps;;) {
            if (high)
                return fault(BUS_ERROR);
            if (--steps == 0)
                return fault(CHAIN_TOO_LONG);
            uint32_t word0 = load32(entry), asid = load32(entry + 12);
            *place = entry;
            if (word0 >> 12 == page && asid >> 16 == s->asid && !(exact && load32(entry + 4))) {
                uint32_t found = judge(entry, word0, s, exact);
                if (found)
                    return found;
            }
            // next is the address / 16; above bit 27 there is no memory.
            uint32_t next = load32(entry + 8);
            if (!(next | (asid & 0xffff)))
                break;
            high = next >> 28 | (asid & 0xffff);
            entry = next << 4;
        }
    }
    return fault(NOT_PRESENT);
}

// The frame of an alias stands in its word 2, and is written first. That of an entry is the entry's own, and cannot change:
// a page of demand-zero or copy-on-write is mapped by an alias.
void set_page(uint32_t place, uint32_t pfn, uint32_t rights)
{
    uint32_t word0 = load32(place);
    if (word0 & ALIAS)
        store32(place + 16, pfn << 12);
    store32(place, (word0 & ~0xffu) | rights);
}

#define OWN_SET_PAGE
#include "walk.h"
