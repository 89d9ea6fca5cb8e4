"""The page table in memory, its hash and its walk, written from docs/spec.md and from nothing else: what all formats share."""

from dataclasses import dataclass, field

READ, WRITE, FETCH = 0, 1, 2
R, W, X, U = 1, 2, 4, 8
NONE, NOT_PRESENT, RIGHTS, MALFORMED, CHAIN_TOO_LONG, BUS_ERROR, UNMARKED = range(7)

VPN_MASK, PFN_MASK = (1 << 52) - 1, (1 << 40) - 1
GLOBAL = 1 << 5
STATE_BITS = 68
STATE_MASK = (1 << STATE_BITS) - 1
SUBSTITUTION = [0xC, 5, 6, 0xB, 9, 0, 0xA, 0xD, 3, 0xE, 0xF, 8, 4, 7, 1, 2]


def keyed(asid, vpn, key, way=0):
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

    x = (asid << 52 | vpn) ^ round_key(0) ^ sum(way << low for low in range(0, STATE_BITS, 2))
    x = mix(substitute(x)) ^ round_key(1)
    x = mix(substitute(x)) ^ round_key(2)
    x = substitute(x)
    return (x ^ x >> 32 ^ x >> 64) & 0xFFFF_FFFF


def fold(asid, vpn, _key, way=0):
    """Section 3: the plain xor, turned for each way."""
    plain = (vpn ^ vpn >> 32 ^ asid) & 0xFFFF_FFFF
    turn = 11 * way % 32
    return (plain << turn | plain >> 32 - turn) & 0xFFFF_FFFF


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

    def flags(self):
        """Bits 9:0 of an entry's word 0."""
        return 1 | (self.rights & 7) << 1 | self.rights >> 3 << 4 | self.is_global << 5 | self.size << 8

    def pte(self):
        """The bits of word 0 of an entry, but for the links."""
        return self.flags() | self.pfn << 12


@dataclass
class Match:
    """A PTE of the page that was searched for: its word, its frame, and whether bits are set that must be zero."""

    pte: int
    pfn: int
    stray: int


@dataclass
class Found:
    """How a walk ends, after the reads of these elements, in which of the searches that it has made."""

    fault: int
    pfn: int = 0
    reads: list = field(default_factory=list)
    searches: int = 0


class Table:
    """An array, and what it leads to, as words of 8 bytes by their address."""

    # Bytes of what one read brings, and of a place of the array; how many places more than other formats it needs, as a
    # power of two; whether software could lead a walk in a circle.
    element_bytes, place_bytes, more_places, has_chains = 0, 0, 0, True

    def __init__(self, base, log2, hash_name="fold", key=0, searches=0x3F, max_steps=64):
        self.base, self.mask, self.key, self.searches, self.max_steps = base, (1 << log2) - 1, key, searches, max_steps
        self.hash = HASHES[hash_name]
        self.memory = dict.fromkeys(range(base, base + (self.place_bytes << log2), 8), 0)
        # Where the PTE of each page stands.
        self.pages = {}
        # Where there is room for what stands outside of the array.
        self.heap = 1 << 50 | base & 0xFFFF_FFFF

    def element(self, address):
        """The words of the element in which an address lies."""
        start = address // self.element_bytes * self.element_bytes
        return [self.memory[at] for at in range(start, start + self.element_bytes, 8)]

    def put(self, address, words):
        for number, word in enumerate(words):
            self.memory[address + 8 * number] = word

    def fresh(self, size):
        """Room for so many bytes, which are zero."""
        self.heap += size
        self.put(self.heap, [0] * (size // 8))
        return self.heap

    @staticmethod
    def hashed_page(vpn, _size):
        return vpn

    def place(self, index):
        return self.base + index * self.place_bytes

    def home(self, asid, vpn, size=0):
        """The address of the page's place."""
        return self.place(self.hash(asid, self.hashed_page(vpn, size), self.key) & self.mask)

    def is_empty(self, place):
        return not any(self.memory[at] for at in range(place, place + self.place_bytes, 8))

    def remove(self, page):
        """Withdraws the mapping; what links on still does."""
        self.memory[self.pages.pop(page)] &= ~0xFF

    def spoil(self, page):
        """G under an ASID that is not 0 is malformed."""
        self.memory[self.pages[page]] |= GLOBAL

    def walk(self, asid, vpn, access, user):
        """Section 4, for a whole walk."""
        found = Found(NOT_PRESENT)
        for number in range(6):
            is_global, size = number >= 3, number % 3
            if not self.searches >> number & 1 or (is_global and asid == 0):
                continue
            found.searches += 1
            space, page = (0 if is_global else asid), vpn >> 9 * size << 9 * size
            end = self.search(found.reads, space, page, size, is_global)
            if isinstance(end, Match):
                found.fault, found.pfn = judge(end, space, vpn, size, access, user)
                break
            if end is not None:
                found.fault = end
                break
        found.reads = [at // self.element_bytes * self.element_bytes for at in found.reads]
        return found


def judge(match, space, vpn, size, access, user):
    """A matching PTE: malformed, denied, or the frame."""
    pte, offset = match.pte, (1 << 9 * size) - 1
    if match.stray or match.pfn & offset or (pte & GLOBAL and space != 0):
        return MALFORMED, 0
    allowed = access < 3 and pte >> (1 + access) & 1 and (not user or pte >> 4 & 1)
    return (NONE, match.pfn | vpn & offset) if allowed else (RIGHTS, 0)
