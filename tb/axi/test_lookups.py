"""Lookups through AXI: pages that are there and pages that are not, faults, invalidation, software's refills."""

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiResp

from bench import CONFIG, KEYED, REGISTERS, Bench, Refused
from known_answers import PAGES
from table import (
    BUS_ERROR,
    CHAIN_TOO_LONG,
    FETCH,
    MALFORMED,
    NONE,
    NOT_PRESENT,
    READ,
    RIGHTS,
    WRITE,
    R,
    U,
    W,
    X,
)

SOFTWARE_REFILL, INTERRUPT = 1, 2


@cocotb.test
async def the_table_of_the_contract(dut):
    bench = await Bench.start(dut)
    table = bench.table(log2=7, searches=1)
    for page in PAGES:
        table.insert(page)
    bench.load(table)
    await bench.software.use(table)
    translate = bench.core.translate
    assert (await translate(4, 0x3A)).result == (NONE, 0x14)
    assert (await translate(2, 0x3C, WRITE)).result == (RIGHTS, 0)
    assert (await translate(2, 0x3A)).result == (NOT_PRESENT, 0)
    assert (await translate(3, 0x5D, FETCH, True)).result == (NONE, 0xA2)
    hit = await translate(4, 0x3A)
    assert hit.result == (NONE, 0x14) and hit.source is None and hit.answered == hit.accepted + 1


async def random_pages(dut, **options):
    bench = await Bench.start(dut, **options)
    table = bench.table()
    pages = bench.fill(table, 40)
    if CONFIG["format"] == "line":
        first = bench.page(vpn=0x800001234567 << 3, asid=7)
        while not table.is_empty(table.home(7, first.vpn)):
            first = bench.page(vpn=bench.draw.getrandbits(49) << 3, asid=7)
        group = [bench.page(vpn=first.vpn + number, asid=7) for number in (0, 1, 2, 5, 7)]
        table.insert_group(group)
        pages += group
    bench.load(table)
    await bench.software.use(table)
    asked = []
    for _ in range(150):
        page = bench.draw.choice(pages)
        offset = bench.draw.randrange(1 << 9 * page.size) if page.size else bench.draw.choice([0, 0, 0, 1])
        vpn = page.vpn ^ offset
        asid = page.asid if page.asid and bench.draw.random() < 0.9 else bench.draw.choice([1, 2, 9])
        access, user = bench.draw.choice([READ, READ, WRITE, FETCH, 3]), bench.draw.random() < 0.3
        answer = await bench.core.ask(asid, vpn, access, user)
        asked.append((answer, table.walk(asid, vpn, access, user)))
        if bench.draw.random() < 0.2:
            await bench.cycles(bench.draw.randrange(20))
    for answer, expected in asked:
        await answer.wait()
        # A page of the TLB is found also where the walk's own searches are too long for it.
        if expected.fault == CHAIN_TOO_LONG:
            continue
        assert answer.result == (expected.fault, expected.pfn)
    return bench


@cocotb.test
async def random_pages_from_a_ram(dut):
    await random_pages(dut)


@cocotb.test
async def random_pages_from_a_memory_that_answers_out_of_order(dut):
    bench = await random_pages(dut, slow=True, share=0.1)
    # Elements of several beats all have one ID, and are answered in their order.
    assert any(bench.memory.order) == (CONFIG["element_bytes"] * 8 == CONFIG["bus_bits"])


@cocotb.test
async def random_pages_without_stalls(dut):
    await random_pages(dut, share=0)


