"""Tables that lead on by the address of what follows: inverted ones and balanced trees. Section 2 of docs/spec.md."""

from linked import match_entry
from table import CHAIN_TOO_LONG, MALFORMED, PFN_MASK, VPN_MASK, Match, Table


class Addressed(Table):
    """An array of links."""

    place_bytes, more_places = 8, 2

    def search(self, reads, space, page, size, is_global):
        at = self.home(space, page)
        reads.append(at)
        link = self.memory[at]
        for probe in range(1, self.max_steps + 1):
            if not link:
                return None
            if link & self.NO_LINK:
                return MALFORMED
            if probe == self.max_steps:
                return CHAIN_TOO_LONG
            reads.append(link)
            ends, link = self.probe(link, space, page, size, is_global)
            if ends:
                return link
        raise AssertionError("a search has a last probe")


class Inverted(Addressed):
    """Chains through the entries of the frames, and through aliases of those that have further pages."""

    element_bytes = 32
    NO_LINK = 0xFFF << 52 | 0xF
    NEXT_MASK = (1 << 48) - 1
    ALIAS = 1 << 10

    def __init__(self, base, *rest, **options):
        super().__init__(base, *rest, **options)
        # As many entries as there are frame numbers, so a sixteenth of all addresses.
        self.entries = (base >> 22 & 0xFF or 1) << 44

    def insert(self, page):
        """In front of its chain: in its frame's entry, if no other page has it, else in an alias."""
        home, place = self.home(page.asid, page.vpn), self.entries + 16 * page.pfn
        word0, word1 = page.flags() | page.vpn << 12, self.memory[home] >> 4 | page.asid << 48
        if place in self.pages.values():
            place = self.fresh(32)
            self.put(place, [word0 | self.ALIAS, word1, page.pfn << 12, 0])
        else:
            for at in range(place & ~31, (place & ~31) + 32, 8):
                self.memory.setdefault(at, 0)
            self.put(place, [word0, word1])
        self.memory[home] = place
        self.pages[page] = place

    def probe(self, at, space, page, size, is_global):
        word0, word1 = self.memory[at], self.memory[at + 8]
        here = word0 & 1 and word0 >> 12 == page and word1 >> 48 == space and word0 >> 8 & 3 == size
        if not here or (is_global and not word0 >> 5 & 1):
            return False, (word1 & self.NEXT_MASK) << 4
        stray, pfn = word0 >> 11 & 1, (at ^ self.entries) >> 4 & PFN_MASK
        if word0 & self.ALIAS:
            if at % 32:
                return True, MALFORMED
            word2, pfn = self.memory[at + 16], self.memory[at + 16] >> 12 & PFN_MASK
            stray |= word2 >> 52 | word2 & 0xFFF | self.memory[at + 24]
        else:
            stray |= at >> 44 != self.entries >> 44
        return True, Match(word0, pfn, stray)

    def circle(self, home):
        self.memory[home] = alias = self.fresh(32)
        self.memory[alias + 8] = alias >> 4


class Trees(Addressed):
    """Binary trees, which these tests' software does not balance."""

    element_bytes = 64
    NO_LINK = 0xFFF << 52 | 0x3F

    def insert(self, page):
        at, key = self.home(page.asid, page.vpn), page.asid << 52 | page.vpn
        while self.memory[at]:
            at = self.side(self.memory[at], key)
        self.memory[at] = node = self.fresh(64)
        self.put(node, [page.pte(), page.vpn, page.asid])
        self.pages[page] = node

    def side(self, node, key):
        """The address of the link to smaller keys or to larger ones; None where it is the node's own."""
        own = (self.memory[node + 16] & 0xFFFF) << 52 | self.memory[node + 8] & VPN_MASK
        return None if own == key else node + (32 if own < key else 24)

    def probe(self, node, space, page, size, is_global):
        side = self.side(node, space << 52 | page)
        if side is None:
            return True, match_entry(self.element(node), space, page, size, is_global)
        return False, self.memory[side]

    def circle(self, home):
        self.memory[home] = node = self.fresh(64)
        self.put(node + 24, [node, node])
