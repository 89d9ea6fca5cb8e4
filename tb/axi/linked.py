"""Tables whose chains go on by an index: entries and lines. Section 2 of docs/spec.md."""

from table import CHAIN_TOO_LONG, MALFORMED, PFN_MASK, VPN_MASK, Match, Table

LINKED = 1 << 32


class Linked(Table):
    """An array of elements, and nothing else."""

    def free(self):
        """A place that is empty, from the end on."""
        return next(index for index in range(self.mask, -1, -1) if self.is_empty(self.place(index)))

    def search(self, reads, space, page, size, is_global):
        at = self.home(space, page, size)
        for _ in range(self.max_steps):
            reads.append(at)
            words = self.element(at)
            match = self.match(words, space, page, size, is_global)
            if match is not None:
                return match
            link, bad = self.link(words)
            if not link:
                return None
            following = self.next(words)
            if bad or following > self.mask:
                return MALFORMED
            at = self.place(following)
        return CHAIN_TOO_LONG

    def circle(self, home):
        """A chain that bites its tail."""
        self.set_link(home, (home - self.base) // self.place_bytes)


def match_entry(words, space, page, size, is_global):
    """An entry of 32 bytes, but for its link."""
    pte = words[0]
    here = pte & 1 and words[1] & VPN_MASK == page and words[2] & 0xFFFF == space and pte >> 8 & 3 == size
    if not here or (is_global and not pte >> 5 & 1):
        return None
    return Match(pte, pte >> 12 & PFN_MASK, pte >> 52 | pte >> 10 & 3 | words[1] >> 52 | words[2] >> 16)


class Chained(Linked):
    """Entries of 32 bytes, linked."""

    element_bytes = place_bytes = 32
    match = staticmethod(match_entry)

    @staticmethod
    def link(words):
        return words[3] >> 32 & 1, words[3] >> 33

    @staticmethod
    def next(words):
        return words[3] & 0xFFFF_FFFF

    def set_link(self, at, following):
        self.memory[at + 24] = LINKED | following

    def insert(self, page):
        at = self.home(page.asid, page.vpn)
        if not self.is_empty(at):
            while self.link(self.element(at))[0]:
                at = self.place(self.next(self.element(at)))
            following = self.free()
            self.set_link(at, following)
            at = self.place(following)
        self.put(at, [page.pte(), page.vpn, page.asid, 0])
        self.pages[page] = at


class Lines(Linked):
    """Lines of 64 bytes. Pages are put one an entry in lines that are not dense; dense ones are put whole."""

    element_bytes = place_bytes = 64
    # Of the VPN: in which word, from which bit on, which bits of it, how many.
    VPN_PARTS = [(3, 52, 3, 12), (5, 52, 15, 12), (7, 52, 27, 12)]
    VPN_PARTS += [(2, 60, 39, 4), (4, 60, 43, 4), (6, 60, 47, 4), (1, 8, 51, 1)]

    @staticmethod
    def hashed_page(vpn, size):
        return vpn >> 3 + 9 * size << 3 + 9 * size

    @classmethod
    def match(cls, words, space, page, size, is_global):
        if words[0] >> 11 & 1:
            tag = sum((words[w] >> low & (1 << bits) - 1) << to for w, low, to, bits in cls.VPN_PARTS)
            asid = words[0] >> 60 << 12 | words[1] >> 52
            number = page >> 9 * size & 7
            pte = words[number]
            group = cls.hashed_page(page, size)
            here = asid == space and tag == group and words[0] >> 8 & 3 == size and pte & 1
            if not here or (is_global and not pte >> 5 & 1):
                return None
            stray = 0 if number == 0 else pte >> 8 & (0b1110 if number == 1 else 0b1111)
            return Match(pte, pte >> 12 & PFN_MASK, stray)
        for entry in range(4):
            pte, rest = words[2 * entry], words[2 * entry + 1]
            asid = pte >> 60 << 12 | rest >> 52
            here = pte & 1 and rest & VPN_MASK == page and asid == space and pte >> 8 & 3 == size
            if here and (not is_global or pte >> 5 & 1):
                return Match(pte, pte >> 12 & PFN_MASK, 0 if entry == 0 else pte >> 10 & 3)
        return None

    @staticmethod
    def link(words):
        return words[0] >> 10 & 1, 0

    @staticmethod
    def next(words):
        return sum((words[2 * part] >> 52 & 0xFF) << 8 * part for part in range(4))

    def set_link(self, at, following):
        self.memory[at] |= 1 << 10
        for part in range(4):
            word = self.memory[at + 16 * part]
            self.memory[at + 16 * part] = word & ~(0xFF << 52) | (following >> 8 * part & 0xFF) << 52

    def insert(self, page):
        """In the first free entry of the page's chain, else in a new line at its end."""
        at = self.home(page.asid, page.vpn, page.size)
        while True:
            words = self.element(at)
            room = [] if words[0] >> 11 & 1 else [entry for entry in range(4) if not words[2 * entry] & 1]
            if room:
                break
            if not self.link(words)[0]:
                self.set_link(at, self.free())
            at = self.place(self.next(self.element(at)))
        entry = room[0]
        pte = words[2 * entry] & (0xFF << 52 | 3 << 10) | page.pte() | page.asid >> 12 << 60
        self.pages[page] = at + 16 * entry
        self.put(at + 16 * entry, [pte, page.vpn | (page.asid & 0xFFF) << 52])

    def insert_group(self, pages):
        """Up to eight neighbours of one group as a dense line at their home, which must be empty."""
        first = pages[0]
        at, group = self.home(first.asid, first.vpn, first.size), self.hashed_page(first.vpn, first.size)
        assert self.is_empty(at)
        words = [0] * 8
        for page in pages:
            number = page.vpn >> 9 * page.size & 7
            words[number] = page.pte() & ~(3 << 8)
            self.pages[page] = at + 8 * number
        words[0] |= 1 << 11 | first.size << 8 | first.asid >> 12 << 60
        words[1] |= (first.asid & 0xFFF) << 52
        for word, low, to, bits in self.VPN_PARTS:
            words[word] |= (group >> to & (1 << bits) - 1) << low
        self.put(at, words)
