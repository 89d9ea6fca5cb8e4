"""A and D set through AXI: lookups of pages that lack them, on a memory that keeps exclusive accesses as AXI says."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

from bench import CONFIG, FORMATS, Core, Refused, Software
from table import BUS_ERROR, FETCH, NONE, NOT_PRESENT, READ, RIGHTS, UNMARKED, WRITE, Page, R, U, W, X
from test_update import ExclusiveMemory

A, D = 1 << 6, 1 << 7
ALL = R | W | X | U


class Bench:
    """The block after reset, over an empty table of 256 lines."""

    def __init__(self, dut, share):
        self.dut, self.draw = dut, random.Random(random.getrandbits(32))
        self.core, self.software = Core(dut), Software(dut, dut.clock, dut.reset)
        self.memory = ExclusiveMemory(dut, self.draw, share)
        self.table = FORMATS[CONFIG["format"]](0x40_0000, 8, CONFIG["hash"], 0, 0x3F, CONFIG["max_steps"])

    @classmethod
    async def start(cls, dut, pages=(), share=0.3):
        cocotb.start_soon(Clock(dut.clock, 2, unit="step").start(start_high=False))
        dut.reset.value = 1
        bench = cls(dut, share)
        for page in pages:
            bench.table.insert(page)
        bench.memory.words.update(bench.table.memory)
        await bench.reset()
        await bench.software.use(bench.table)
        return bench

    async def reset(self):
        self.dut.reset.value = 1
        await self.cycles(3)
        self.dut.reset.value = 0
        await self.cycles(1)

    async def cycles(self, count):
        for _ in range(count):
            await RisingEdge(self.dut.clock)

    def place(self, page):
        """The address of the page's PTE."""
        return self.table.pages[page]


def pages(count, rights=ALL):
    return [Page(1, 0x1000 + 13 * n, 0x2000 + n, rights) for n in range(count)]


@cocotb.test
async def whoever_asks_leaves_the_marks_and_nothing_else_changes(dut):
    all_pages = pages(40)
    bench = await Bench.start(dut, all_pages)
    before = dict(bench.memory.words)
    expected = dict(before)
    answers = []
    for page in all_pages[:30]:
        # Nobody waits for an answer, so that updates and reads meet on the bus.
        for access in bench.draw.sample([READ, WRITE, FETCH], bench.draw.randint(1, 3)):
            answers.append((await bench.core.ask(1, page.vpn, access), page))
            expected[bench.place(page)] |= A | D * (access == WRITE)
    for answer, page in answers:
        assert (await answer.wait()).result == (NONE, page.pfn)
    assert {at: bench.memory.words[at] for at in before} == expected
    hit = await bench.core.translate(1, all_pages[29].vpn, READ)
    assert hit.source is None or hit.source == 0


@cocotb.test
async def a_denied_access_marks_nothing(dut):
    page = Page(1, 0x77, 0x88, R)
    bench = await Bench.start(dut, [page])
    assert (await bench.core.translate(1, page.vpn, WRITE)).result == (RIGHTS, 0)
    assert (await bench.core.translate(1, page.vpn, READ, True)).result == (RIGHTS, 0)
    assert bench.memory.words[bench.place(page)] == page.pte() and bench.memory.writes == 0


@cocotb.test
async def a_store_of_somebody_else_between_read_and_write_makes_it_try_again(dut):
    bench = await Bench.start(dut, pages(1))
    bench.memory.intruders = 3
    page = pages(1)[0]
    assert (await bench.core.translate(1, page.vpn, WRITE)).result == (NONE, page.pfn)
    assert bench.memory.words[bench.place(page)] == page.pte() | A | D and bench.memory.writes == 4


@cocotb.test
async def a_memory_without_exclusive_accesses_and_one_that_refuses_are_bus_errors(dut):
    bench = await Bench.start(dut, pages(1))
    page = pages(1)[0]
    for read, write in [(AxiResp.OKAY, None), (AxiResp.SLVERR, None), (None, AxiResp.DECERR)]:
        bench.memory.read_resp, bench.memory.write_resp = read, write
        assert (await bench.core.translate(1, page.vpn)).result == (BUS_ERROR, 0)
    bench.memory.read_resp, bench.memory.write_resp = None, None
    assert bench.memory.words[bench.place(page)] == page.pte()
    assert (await bench.core.translate(1, page.vpn)).result == (NONE, page.pfn)