@cocotb.test
async def invalidation_drops_what_its_kind_names(dut):
    bench = await Bench.start(dut)
    all_, asid, address, address_in_asid = range(4)
    for kind, with_asid, with_vpn, drops in (
        (all_, False, False, True),
        (asid, True, False, True),
        (asid, False, True, False),
        (address, False, True, True),
        (address, True, False, False),
        (address_in_asid, True, True, True),
        (address_in_asid, True, False, False),
        (address_in_asid, False, True, False),
    ):
        table = bench.table()
        page = bench.page()
        table.insert(page)
        bench.load(table)
        await bench.software.use(table)
        assert (await bench.core.translate(page.asid, page.vpn)).result == (NONE, page.pfn)
        table.remove(page)
        bench.load(table)
        assert (await bench.core.translate(page.asid, page.vpn)).result == (NONE, page.pfn)
        vpn = page.vpn if with_vpn else page.vpn ^ 1 << 51
        await bench.software.invalidate(kind, vpn, page.asid if with_asid else page.asid ^ 0x8000)
        want = (NOT_PRESENT, 0) if drops else (NONE, page.pfn)
        assert (await bench.core.translate(page.asid, page.vpn)).result == want, (kind, with_asid, with_vpn)
    assert await bench.software.read("INVALIDATE_STATUS") == 8 << 16


@cocotb.test
async def software_serves_misses(dut):
    bench = await Bench.start(dut)
    software, core = bench.software, bench.core
    await software.write("CONTROL", SOFTWARE_REFILL | INTERRUPT)

    async def missed(page, access, user):
        while not dut.miss_interrupt.value:
            await RisingEdge(dut.clock)
        assert await software.read("MISS_STATUS") == 1 | access << 1 | user << 3 | page.asid << 16
        assert await software.read("MISS_VPN_LO") | await software.read("MISS_VPN_HI") << 32 == page.vpn

    page = bench.page(rights=R | W | U)
    answer = await core.ask(page.asid, page.vpn, WRITE, True)
    await missed(page, WRITE, 1)
    await software.refill(page)
    assert (await answer.wait()).result == (NONE, page.pfn)
    assert (await core.translate(page.asid, page.vpn)).source is None

    # Of another page, of a frame that is no multiple of the size, a fault: checked and answered as any.
    page, other, huge = bench.page(), bench.page(), bench.page(size=1)
    for entry, fault, want in (
        (other, 0, MALFORMED),
        (None, NOT_PRESENT, NOT_PRESENT),
        (None, BUS_ERROR, BUS_ERROR),
        (bench.page(asid=page.asid, vpn=page.vpn, rights=X), 0, RIGHTS),
    ):
        answer = await core.ask(page.asid, page.vpn)
        await missed(page, READ, 0)
        await software.refill(entry, fault)
        assert (await answer.wait()).result == (want, 0)
    answer = await core.ask(huge.asid, huge.vpn)
    await missed(huge, READ, 0)
    await software.refill(bench.page(asid=huge.asid, vpn=huge.vpn, pfn=huge.pfn | 1, size=1))
    assert (await answer.wait()).result == (MALFORMED, 0)
    assert await software.read("REFILL_STATUS") == 6 << 16

    # Without a miss there is nothing to refill, and later ones are not answered by it.
    for fault in range(8):
        try:
            await software.refill(None, fault)
            raise AssertionError("a refill without a miss is taken")
        except Refused:
            pass
    answer = await core.ask(page.asid, page.vpn ^ 2)
    await missed(bench.page(asid=page.asid, vpn=page.vpn ^ 2), READ, 0)
    for fault in (6, 7):
        assert await software.write_at(REGISTERS["REFILL_GO"][0], fault) == AxiResp.SLVERR
    await software.write("CONTROL", SOFTWARE_REFILL)
    await bench.cycles(2)
    assert not dut.miss_interrupt.value
    await software.refill(None, NOT_PRESENT)
    assert (await answer.wait()).result == (NOT_PRESENT, 0)


@cocotb.test
async def without_a_table_nothing_is_read(dut):
    bench = await Bench.start(dut)
    for _ in range(5):
        page = bench.page()
        assert (await bench.core.translate(page.asid, page.vpn)).result == (NOT_PRESENT, 0)
    assert (await bench.counters())["READS"] == 0


@cocotb.test(skip=not KEYED)
async def a_table_at_the_end_of_memory_under_a_key_of_ones(dut):
    bench = await Bench.start(dut)
    table = bench.table(base=None)
    table.key = (1 << 128) - 1
    pages = bench.fill(table, 20)
    bench.load(table)
    await bench.software.use(table)
    for page in pages:
        want = table.walk(page.asid, page.vpn, READ, False)
        assert (await bench.core.translate(page.asid, page.vpn)).result == (want.fault, want.pfn)
