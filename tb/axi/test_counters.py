"""The performance counters, against what the core and the memory have seen."""

import cocotb

from addressed import Addressed
from bench import Bench
from table import NONE, READ, RIGHTS, WRITE

ADDRESS_IN_ASID = 3


@cocotb.test
async def the_counters_are_exact(dut):
    bench = await Bench.start(dut)
    software, core = bench.software, bench.core
    table = bench.table(searches=0b011)
    pages = bench.fill(table, 30)
    bench.load(table)
    await software.use(table)
    await software.write("COUNTER_FREEZE", 1)
    await software.write("COUNTER_CLEAR", 1)
    assert all(value == 0 for value in (await bench.counters()).values())
    await software.write("COUNTER_FREEZE", 1)
    await software.write("COUNTER_CLEAR", 1)
    await software.write("COUNTER_FREEZE", 0)
    start = core.cycle

    want = dict.fromkeys(["LOOKUPS", "FIRST_LEVEL", "SECOND_LEVEL", "SHARED", "WALKS"], 0)
    # These also of walks that were made for nothing.
    least = dict.fromkeys(["READS", "PREDICTED", "MISPREDICTED"], 0)
    faults = ["", "NOT_PRESENT", "RIGHTS", "MALFORMED", "CHAIN_TOO_LONG", "BUS_ERROR"]
    spare = 0
    want |= dict.fromkeys(faults[1:] + [f"WALKS_OF_{reads}" for reads in (1, 2, 3, 4, 8)], 0)
    for _ in range(60):
        page = bench.draw.choice(pages)
        vpn, access = page.vpn ^ (bench.draw.random() < 0.2), bench.draw.choice([READ, WRITE])
        answer = await core.translate(page.asid, vpn, access)
        want["LOOKUPS"] += 1
        want[{None: "FIRST_LEVEL", 0: "WALKS", 1: "SHARED", 2: "SECOND_LEVEL"}[answer.source]] += 1
        if answer.fault:
            want[faults[answer.fault]] += 1
        if answer.source == 0:
            walk = table.walk(page.asid, vpn, access, False)
            reads = len(walk.reads)
            least["READS"] += reads
            if walk.fault in (NONE, RIGHTS):
                least["PREDICTED" if walk.searches == 1 else "MISPREDICTED"] += 1
            want[f"WALKS_OF_{reads if reads < 4 else 4 if reads < 8 else 8}"] += 1
        # Beside a look at the second level for a huge page, a walk may have read for nothing.
        if answer.source == 2 and page.size:
            spare += 1
        while not await software.read("STATUS") & 1:
            pass
    await software.invalidate(2, 5)
    await software.invalidate(0)
    before = core.cycle - start
    got = await bench.counters()
    after = core.cycle - start
    if not table.has_chains:
        # A way may be judged before the next one is asked for, which then is not.
        assert 0 < got["READS"] <= least.pop("READS")
        assert sum(got[name] for name in list(want) if name.startswith("WALKS_OF") and want.pop(name) >= 0) == want["WALKS"]
    for name, value in least.items():
        assert value <= got[name] <= value + spare, (name, got[name], value)
    for name, value in want.items():
        assert got[name] == value, (name, got[name], value)
    assert got["INVALIDATIONS"] == 2
    assert got["KILLED"] == 0
    assert before - 100 <= got["CYCLES"] <= after
    assert sum(value for name, value in got.items() if name.startswith("WALK_CYCLES_")) == want["WALKS"]


@cocotb.test
async def a_walk_takes_the_cycles_that_the_contract_says(dut):
    bench = await Bench.start(dut, share=0)
    table = bench.table(searches=1)
    table.insert(page := bench.page())
    bench.load(table)
    await bench.software.use(table)
    await bench.software.write("COUNTER_CLEAR", 1)
    answer = await bench.core.translate(page.asid, page.vpn)
    # A walk is at work from two cycles after the acceptance to the answer (docs/timing.md).
    cycles = answer.answered - answer.accepted - 1
    got = await bench.counters()
    bucket = max(4, 1 << cycles.bit_length() - 1)
    assert {name for name, value in got.items() if name.startswith("WALK_CYCLES_") and value} == {f"WALK_CYCLES_{bucket}"}


@cocotb.test
async def walks_that_are_made_again_are_counted_and_no_others(dut):
    bench = await Bench.start(dut, slow=True, share=0, latency=(20, 20))
    software = bench.software
    table = bench.table(searches=1)
    pages = [bench.page() for _ in range(80)]
    for page in pages:
        table.insert(page)
    bench.load(table)
    await software.use(table)
    killed = {True: 0, False: 0}
    for number, page in enumerate(pages):
        named = number % 4 > 0
        await software.write("INVALIDATE_VPN_LO", page.vpn & 0xFFFF_FFFF)
        await software.write("INVALIDATE_VPN_HI", page.vpn >> 32)
        await software.write("INVALIDATE_ASID", page.asid if named else page.asid ^ 1)
        await software.write("COUNTER_CLEAR", 1)
        answer = await bench.core.ask(page.asid, page.vpn)
        await bench.cycles(number // 2)
        await software.write("INVALIDATE_GO", ADDRESS_IN_ASID)
        await answer.wait()
        await software.wait_until_clear("INVALIDATE_STATUS")
        want = table.walk(page.asid, page.vpn, READ, False)
        assert answer.result == (want.fault, want.pfn)
        again, reads = await software.counter("KILLED"), await software.counter("READS")
        # Where links are addresses, one that was read before is enough.
        fewest = 1 if isinstance(table, Addressed) else len(want.reads)
        assert again <= 1 and again * fewest <= reads - len(want.reads) <= again * len(want.reads)
        killed[named] += again
    assert killed[True] > 5 and killed[False] == 0, killed
