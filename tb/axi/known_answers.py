"""Section 10 of docs/spec.md, worked by hand there: the tables of this folder against the contract."""

from addressed import Inverted, Trees
from linked import Chained, Lines
from table import FETCH, NONE, NOT_PRESENT, READ, RIGHTS, WRITE, Page, R, U, X, fold, keyed
from ways import Cuckoo

PAGES = [
    Page(1, 0x1A, 0x10),
    Page(2, 0x3C, 0x32, R | U),
    Page(4, 0x3A, 0x14),
    Page(3, 0x5D, 0xA2, R | X | U),
    Page(5, 0x28, 0xA2, R | X | U),
]


def hashes():
    asid, vpn, key = 0xBEEF, 0x8000012345678, 0x0123456789ABCDEFFEDCBA9876543210
    assert keyed(0, 0, 0) == 0x00000006
    assert keyed(1, 0x1A, 0) == 0x95A8C5D7
    assert [keyed(asid, vpn, key, way) for way in range(4)] == [0x66FA2FAF, 0xA9EDF587, 0x1491BE44, 0x232050F2]
    assert [fold(5, vpn, 0, way) for way in range(4)] == [0x123C567D, 0xE2B3E891, 0x9F448F15, 0x2478ACFA]
    assert Cuckoo(0, 7).places(5, vpn) == [32 * index for index in (0x1D, 0x31, 0x55)]


def chained():
    table = Chained(0, 7, searches=1)
    for page in PAGES:
        table.insert(page)
    assert table.element(32 * 0x3E)[:3] == [0x32013, 0x3C, 2]
    assert table.walk(4, 0x3A, READ, False).pfn == 0x14


def lines():
    line = Lines(0, 6)
    line.insert_group([Page(0xBEEF, 0x800001234567D, 0xABCDE)])
    at = line.home(0xBEEF, 0x8000012345678)
    line.set_link(at, 0x89ABCDEF)
    assert [f"{word:016x}" for word in line.element(at)] == [
        "bef0000000000c00", "eef0000000000100", "0cd0000000000000", "acf0000000000000",
        "0ab0000000000000", "46800000abcde017", "0890000000000000", "0020000000000000",
    ]  # fmt: skip
    mixed = [0x0000000000400107, 0x0050000000000200, 0x00000000000100CB, 0x0058000012345678] + [0] * 4
    assert [Lines.match(mixed, 5, *page, False).pte for page in ((0x200, 1), (0x8000012345678, 0))] == [0x400107, 0x100CB]


def walks(table, expected):
    for (asid, vpn, access), want in expected.items():
        found = table.walk(asid, vpn, access, False)
        assert (found.fault, found.pfn, found.reads) == want, (asid, vpn, access)


def inverted():
    table = Inverted(0x3000, 9, searches=1)
    table.entries, table.heap = 0x4000, 0x5000
    for page in (Page(3, 0x5D, 7, R | X | U), Page(5, 0x5B, 7, R | X | U)):
        table.insert(page)
    assert table.memory[0x32F0] == 0x5020
    assert table.element(0x5020) == [0x5B41B, 0x0005000000000407, 0x7000, 0]
    assert table.element(0x4070)[2:] == [0x5D01B, 0x0003000000000000]
    all_three = [0x32E0, 0x5020, 0x4060]
    walks(
        table,
        {
            (5, 0x5B, FETCH): (NONE, 7, all_three[:2]),
            (3, 0x5D, FETCH): (NONE, 7, all_three),
            (3, 0x5D, WRITE): (RIGHTS, 0, all_three),
            (0x5E, 0, READ): (NOT_PRESENT, 0, all_three),
            (3, 0x5C, READ): (NOT_PRESENT, 0, [0x32E0]),
        },
    )


def trees():
    table = Trees(0x3000, 9, searches=1)
    table.heap = 0x4000
    for page in PAGES[1:3]:
        table.insert(page)
    assert table.memory[0x31F0] == 0x4040
    assert table.element(0x4040)[:5] == [0x32013, 0x3C, 2, 0, 0x4080]
    assert table.element(0x4080)[:5] == [0x14017, 0x3A, 4, 0, 0]
    all_three = [0x31C0, 0x4040, 0x4080]
    walks(
        table,
        {
            (4, 0x3A, READ): (NONE, 0x14, all_three),
            (2, 0x3C, WRITE): (RIGHTS, 0, all_three[:2]),
            (0x3E, 0, READ): (NOT_PRESENT, 0, all_three),
            (1, 0x3F, READ): (NOT_PRESENT, 0, all_three[:2]),
        },
    )


def check():
    for answers in (hashes, chained, lines, inverted, trees):
        answers()
