// The list of searches (docs/spec.md section 4), prepared when a process begins to run.

#include "console.h"
#include "handler.h"
#include "hash.h"

// Of the keyed hash: for each process and for ASID 0, four ways of 16 entries of 4 words.
static uint32_t constants[3][4][16][4];

void handler_start(void)
{
    hash_start(boot.key);
    hash_constants(constants[2][0][0], boot.key, 0, boot.format == FORMAT_CUCKOO ? boot.ways : 1);
}

void prepare_process(uint32_t number, const struct context *context)
{
    hash_constants(constants[number][0][0], boot.key, context->asid, boot.format == FORMAT_CUCKOO ? boot.ways : 1);
}

static struct search search_for(const struct context *context, uint32_t number)
{
    uint32_t global = number >= 3, size = number % 3, asid = global ? 0 : context->asid;
    uint32_t hashed = ~0u << (9 * size + (boot.format == FORMAT_LINE ? 3 : 0));
    uint32_t low_frame = ((1u << 9 * size) - 1) << 12;  // bits of a PFN that a huge page wants zero
    uint32_t must_be_zero = 0xc00;                       // but in word 0 of a line; there they are no part of the PTE
    struct search search = {
        .mask = hashed & 0xfffff,
        .asid = asid,
        .constants = constants[global ? 2 : context->boot - boot.process][0][0],
        .expect = PTE_V | size << 8 | (global ? PTE_G : 0),
        .care = PTE_V | 0x300 | must_be_zero | low_frame | (asid || global ? PTE_G : 0),
        .shift = 9 * size,
        .size = size << 8,
        .tag = asid << 20,
    };
    // A group of 1 GiB pages is as large as twice the address space: it is rounded down to page 0. The list ends at mask 0,
    // so that bit 31, which no VPN has, stands for it.
    search.mask |= 0x80000000u;
    return search;
}

void prepare_searches(const struct context *context)
{
    struct search *search = block.search;
    for (uint32_t number = 0; number < 6; number++)
        if (boot.search_enable & 1u << number && (number < 3 || context->asid))
            *search++ = search_for(context, number);
    search->mask = 0;
    if (search == block.search)
        panic("no search is enabled");
}
