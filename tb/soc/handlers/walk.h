// The two uses of a format's `walk`: by misses, and by the kernel. Included at the end of a handler's C file.

#ifndef ASSEMBLY
FAST("loads") uint32_t phase_loads_c(uint32_t asid, uint32_t vpn)
{
    uint32_t place;
    (void)asid;                         // that of the running process, for which the searches stand
    return walk(vpn, EXACT, &place);
}
#endif

uint32_t pte_of(uint32_t asid, uint32_t vpn, uint32_t *place)
{
    (void)asid;
    return walk(vpn, 1, place);
}

// Bits 11:8 of the word are no part of frame and rights: they stay.
#ifndef OWN_SET_PAGE
void set_page(uint32_t place, uint32_t pfn, uint32_t rights)
{
    store32(place, (load32(place) & 0xf00) | pfn << 12 | rights);
}
#endif