@cocotb.test
async def updates_and_what_they_came_to_are_counted(dut):
    first, second = all_pages = pages(2)
    bench = await Bench.start(dut, all_pages)
    software = bench.software
    await software.write("COUNTER_CLEAR", 1)

    async def counted():
        return [await software.counter(name) for name in ("UPDATES", "UPDATES_IN_VAIN", "UNMARKED")]

    # A store of somebody else makes the block try again by itself, which is one update.
    bench.memory.intruders = 2
    for page, access, updates in [(first, WRITE, 1), (first, READ, 1), (second, READ, 2), (second, WRITE, 3), (second, WRITE, 3)]:
        assert (await bench.core.translate(1, page.vpn, access)).result == (NONE, page.pfn)
        assert await counted() == [updates, 0, 0]
    await software.invalidate(0)
    bench.memory.store(bench.place(first), first.pte())
    bench.memory.write_resp = AxiResp.DECERR
    assert (await bench.core.translate(1, first.vpn)).result == (BUS_ERROR, 0)
    assert await counted() == [3, 1, 0]
    await software.write("CONTROL", 1)
    answer = await bench.core.ask(1, first.vpn, WRITE)
    while not await software.read("MISS_STATUS") & 1:
        pass
    await software.refill(None, UNMARKED)
    assert (await answer.wait()).result == (UNMARKED, 0)
    assert await counted() == [3, 1, 1]


@cocotb.test
async def a_page_that_is_withdrawn_in_any_cycle_stays_withdrawn(dut):
    all_pages = pages(60)
    bench = await Bench.start(dut, all_pages, share=0.1)
    faults = set()
    for delay, page in enumerate(all_pages):
        answer = await bench.core.ask(1, page.vpn, WRITE)
        await bench.cycles(delay)
        bench.memory.store(bench.place(page), bench.memory.words[bench.place(page)] & ~0xFF)
        faults.add((await answer.wait()).fault)
        assert not bench.memory.words[bench.place(page)] & 1, f"after {delay} cycles"
        await bench.software.invalidate(2, page.vpn)
        assert (await bench.core.translate(1, page.vpn)).result == (NOT_PRESENT, 0)
    assert faults == {NONE, NOT_PRESENT}


@cocotb.test
async def reset_in_any_cycle_of_an_update_begins_anew(dut):
    all_pages = pages(60)
    bench = await Bench.start(dut, all_pages, share=0.1)
    for delay, page in enumerate(all_pages):
        await bench.core.ask(1, page.vpn, WRITE)
        await bench.cycles(delay)
        await bench.reset()
        await bench.software.use(bench.table)
        assert bench.memory.words[bench.place(page)] in (page.pte(), page.pte() | A | D)
        assert (await bench.core.translate(1, page.vpn, WRITE)).result == (NONE, page.pfn)
        assert bench.memory.words[bench.place(page)] == page.pte() | A | D


@cocotb.test
async def software_hands_over_d_and_may_answer_unmarked(dut):
    bench = await Bench.start(dut)
    software, page = bench.software, pages(1)[0]
    await software.write("CONTROL", 1)
    for access, entry, fault, dirty, want in (
        (WRITE, page, 0, 0, (UNMARKED, 0)),
        (WRITE, None, UNMARKED, 0, (UNMARKED, 0)),
        (READ, page, 0, 0, (NONE, page.pfn)),
        (WRITE, page, 0, 1, (NONE, page.pfn)),
    ):
        answer = await bench.core.ask(1, page.vpn, access)
        while not await software.read("MISS_STATUS") & 1:
            pass
        try:
            await software.refill(None, 7)
            raise AssertionError("a reserved code is taken")
        except Refused:
            pass
        await software.refill(entry, fault, dirty)
        assert (await answer.wait()).result == want
    assert (await bench.core.translate(1, page.vpn, WRITE)).source is None
    assert bench.memory.writes == 0
