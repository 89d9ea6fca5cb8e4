"""The page table as bytes, its hash and its walk, written from docs/spec.md and from nothing else."""

from dataclasses import dataclass, field

READ, WRITE, FETCH = 0, 1, 2
R, W, X, U = 1, 2, 4, 8
NONE, NOT_PRESENT, RIGHTS, MALFORMED, CHAIN_TOO_LONG, BUS_ERROR, UNMARKED = range(7)

VPN_MASK = (1 << 52) - 1
STATE_BITS = 68
STATE_MASK = (1 << STATE_BITS) - 1
SUBSTITUTION = [0xC, 5, 6, 0xB, 9, 0, 0xA, 0xD, 3, 0xE, 0xF, 8, 4, 7, 1, 2]


def keyed(asid, vpn, key):
    """Section 3: three rounds under a key of 128 bits."""

    def round_key(number):
        turn = 60 * number % 128
        return (key >> turn | key << (128 - turn)) & STATE_MASK

    def substitute(x):
        return sum(SUBSTITUTION[x >> low & 15] << low for low in range(0, STATE_BITS, 4))

    def rotate(x, turn):
        return (x << turn | x >> (STATE_BITS - turn)) & STATE_MASK

    def mix(x):
        return x ^ rotate(x, 6) ^ rotate(x, 59)

    x = (asid << 52 | vpn) ^ round_key(0)
    x = mix(substitute(x)) ^ round_key(1)
    x = mix(substitute(x)) ^ round_key(2)
    x = substitute(x)
    return (x ^ x >> 32 ^ x >> 64) & 0xFFFF_FFFF


def fold(asid, vpn, _key):
    """Section 3: the plain xor."""
    return (vpn ^ vpn >> 32 ^ asid) & 0xFFFF_FFFF


HASHES = {"keyed": keyed, "fold": fold}


@dataclass(frozen=True)
class Page:
    """What a PTE says, and of which page."""

    asid: int
    vpn: int
    pfn: int
    rights: int = R | W | U
    size: int = 0
    is_global: bool = False

    def pte(self):
        """The bits of word 0 of an entry, but for the links."""
        return 1 | (self.rights & 7) << 1 | self.rights >> 3 << 4 | self.is_global << 5 | self.size << 8 | self.pfn << 12


@dataclass
class Found:
    """How a walk ends."""

    fault: int
    pfn: int = 0
    reads: list = field(default_factory=list)


class Table:
    """A table of elements in a bytearray that a memory is filled from."""

    element_bytes = 0

    def __init__(self, base, log2, hash_name="fold", key=0, searches=0x3F, max_steps=64):
        self.base, self.log2, self.key, self.searches, self.max_steps = base, log2, key, searches, max_steps
        self.hash = HASHES[hash_name]
        self.bytes = bytearray(self.element_bytes << log2)
        self.pages = {}

    @property
    def mask(self):
        return (1 << self.log2) - 1

    def words(self, index):
        start = index * self.element_bytes
        return [int.from_bytes(self.bytes[at : at + 8], "little") for at in range(start, start + self.element_bytes, 8)]

    def put(self, index, words):
        start = index * self.element_bytes
        self.bytes[start : start + self.element_bytes] = b"".join(word.to_bytes(8, "little") for word in words)

    def home(self, asid, vpn, size):
        return self.hash(asid, self.hashed_page(vpn, size), self.key) & self.mask

    def free(self, reserved=()):
        """An element that is empty and that nobody has as a home."""
        return next(i for i in range(self.mask, -1, -1) if i not in reserved and not any(self.words(i)))

    def walk(self, asid, vpn, access, user, unreadable=()):
        """Section 4, for a whole walk."""
        found = Found(NOT_PRESENT)
        for search in range(6):
            is_global, size = search >= 3, search % 3
            if not self.searches >> search & 1 or (is_global and asid == 0):
                continue
            space, page = (0 if is_global else asid), vpn >> 9 * size << 9 * size
            index = self.home(space, page, size)
            for step in range(1, self.max_steps + 1):
                found.reads.append(index)
                if index in unreadable:
                    found.fault = BUS_ERROR
                    return found
                words = self.words(index)
                match = self.match(words, space, page, size, is_global)
                if match is not None:
                    pte, stray = match
                    found.fault, found.pfn = judge(pte, stray, space, vpn, size, access, user)
                    return found
                link, bad = self.link(words)
                if not link:
                    break
                following = self.next(words)
                if bad or following > self.mask:
                    found.fault = MALFORMED
                    return found
                if step == self.max_steps:
                    found.fault = CHAIN_TOO_LONG
                    return found
                index = following
        return found


