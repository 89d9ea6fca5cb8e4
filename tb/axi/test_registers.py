"""The register window: what it is, what it takes, what it refuses, and the handshakes of AXI4-Lite."""

import random

import cocotb
from cocotbext.axi import AxiResp

from bench import CONFIG, REGISTERS, Bench

FORMAT_CODES = {"line": 0, "chained": 1, "cuckoo": 2, "inverted": 3, "tree": 4}
HASH_CODES = {"keyed": 0, "fold": 1, "asid": 2}
WIDTHS = {"CONTROL": 3, "TABLE_FRAME_HI": 8, "ENTRIES_FRAME_HI": 8, "SEARCH_ENABLE": 6}
WIDTHS |= {"INVALIDATE_VPN_HI": 20, "INVALIDATE_ASID": 16}
WIDTHS |= {"REFILL_VPN_HI": 20, "REFILL_ASID": 16, "REFILL_PFN_HI": 8, "REFILL_ATTRIBUTES": 7, "COUNTER_FREEZE": 1}


@cocotb.test
async def the_constants_are_those_of_the_configuration(dut):
    bench = await Bench.start(dut)
    read = bench.software.read
    assert await read("ID") == 0x48574C4B
    assert await read("VERSION") == 0x0102
    l2_ways = CONFIG["l2_ways"] if CONFIG["l2_entries"] else 0
    assert await read("TLB") == CONFIG["tlb_entries"] | CONFIG["l2_entries"] << 8 | l2_ways << 24
    codes = FORMAT_CODES[CONFIG["format"]] | HASH_CODES[CONFIG["hash"]] << 4
    ways = 3 if CONFIG["format"] == "cuckoo" else 1
    assert await read("WALKER") == codes | ways << 8 | CONFIG["walks"] << 12 | CONFIG["bus_bits"] << 16
    assert await read("MAX_STEPS") == CONFIG["max_steps"]


@cocotb.test
async def every_register_has_its_value_after_reset(dut):
    bench = await Bench.start(dut, share=0)
    for name, (address, access, reset) in REGISTERS.items():
        resp, value = await bench.software.read_at(address)
        if access in ("WO", "command"):
            assert (resp, value) == (AxiResp.SLVERR, 0), name
        elif address >= 0x20 and not name.startswith("CYCLES"):
            assert (resp, value) == (AxiResp.OKAY, reset), name


@cocotb.test
async def what_is_written_is_read_back_and_nothing_else(dut):
    bench = await Bench.start(dut)
    software, draw = bench.software, bench.draw
    written = {}
    names = [name for name, (_, access, _) in REGISTERS.items() if access == "RW"]
    for name in draw.sample(names, len(names)):
        value = draw.getrandbits(32)
        await software.write(name, value)
        written[name] = value & (1 << WIDTHS.get(name, 32)) - 1
    for name, value in written.items():
        assert await software.read(name) == value, name


@cocotb.test
async def the_key_cannot_be_read(dut):
    bench = await Bench.start(dut)
    for name in [name for name in REGISTERS if name.startswith("KEY_")]:
        await bench.software.write(name, 0x5EC2E7)
        assert await bench.software.read_at(REGISTERS[name][0]) == (AxiResp.SLVERR, 0)


@cocotb.test
async def what_is_not_there_is_refused(dut):
    bench = await Bench.start(dut, share=0.1)
    software = bench.software
    there = {address for address, _, _ in REGISTERS.values()}
    nowhere = [address for address in range(0, 0x1000, 4) if address not in there]
    for address in bench.draw.sample(nowhere, 60):
        assert await software.read_at(address) == (AxiResp.SLVERR, 0), hex(address)
        assert await software.write_at(address, 0xFFFF_FFFF) == AxiResp.SLVERR, hex(address)
    for name in ("ID", "STATUS", "MISS_STATUS", "CYCLES_LO"):
        assert await software.write_at(REGISTERS[name][0], 0) == AxiResp.SLVERR


@cocotb.test
async def parts_of_a_word_and_crooked_addresses_are_refused(dut):
    bench = await Bench.start(dut)
    software = bench.software
    address = REGISTERS["TABLE_MASK"][0]
    await software.write("TABLE_MASK", 0x12345678)
    for offset, width in ((0, 1), (1, 1), (3, 1), (0, 2), (2, 2), (0, 3)):
        assert await software.write_at(address + offset, (1 << 8 * width) - 1, width) == AxiResp.SLVERR
    write, read = software.axil.write_if, software.axil.read_if
    for crooked in (1, 2, 3):
        await write.aw_channel.send(write.aw_channel._transaction_obj(awaddr=address + crooked))
        await write.w_channel.send(write.w_channel._transaction_obj(wdata=0xFFFF_FFFF, wstrb=15))
        assert int((await write.b_channel.recv()).bresp) == AxiResp.SLVERR
        await read.ar_channel.send(read.ar_channel._transaction_obj(araddr=address + crooked))
        answer = await read.r_channel.recv()
        assert (int(answer.rresp), int(answer.rdata)) == (AxiResp.SLVERR, 0)
    assert await software.read("TABLE_MASK") == 0x12345678


@cocotb.test
async def address_and_data_come_in_any_order(dut):
    bench = await Bench.start(dut, share=0)
    write = bench.software.axil.write_if
    address = REGISTERS["TABLE_MASK"][0]
    for value in range(12):
        address_first, gap = bench.draw.random() < 0.5, bench.draw.randrange(6)
        sends = [
            lambda: write.aw_channel.send(write.aw_channel._transaction_obj(awaddr=address)),
            lambda value=value: write.w_channel.send(write.w_channel._transaction_obj(wdata=value, wstrb=15)),
        ]
        for send in sends if address_first else reversed(sends):
            await send()
            await bench.cycles(gap)
        assert int((await write.b_channel.recv()).bresp) == AxiResp.OKAY
        assert await bench.software.read("TABLE_MASK") == value


@cocotb.test
async def many_accesses_at_once_are_answered_in_order(dut):
    bench = await Bench.start(dut, share=0.5)
    axil, address = bench.software.axil, REGISTERS["TABLE_MASK"][0]
    values = [random.getrandbits(32) for _ in range(30)]
    writes = [axil.init_write(address, value.to_bytes(4, "little")) for value in values]
    reads = [axil.init_read(REGISTERS["ID"][0], 4) for _ in range(30)]
    for event in writes:
        await event.wait()
        assert event.data.resp == AxiResp.OKAY
    for event in reads:
        await event.wait()
        assert int.from_bytes(event.data.data, "little") == 0x48574C4B
    assert await bench.software.read("TABLE_MASK") == values[-1]
