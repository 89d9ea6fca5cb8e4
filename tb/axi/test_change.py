"""The change of table at run time, and reset, while the core goes on asking."""

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

from bench import CONFIG, REGISTERS, TIMEOUT_CYCLES, Bench
from table import NONE, NOT_PRESENT, Page


def two_tables(bench, count=12):
    """The same pages in two tables that share no frame, key, place or size."""
    pages = [bench.page() for _ in range(count)]
    old = bench.table(base=0x40_0000, log2=8, searches=0b001)
    new = bench.table(base=0x80_0000, log2=9, searches=0b111)
    for page in pages:
        old.insert(Page(page.asid, page.vpn, page.pfn & ~1))
        new.insert(Page(page.asid, page.vpn, page.pfn | 1))
    bench.load(old)
    bench.load(new)
    return old, new, pages


class Load:
    """Lookups without end."""

    def __init__(self, bench, pages, gap):
        self.bench, self.pages, self.gap, self.answers, self.goes_on = bench, pages, gap, [], True
        self.task = cocotb.start_soon(self.run())

    async def run(self):
        while self.goes_on:
            page = self.bench.draw.choice(self.pages)
            self.answers.append((page, await self.bench.core.ask(page.asid, page.vpn)))
            await self.bench.cycles(self.bench.draw.randrange(self.gap + 1))

    async def stop(self):
        self.goes_on = False
        await self.task
        for _, answer in self.answers:
            await answer.wait()


async def change_under_load(dut, slow, gap, share):
    bench = await Bench.start(dut, slow=slow, share=share)
    old, new, pages = two_tables(bench)
    software = bench.software
    await software.use(old)
    for number in range(6):
        before, after = (old, new) if number % 2 == 0 else (new, old)
        load = Load(bench, pages, gap)
        await software.want(after)
        await bench.cycles(bench.draw.randrange(60))
        asked = bench.core.cycle
        await software.write("TABLE_APPLY", 1)
        await software.wait_until_clear("TABLE_STATUS")
        over = bench.core.cycle
        await bench.cycles(40)
        await load.stop()
        seen_new = False
        for page, answer in load.answers:
            frame = {before: page.pfn & ~1 if before is old else page.pfn | 1}
            frame[after] = page.pfn & ~1 if after is old else page.pfn | 1
            assert answer.fault == NONE
            is_new = answer.pfn == frame[after]
            assert is_new or answer.pfn == frame[before]
            assert not (is_new and answer.accepted < asked) and not (not is_new and answer.accepted > over)
            # What was accepted later is never of the older table.
            assert is_new or not seen_new
            seen_new |= is_new
        assert seen_new
    assert await software.read("TABLE_STATUS") == 7 << 16


@cocotb.test
async def a_change_under_a_dense_load_mixes_nothing(dut):
    await change_under_load(dut, slow=False, gap=0, share=0.2)


@cocotb.test
async def a_change_while_memory_is_slow_mixes_nothing(dut):
    await change_under_load(dut, slow=True, gap=15, share=0.1)


@cocotb.test
async def what_is_wanted_cannot_be_written_during_a_change(dut):
    bench = await Bench.start(dut, slow=True, share=0, latency=(300, 300))
    old, new, pages = two_tables(bench)
    software = bench.software
    await software.use(old)
    await software.want(new)
    answer = await bench.core.ask(pages[0].asid, pages[0].vpn)
    await software.write("TABLE_APPLY", 1)
    names = ["TABLE_FRAME_LO", "TABLE_FRAME_HI", "TABLE_MASK", "SEARCH_ENABLE", "TABLE_APPLY"]
    for name in names + [name for name in REGISTERS if name.startswith(("KEY_", "ENTRIES_FRAME"))]:
        assert await software.write_at(REGISTERS[name][0], 1) == AxiResp.SLVERR
    assert await software.read("TABLE_STATUS") & 1 and await software.read("STATUS") & 2
    assert not dut.lookup_ready.value
    later = cocotb.start_soon(bench.core.ask(pages[0].asid, pages[0].vpn))
    assert (await answer.wait()).result == (NONE, pages[0].pfn & ~1)
    await software.wait_until_clear("TABLE_STATUS")
    assert (await (await later).wait()).result == (NONE, pages[0].pfn | 1)