def judge(pte, stray, space, vpn, size, access, user):
    """A matching PTE: malformed, denied, or the frame."""
    pfn = pte >> 12 & (1 << 40) - 1
    offset = (1 << 9 * size) - 1
    if stray or pfn & offset or (pte >> 5 & 1 and space != 0):
        return MALFORMED, 0
    allowed = access < 3 and pte >> (1 + access) & 1 and (not user or pte >> 4 & 1)
    return (NONE, pfn | vpn & offset) if allowed else (RIGHTS, 0)


class Chained(Table):
    """Entries of 32 bytes, linked."""

    element_bytes = 32

    @staticmethod
    def hashed_page(vpn, _size):
        return vpn

    @staticmethod
    def match(words, space, page, size, is_global):
        pte = words[0]
        here = pte & 1 and words[1] & VPN_MASK == page and words[2] & 0xFFFF == space and pte >> 8 & 3 == size
        if not here or (is_global and not pte >> 5 & 1):
            return None
        return pte, pte >> 52 | pte >> 10 & 3 | words[1] >> 52 | words[2] >> 16

    @staticmethod
    def link(words):
        return words[3] >> 32 & 1, words[3] >> 33

    @staticmethod
    def next(words):
        return words[3] & 0xFFFF_FFFF

    def insert(self, page):
        index = self.home(page.asid, page.vpn, page.size)
        if any(self.words(index)):
            while self.link(self.words(index))[0]:
                index = self.next(self.words(index))
            place = self.free()
            words = self.words(index)
            words[3] = 1 << 32 | place
            self.put(index, words)
            index = place
        self.put(index, [page.pte(), page.vpn, page.asid, 0])
        self.pages[page] = index

    def remove(self, page):
        """Withdraws the mapping; its entry still links."""
        index = self.pages.pop(page)
        words = self.words(index)
        words[0] = 0
        self.put(index, words)


