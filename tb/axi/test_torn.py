"""Entries with sequence numbers, changed word by word while their beats are read, each as it is in its own cycle."""

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

from bench import Bench, SlowMemory
from table import CHAIN_TOO_LONG, NONE, NOT_PRESENT, Page

# Two pages of one home under the hash `fold`: 0x10 ^ 1 and 0x12 ^ 3.
PAGES = [Page(1, 0x10, 0x111), Page(3, 0x12, 0x222)]


class BeatMemory(SlowMemory):
    """Each beat is of the cycle in which it is offered; reads are answered in their order."""

    torn = 0

    async def serve(self):
        edge, beats, first = RisingEdge(self.clock), [], 0
        while True:
            await edge
            if self.dut.reset.value:
                beats.clear()
                self.ar.clear()
                self.r.clear()
                continue
            while not self.ar.empty():
                read = self.ar.recv_nowait()
                beats += [(int(read.araddr) + 8 * number, int(read.arid), number) for number in range(4)]
            if beats and self.r.empty() and self.draw.random() < 0.6:
                address, name, number = beats.pop(0)
                word = self.beat(address)
                first = word if number == 0 else first
                self.torn += number == 3 and word >> 60 != first >> 60
                last = number == 3
                self.r.send_nowait(self.r._transaction_obj(rid=name, rdata=word, rresp=int(AxiResp.OKAY), rlast=last))


async def change(bench, entry, page, number):
    """The entry becomes the page's, from its last word to its first."""
    words = [page.pte() | number << 60, page.vpn, page.asid, number << 60]
    for at in (3, 2, 1, 0):
        bench.memory.words[entry + 8 * at] = words[at]
        await bench.cycles(bench.draw.choice([1, 1, 2, 7]))


@cocotb.test
async def an_entry_that_changes_between_its_beats_is_never_a_mix(dut):
    bench = await Bench.start(dut, memory=BeatMemory)
    table = bench.table()
    bench.load(table)
    await bench.software.use(table)
    entry = table.home(PAGES[0].asid, PAGES[0].vpn)
    assert entry == table.home(PAGES[1].asid, PAGES[1].vpn)
    over = False

    async def writer():
        for number in range(1, 1200):
            await change(bench, entry, PAGES[number % 2], number % 16)
            await bench.cycles(bench.draw.choice([1, 5, 30]))
            if over:
                break
        return number

    writing = cocotb.start_soon(writer())
    seen = {NONE: 0, NOT_PRESENT: 0, CHAIN_TOO_LONG: 0}
    for turn in range(150):
        if turn % 3 == 0:
            await bench.software.invalidate(0)
        for page in PAGES:
            answer = await bench.core.translate(page.asid, page.vpn)
            assert answer.result in [(NONE, page.pfn), (NOT_PRESENT, 0), (CHAIN_TOO_LONG, 0)], answer.result
            seen[answer.fault] += 1
    over = True
    number = await writing
    assert seen[NONE] > 30 and seen[NOT_PRESENT] > 30 and bench.memory.torn > 30, (seen, bench.memory.torn)
    await bench.software.invalidate(0)
    page = PAGES[number % 2]
    assert (await bench.core.translate(page.asid, page.vpn)).result == (NONE, page.pfn)