@cocotb.test
async def nothing_is_applied_without_the_bit(dut):
    bench = await Bench.start(dut)
    old, new, pages = two_tables(bench)
    await bench.software.use(old)
    await bench.software.want(new)
    await bench.software.write("TABLE_APPLY", 0xFFFF_FFFE)
    for page in pages:
        assert (await bench.core.translate(page.asid, page.vpn)).pfn == page.pfn & ~1
    assert await bench.software.read("TABLE_STATUS") == 1 << 16


@cocotb.test
async def invalidations_and_a_change_wait_for_each_other(dut):
    bench = await Bench.start(dut, share=0)
    old, new, pages = two_tables(bench)
    software = bench.software
    await software.use(old)
    load = Load(bench, pages, 3)
    for number in range(8):
        await software.want(new if number % 2 == 0 else old)
        first = "INVALIDATE_GO" if bench.draw.random() < 0.5 else "TABLE_APPLY"
        second = "TABLE_APPLY" if first == "INVALIDATE_GO" else "INVALIDATE_GO"
        for name in (first, second):
            await software.write(name, 1)
            await bench.cycles(bench.draw.randrange(4))
        await software.wait_until_clear("TABLE_STATUS")
        await software.wait_until_clear("INVALIDATE_STATUS")
    await load.stop()
    assert await software.read("TABLE_STATUS") == 9 << 16
    assert await software.read("INVALIDATE_STATUS") == 8 << 16
    assert (await bench.counters())["INVALIDATIONS"] == 17


@cocotb.test
async def a_change_waits_for_software_to_serve_what_it_was_asked(dut):
    bench = await Bench.start(dut)
    old, _, pages = two_tables(bench)
    software = bench.software
    await software.write("CONTROL", 1)
    answer = await bench.core.ask(pages[0].asid, pages[0].vpn)
    await software.want(old)
    await software.write("TABLE_APPLY", 1)
    await bench.cycles(200)
    assert await software.read("TABLE_STATUS") & 1
    await software.refill(None, NOT_PRESENT)
    assert (await answer.wait()).result == (NOT_PRESENT, 0)
    await software.wait_until_clear("TABLE_STATUS")


@cocotb.test
async def reset_in_the_middle_begins_anew(dut):
    bench = await Bench.start(dut, slow=True, share=0.2)
    for _ in range(4):
        old, new, pages = two_tables(bench)
        software = bench.software
        await software.use(old)
        await software.want(new)
        for page in pages[: bench.draw.randrange(1, 3)]:
            cocotb.start_soon(bench.core.ask(page.asid, page.vpn))
            await bench.cycles(bench.draw.randrange(5))
        if bench.draw.random() < 0.5:
            await software.write("TABLE_APPLY", 1)
        await bench.cycles(bench.draw.randrange(20))
        dut.lookup_valid.value = 0
        await bench.reset()
        for name in ("TABLE_MASK", "TABLE_STATUS", "INVALIDATE_STATUS", "MISS_STATUS", "LOOKUPS_LO"):
            assert await software.read(name) == 0, name
        assert await software.read("STATUS") == 1
        page = pages[0]
        assert (await bench.core.translate(page.asid, page.vpn)).result == (NOT_PRESENT, 0)
        await software.use(new)
        assert (await bench.core.translate(page.asid, page.vpn)).result == (NONE, page.pfn | 1)


@cocotb.test
async def a_change_of_an_idle_block_takes_the_cycles_of_its_page(dut):
    bench = await Bench.start(dut, share=0)
    old, _, _ = two_tables(bench)
    await bench.software.use(old)
    await bench.software.want(old)
    write = cocotb.start_soon(bench.software.write("TABLE_APPLY", 1))
    for _ in range(TIMEOUT_CYCLES):
        await RisingEdge(dut.clock)
        if not dut.lookup_ready.value:
            break
    held = 0
    while not dut.lookup_ready.value:
        await RisingEdge(dut.clock)
        held += 1
    await write
    sets = CONFIG["l2_entries"] // CONFIG["l2_ways"]
    # The sweep of the second level looks a cycle after it has read (docs/timing.md).
    assert held == 5 + (sets + 1 if sets else 0)