class Lines(Table):
    """Lines of 64 bytes. Pages are put one an entry in lines that are not dense; dense ones are put whole."""

    element_bytes = 64
    VPN_PARTS = [(3, 52, 3, 12), (5, 52, 15, 12), (7, 52, 27, 12), (2, 60, 39, 4), (4, 60, 43, 4), (6, 60, 47, 4), (1, 8, 51, 1)]

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
            return pte, 0 if number == 0 else pte >> 8 & (0b1110 if number == 1 else 0b1111)
        for entry in range(4):
            pte, rest = words[2 * entry], words[2 * entry + 1]
            asid = pte >> 60 << 12 | rest >> 52
            here = pte & 1 and rest & VPN_MASK == page and asid == space and pte >> 8 & 3 == size
            if here and (not is_global or pte >> 5 & 1):
                return pte, 0 if entry == 0 else pte >> 10 & 3
        return None

    @staticmethod
    def link(words):
        return words[0] >> 10 & 1, 0

    @staticmethod
    def next(words):
        return sum((words[2 * part] >> 52 & 0xFF) << 8 * part for part in range(4))

    def set_link(self, index, following):
        words = self.words(index)
        words[0] |= 1 << 10
        for part in range(4):
            words[2 * part] = words[2 * part] & ~(0xFF << 52) | (following >> 8 * part & 0xFF) << 52
        self.put(index, words)

    def insert(self, page):
        """In the first free entry of the page's chain, else in a new line at its end."""
        index = self.home(page.asid, page.vpn, page.size)
        while True:
            words = self.words(index)
            room = [] if words[0] >> 11 & 1 else [entry for entry in range(4) if not words[2 * entry] & 1]
            if room:
                break
            if not self.link(words)[0]:
                self.set_link(index, self.free())
                words = self.words(index)
            index = self.next(words)
        entry = room[0]
        words[2 * entry] = words[2 * entry] & (0xFF << 52 | 3 << 10) | page.pte() | page.asid >> 12 << 60
        words[2 * entry + 1] = page.vpn | (page.asid & 0xFFF) << 52
        self.put(index, words)
        self.pages[page] = (index, entry)

    def insert_group(self, pages):
        """Up to eight neighbours of one group as a dense line at their home, which must be empty."""
        first = pages[0]
        index, group = self.home(first.asid, first.vpn, first.size), self.hashed_page(first.vpn, first.size)
        assert not any(self.words(index))
        words = [0] * 8
        for page in pages:
            number = page.vpn >> 9 * page.size & 7
            words[number] = page.pte() & ~(3 << 8)
            self.pages[page] = (index, None)
        words[0] |= 1 << 11 | first.size << 8 | first.asid >> 12 << 60
        words[1] |= (first.asid & 0xFFF) << 52
        for word, low, to, bits in self.VPN_PARTS:
            words[word] |= (group >> to & (1 << bits) - 1) << low
        self.put(index, words)

    def remove(self, page):
        index, entry = self.pages.pop(page)
        words = self.words(index)
        words[page.vpn >> 9 * page.size & 7 if entry is None else 2 * entry] &= ~0xFF
        self.put(index, words)


FORMATS = {"line": Lines, "chained": Chained}


def known_answers():
    """Section 10: this file against the contract."""
    assert keyed(0, 0, 0) == 0x00000006
    assert keyed(1, 0x1A, 0) == 0x95A8C5D7
    assert keyed(0xBEEF, 0x8000012345678, 0x0123456789ABCDEFFEDCBA9876543210) == 0x66FA2FAF
    assert fold(5, 0x8000012345678, 0) == 0x123C567D

    table = Chained(0, 7, searches=1)
    for page in CONTRACT_PAGES:
        table.insert(page)
    assert table.words(0x3E)[:3] == [0x32013, 0x3C, 2]
    assert table.walk(4, 0x3A, READ, False).pfn == 0x14

    line = Lines(0, 6)
    line.insert_group([Page(0xBEEF, 0x800001234567D, 0xABCDE)])
    index = line.home(0xBEEF, 0x8000012345678, 0)
    line.set_link(index, 0x89ABCDEF)
    assert [f"{word:016x}" for word in line.words(index)] == [
        "bef0000000000c00", "eef0000000000100", "0cd0000000000000", "acf0000000000000",
        "0ab0000000000000", "46800000abcde017", "0890000000000000", "0020000000000000",
    ]  # fmt: skip

    mixed = Lines(0, 6)
    mixed.put(7, [0x0000000000400107, 0x0050000000000200, 0x00000000000100CB, 0x0058000012345678] + [0] * 4)
    assert mixed.match(mixed.words(7), 5, 0x200, 1, False) == (0x400107, 0)
    assert mixed.match(mixed.words(7), 5, 0x8000012345678, 0, False) == (0x100CB, 0)


CONTRACT_PAGES = [
    Page(1, 0x1A, 0x10),
    Page(2, 0x3C, 0x32, R | U),
    Page(4, 0x3A, 0x14),
    Page(3, 0x5D, 0xA2, R | X | U),
    Page(5, 0x28, 0xA2, R | X | U),
]

known_answers()
