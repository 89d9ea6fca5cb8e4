"""A table with ways: entries of 32 bytes, each page in one of its places. Section 2 of docs/spec.md."""

from linked import match_entry
from table import Table


class Cuckoo(Table):
    """Three ways, each a quarter of the array."""

    element_bytes = place_bytes = 32
    has_chains = False
    WAYS = 3

    def home(self, asid, vpn, _size=0, way=0):
        of_way = self.mask >> 2
        return self.place(way * (of_way + 1) + (self.hash(asid, vpn, self.key, way) & of_way))

    def places(self, asid, vpn):
        return [self.home(asid, vpn, way=way) for way in range(self.WAYS)]

    def insert(self, page):
        """In its first empty place; where there is none, in one whose page moves on."""
        for turn in range(100):
            places = self.places(page.asid, page.vpn)
            at = next((place for place in places if self.is_empty(place)), None)
            if at is not None:
                break
            at = places[turn % self.WAYS]
            in_the_way = next(other for other, place in self.pages.items() if place == at)
            self.write(page, at)
            page = in_the_way
        else:
            raise AssertionError("the table is too full")
        self.write(page, at)

    def write(self, page, at):
        self.put(at, [page.pte(), page.vpn, page.asid, 0])
        self.pages[page] = at

    def search(self, reads, space, page, size, is_global):
        """All places are asked for, and judged in their order."""
        places = self.places(space, page)
        reads += places
        for at in places:
            words = self.element(at)
            match = match_entry(words, space, page, size, is_global)
            if match is not None:
                match.stray |= words[3]
                return match
        return None
