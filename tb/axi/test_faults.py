"""Faults through AXI: each of them, and the record of the first."""

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

from bench import CONFIG, Bench
from table import BUS_ERROR, CHAIN_TOO_LONG, FETCH, MALFORMED, NONE, NOT_PRESENT, READ, RIGHTS, WRITE, R

SOFTWARE_REFILL, INTERRUPT = 1, 4


@cocotb.test
async def each_fault_comes_through(dut):
    bench = await Bench.start(dut, slow=True)
    table = bench.table(searches=1)
    good, denied, broken = (bench.page(asid=asid, rights=R) for asid in (1, 2, 3))
    for page in (good, denied, broken):
        table.insert(page)
    table.spoil(broken)
    ends = [(good, READ, NONE), (denied, WRITE, RIGHTS), (broken, READ, MALFORMED)]
    absent = bench.page(asid=9)
    if table.has_chains:
        lost = bench.page(asid=4)
        while not table.is_empty(table.home(lost.asid, lost.vpn)):
            lost = bench.page(asid=4)
        table.circle(table.home(lost.asid, lost.vpn))
        while table.home(absent.asid, absent.vpn) == table.home(lost.asid, lost.vpn):
            absent = bench.page(asid=9)
        ends.append((lost, READ, CHAIN_TOO_LONG))
    bench.load(table)
    await bench.software.use(table)
    translate = bench.core.translate
    for page, access, fault in [*ends, (absent, READ, NOT_PRESENT)]:
        want = table.walk(page.asid, page.vpn, access, False)
        assert want.fault == fault
        assert (await translate(page.asid, page.vpn, access)).result == (want.fault, want.pfn)
    # Every beat, and both kinds of errors.
    beat = CONFIG["bus_bits"] // 8
    for number in range(table.element_bytes // beat):
        for resp in (AxiResp.SLVERR, AxiResp.DECERR):
            page = bench.page(asid=5)
            address = table.walk(page.asid, page.vpn, READ, False).reads[0]
            bench.memory.errors = {address + number * beat: resp}
            assert (await translate(page.asid, page.vpn)).result == (BUS_ERROR, 0)
            bench.memory.errors = {}
    assert (await translate(good.asid, good.vpn)).result == (NONE, good.pfn)


async def record(bench):
    """What the registers say of the first fault: fault, id, ASID, VPN, access, user, and whether there are more."""
    read = bench.software.read
    status = await read("FAULT_STATUS")
    if not status & 1:
        return None
    vpn = await read("FAULT_VPN_LO") | await read("FAULT_VPN_HI") << 32
    fault, lookup_id, more = status >> 5 & 7, status >> 8 & 15, bool(status & 2)
    return (fault, lookup_id, status >> 16, vpn, status >> 2 & 3, status >> 4 & 1), more


async def clear(bench):
    await bench.software.write("FAULT_CLEAR", 1)


@cocotb.test
async def the_first_fault_is_recorded_with_its_id_and_page(dut):
    bench = await Bench.start(dut, slow=True, share=0.1)
    table = bench.table()
    pages = bench.fill(table, 20)
    bench.load(table)
    await bench.software.use(table)
    several = 0
    for _ in range(25):
        asked = []
        for _ in range(bench.draw.randrange(1, 9)):
            page = bench.draw.choice(pages)
            question = (
                bench.draw.choice([page.asid, 1]),
                page.vpn ^ (bench.draw.random() < 0.2),
                bench.draw.choice([READ, WRITE, FETCH]),
                bench.draw.random() < 0.5,
            )
            asked.append((question, await bench.core.ask(*question)))
        faults = []
        for question, answer in asked:
            await answer.wait()
            if answer.fault:
                # Late answers come first: they were asked earlier.
                order = answer.answered, answer.source is None
                faults.append((order, (answer.fault, answer.lookup_id, *question)))
        await bench.cycles(2)
        first = (min(faults)[1], len(faults) > 1) if faults else None
        assert await record(bench) == first
        assert await bench.software.read("STATUS") >> 5 == bool(faults)
        await clear(bench)
        assert await record(bench) is None
        several += len(faults) > 1
    assert several > 5


@cocotb.test
async def a_denied_hit_and_what_software_answers_are_recorded(dut):
    bench = await Bench.start(dut)
    software, core = bench.software, bench.core
    table = bench.table()
    page = bench.page(rights=R)
    table.insert(page)
    bench.load(table)
    await software.use(table)
    assert (await core.translate(page.asid, page.vpn)).result == (NONE, page.pfn)
    assert await record(bench) is None
    denied = await core.translate(page.asid, page.vpn, WRITE, True)
    assert denied.source is None
    await bench.cycles(2)
    assert await record(bench) == ((RIGHTS, denied.lookup_id, page.asid, page.vpn, WRITE, 1), False)
    await clear(bench)

    await software.write("CONTROL", SOFTWARE_REFILL | INTERRUPT)
    other = bench.page()
    answer = await core.ask(other.asid, other.vpn, FETCH)
    while not await software.read("MISS_STATUS") & 1:
        pass
    assert not dut.fault_interrupt.value
    await software.refill(None, BUS_ERROR)
    await answer.wait()
    while not dut.fault_interrupt.value:
        await RisingEdge(dut.clock)
    assert await record(bench) == ((BUS_ERROR, answer.lookup_id, other.asid, other.vpn, FETCH, 0), False)
    # Nothing is cleared without the bit, and a clear record has nothing to clear.
    await software.write("FAULT_CLEAR", 0xFFFF_FFFE)
    assert dut.fault_interrupt.value
    await clear(bench)
    await clear(bench)
    assert not dut.fault_interrupt.value and await record(bench) is None
    await software.write("CONTROL", 0)
    answer = await core.translate(other.asid, other.vpn)
    await bench.cycles(2)
    assert await record(bench) == ((NOT_PRESENT, answer.lookup_id, other.asid, other.vpn, READ, 0), False)
    assert not dut.fault_interrupt.value
