"""A radix tree whose links the walk cache keeps: each page's reads, and those that it saves."""

import cocotb

from bench import Bench
from table import NONE, NOT_PRESENT

DIRECTORY, FRAME = 0x8000_0000, 4096
LEVELS = 5
# Pages under one node of level 1, under others of level 2, 3 and 4, and the reads that the links of the one before save.
STEPS = [(0x0_0000, 0), (0x0_0001, 4), (0x0_0200, 3), (0x4_0000, 2), (0x800_0000, 0), (0x800_0001, 4), (0x0_0002, 4)]


class Tree:
    """Section 2: the directory and nodes of 512 words, in a memory."""

    base, mask, searches = DIRECTORY, 0, 1

    def __init__(self, memory, asid):
        self.words, self.nodes = memory.words, 0
        self.clear(DIRECTORY, 1 << 16)
        self.root = self.link(DIRECTORY, asid)

    def clear(self, address, count):
        self.words.update(dict.fromkeys(range(address, address + 8 * count, 8), 0))

    def link(self, node, number):
        """The address of the node that this word leads to, made if there is none."""
        at = node + 8 * number
        if not self.words[at]:
            self.nodes += 1
            self.words[at] = 0x100_0000 + FRAME * self.nodes | 1 << 10 | 1
            self.clear(self.words[at] >> 12 << 12, 512)
        return self.words[at] >> 12 << 12

    def insert(self, vpn, pfn):
        node = self.root
        for level in (4, 3, 2):
            node = self.link(node, vpn >> 9 * (level - 1) & 511)
        self.words[node + 8 * (vpn & 511)] = pfn << 12 | 0b11111


async def start(dut):
    bench = await Bench.start(dut, slow=True)
    tree = Tree(bench.memory, asid=7)
    for vpn, _ in STEPS:
        tree.insert(vpn, vpn ^ 0x1234)
    await bench.software.use(tree)
    await bench.software.write("COUNTER_CLEAR", 1)
    return bench


async def translate(bench, vpn):
    """Alone; returns the reads that were made and those that were saved."""
    before = await bench.counters()
    answer = await bench.core.translate(7, vpn)
    after = await bench.counters()
    assert answer.source == 0
    return answer, tuple(after[name] - before[name] for name in ("READS", "READS_SAVED"))


@cocotb.test
async def what_the_walk_cache_saves_is_counted(dut):
    bench = await start(dut)
    for vpn, saved in STEPS:
        answer, counted = await translate(bench, vpn)
        assert answer.result == (NONE, vpn ^ 0x1234)
        assert counted == (LEVELS - saved, saved), f"page {vpn:#x}"


@cocotb.test
async def nothing_is_saved_after_an_invalidation_or_for_a_hit(dut):
    bench = await start(dut)
    for _ in range(3):
        answer, counted = await translate(bench, 0x1)
        assert (answer.result, counted) == ((NONE, 0x1235), (LEVELS, 0))
        hit = await bench.core.translate(7, 0x1)
        assert hit.source is None
        await bench.software.invalidate(0)
    answer, counted = await translate(bench, 0x3)
    assert (answer.result, counted) == ((NOT_PRESENT, 0), (LEVELS, 0))
    counters = await bench.counters()
    assert (counters["READS"], counters["READS_SAVED"]) == (4 * LEVELS, 0)
