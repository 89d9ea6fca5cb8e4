"""The block on the bench: clock, reset, the core that asks, the memory that holds the table, and software."""

import json
import os
import random
import re
from dataclasses import replace
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge, with_timeout
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiReadBus, AxiResp
from cocotbext.axi.axi_channels import AxiARSink, AxiRSource
from cocotbext.axi.axi_ram import AxiRamRead

import known_answers
from addressed import Inverted, Trees
from linked import Chained, Lines
from table import READ, Page
from ways import Cuckoo

CONFIG = json.loads(os.environ["HASHWALK_CONFIG"])
FORMATS = {"line": Lines, "chained": Chained, "cuckoo": Cuckoo, "inverted": Inverted, "tree": Trees}
known_answers.check()
KEYED, INVERTED = CONFIG["hash"] == "keyed", CONFIG["format"] == "inverted"
TIMEOUT_CYCLES = 20_000
TIMEOUT_READS = 1000


def register_page():
    """Every register of docs/registers.md that the configuration has: name, address, access, value after reset."""
    only = {"only with the `keyed` hash": KEYED, "only in the format `inverted`": INVERTED}
    row = re.compile(r"\| 0x([0-9a-f]{3}) \| `(\w+)` \| (\w+) \| (\S+) \| (.*) \|")
    found = {}
    for line in Path(os.environ["HASHWALK_REGISTERS"]).read_text().splitlines():
        if match := row.fullmatch(line):
            address, name, access, reset, meaning = match.groups()
            if all(holds for words, holds in only.items() if words in meaning):
                found[name] = (int(address, 16), access, None if reset == "–" else int(reset, 16))
    assert len(found) > 60
    return found


REGISTERS = register_page()


def stalls(seed, share):
    """Whether a channel stands still, cycle by cycle."""
    draw = random.Random(seed)
    while True:
        yield draw.random() < share


class Refused(Exception):
    """SLVERR on the register window."""


class Software:
    """The register window, by name."""

    def __init__(self, dut, clock, reset):
        self.axil = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), clock, reset)

    def stall(self, seed, share):
        write, read = self.axil.write_if, self.axil.read_if
        channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel]
        for number, channel in enumerate(channels):
            channel.set_pause_generator(stalls(f"{seed} {number}", share))

    async def write_at(self, address, value, width=4):
        answer = await self.axil.write(address, value.to_bytes(width, "little"))
        return answer.resp

    async def read_at(self, address):
        answer = await self.axil.read(address, 4)
        return answer.resp, int.from_bytes(answer.data, "little")

    async def write(self, name, value):
        if await self.write_at(REGISTERS[name][0], value) != AxiResp.OKAY:
            raise Refused(name)

    async def read(self, name):
        resp, value = await self.read_at(REGISTERS[name][0])
        if resp != AxiResp.OKAY:
            raise Refused(name)
        return value

    async def counter(self, name):
        low = await self.read(f"{name}_LO")
        return low | await self.read(f"{name}_HI") << 32

    async def wait_until_clear(self, name):
        """Bit 0, busy or valid."""
        for _ in range(TIMEOUT_READS):
            if not await self.read(name) & 1:
                return
        raise AssertionError(f"{name} stays busy")

    async def want(self, table):
        """What the change of table will bring, written word by word."""
        frame = table.base >> 12
        await self.write("TABLE_FRAME_LO", frame & 0xFFFF_FFFF)
        await self.write("TABLE_FRAME_HI", frame >> 32)
        await self.write("TABLE_MASK", table.mask)
        await self.write("SEARCH_ENABLE", table.searches)
        if INVERTED:
            await self.write("ENTRIES_FRAME_LO", table.entries >> 12 & 0xFFFF_FFFF)
            await self.write("ENTRIES_FRAME_HI", table.entries >> 44)
        if KEYED:
            for word in range(4):
                await self.write(f"KEY_{word}", table.key >> 32 * word & 0xFFFF_FFFF)

    async def use(self, table):
        await self.want(table)
        await self.write("TABLE_APPLY", 1)
        await self.wait_until_clear("TABLE_STATUS")

    async def invalidate(self, kind, vpn=0, asid=0):
        await self.write("INVALIDATE_VPN_LO", vpn & 0xFFFF_FFFF)
        await self.write("INVALIDATE_VPN_HI", vpn >> 32)
        await self.write("INVALIDATE_ASID", asid)
        await self.write("INVALIDATE_GO", kind)
        await self.wait_until_clear("INVALIDATE_STATUS")

    async def refill(self, page=None, fault=0, dirty=0):
        if page is not None:
            await self.write("REFILL_VPN_LO", page.vpn & 0xFFFF_FFFF)
            await self.write("REFILL_VPN_HI", page.vpn >> 32)
            await self.write("REFILL_ASID", page.asid)
            await self.write("REFILL_PFN_LO", page.pfn & 0xFFFF_FFFF)
            await self.write("REFILL_PFN_HI", page.pfn >> 32)
            await self.write("REFILL_ATTRIBUTES", page.size | page.rights << 2 | page.is_global << 6)
        await self.write("REFILL_GO", fault | dirty << 3)
        await self.wait_until_clear("REFILL_STATUS")


class Answer:
    """What a lookup was answered, under which id, and the cycles of its acceptance and its answer."""

    def __init__(self, lookup_id, accepted):
        self.lookup_id = lookup_id
        self.accepted, self.answered, self.pfn, self.fault, self.source = accepted, None, None, None, None
        self.event = Event()

    async def wait(self):
        await with_timeout(self.event.wait(), 2 * TIMEOUT_CYCLES, "step")
        return self

    @property
    def result(self):
        return self.fault, self.pfn


class Core:
    """Asks, by id, and sees that every lookup is answered once and nobody else is."""

    def __init__(self, dut):
        self.dut, self.cycle, self.out = dut, 0, {}
        dut.lookup_valid.value = 0
        cocotb.start_soon(self.listen())

    async def listen(self):
        dut = self.dut
        edge = RisingEdge(dut.clock)
        while True:
            await edge
            self.cycle += 1
            if dut.reset.value:
                self.out.clear()
                continue
            if dut.answer_valid.value:
                self.take(dut.answer_id, dut.answer_pfn, dut.answer_fault, None)
            if dut.late_valid.value:
                self.take(dut.late_id, dut.late_pfn, dut.late_fault, int(dut.late_source.value))

    def take(self, lookup_id, pfn, fault, source):
        answer = self.out.pop(int(lookup_id.value))
        answer.pfn, answer.fault, answer.source = int(pfn.value), int(fault.value), source
        answer.answered = self.cycle
        answer.event.set()

    async def ask(self, asid, vpn, access=READ, user=False):
        """Returns when the lookup is accepted; one at a time."""
        dut = self.dut
        edge = RisingEdge(dut.clock)
        while not (free := [name for name in range(16) if name not in self.out]):
            await edge
        dut.lookup_valid.value = 1
        dut.lookup_id.value = free[0]
        dut.lookup_vpn.value, dut.lookup_asid.value = vpn, asid
        dut.lookup_access.value, dut.lookup_user.value = access, int(user)
        for _ in range(TIMEOUT_CYCLES):
            await edge
            if dut.lookup_ready.value:
                dut.lookup_valid.value = 0
                answer = self.out[free[0]] = Answer(free[0], self.cycle)
                return answer
        raise AssertionError("a lookup is not accepted")

    async def translate(self, asid, vpn, access=READ, user=False):
        answer = await self.ask(asid, vpn, access, user)
        return await answer.wait()


class SlowMemory:
    """Any latency, any order that AXI allows, SLVERR or DECERR where it is told: what a RAM does not do."""

    def __init__(self, dut, clock, reset, seed, latency=(1, 30)):
        bus = AxiReadBus.from_prefix(dut, "m_axi")
        self.dut, self.clock, self.draw, self.latency = dut, clock, random.Random(seed), latency
        self.ar, self.r = AxiARSink(bus.ar, clock, reset), AxiRSource(bus.r, clock, reset)
        self.words, self.errors, self.waiting, self.order = {}, {}, [], []
        self.beat_bytes = CONFIG["bus_bits"] // 8
        cocotb.start_soon(self.serve())

    def load(self, words):
        """Words of 8 bytes, by address."""
        self.words.update(words)

    def beat(self, address):
        assert address in self.words, f"a read of 0x{address:x}, where nothing is"
        return sum(self.words[address + at] << 8 * at for at in range(0, self.beat_bytes, 8))

    async def serve(self):
        edge = RisingEdge(self.clock)
        cycle = 0
        while True:
            await edge
            cycle += 1
            if self.dut.reset.value:
                self.waiting.clear()
                self.ar.clear()
                self.r.clear()
                continue
            while not self.ar.empty():
                read = self.ar.recv_nowait()
                self.waiting.append((cycle + self.draw.randint(*self.latency), read))
            # The oldest of each ID may be answered: those of one ID keep their order.
            oldest = {}
            for due, read in self.waiting:
                oldest.setdefault(int(read.arid), (due, read))
            ready = [entry for entry in oldest.values() if entry[0] <= cycle]
            if ready and self.r.count() < 4:
                chosen = self.draw.choice(ready)
                self.order.append(self.waiting.index(chosen))
                self.waiting.remove(chosen)
                self.answer(chosen[1])

    def answer(self, read):
        address, beats = int(read.araddr), int(read.arlen) + 1
        for number in range(beats):
            at = address + number * self.beat_bytes
            resp = self.errors.get(at, AxiResp.OKAY)
            data = self.draw.getrandbits(8 * self.beat_bytes) if resp else self.beat(at)
            beat = self.r._transaction_obj(rid=int(read.arid), rdata=data, rresp=int(resp), rlast=number == beats - 1)
            self.r.send_nowait(beat)


class Ram(AxiRamRead):
    """All of memory, zeros where nothing was loaded."""

    def __init__(self, dut):
        super().__init__(AxiReadBus.from_prefix(dut, "m_axi"), dut.clock, dut.reset, size=1 << 52)
        self.ar, self.r = self.ar_channel, self.r_channel

    def load(self, words):
        """Words of 8 bytes, by address."""
        for address, word in words.items():
            self.write(address, word.to_bytes(8, "little"))


class Bench:
    """The block after reset."""

    def __init__(self, dut, slow=False, share=0.3, latency=(1, 30), memory=None):
        self.dut, self.clock = dut, dut.clock
        seed = random.getrandbits(32)
        self.draw = random.Random(seed)
        self.core = Core(dut)
        self.software = Software(dut, dut.clock, dut.reset)
        self.software.stall(seed, share)
        if slow or memory:
            self.memory = (memory or SlowMemory)(dut, dut.clock, dut.reset, seed, latency)
        else:
            self.memory = Ram(dut)
        self.memory.ar.set_pause_generator(stalls(f"{seed} ar", share))
        self.memory.r.set_pause_generator(stalls(f"{seed} r", share))
        cocotb.start_soon(self.watch_reads())

    @classmethod
    async def start(cls, dut, **options):
        # The generator needs no task a cycle; a period of 2 is the shortest.
        cocotb.start_soon(Clock(dut.clock, 2, unit="step").start(start_high=False))
        bench = cls(dut, **options)
        await bench.reset()
        return bench

    async def cycles(self, count):
        for _ in range(count):
            await RisingEdge(self.clock)

    async def reset(self):
        self.dut.reset.value = 1
        await self.cycles(3)
        self.dut.reset.value = 0
        await self.cycles(1)

    async def watch_reads(self):
        """Each read is one element, aligned, and what its attributes must be."""
        dut, beats = self.dut, CONFIG["element_bytes"] * 8 // CONFIG["bus_bits"]
        fixed = {"arlen": beats - 1, "arsize": (CONFIG["bus_bits"] // 8).bit_length() - 1, "arburst": 1, "arlock": 0}
        fixed |= {"arcache": 0b0010, "arprot": 0b011, "arqos": 0}
        edge = RisingEdge(dut.clock)
        while True:
            await edge
            if not dut.reset.value and dut.m_axi_arvalid.value:
                assert int(dut.m_axi_araddr.value) % CONFIG["element_bytes"] == 0
                assert {name: int(getattr(dut, f"m_axi_{name}").value) for name in fixed} == fixed
                assert int(dut.m_axi_arid.value) < (CONFIG["walks"] if beats == 1 else 1)

    def table(self, base=0x40_0000, log2=8, searches=0x3F):
        """An empty table in the configuration's format, under a new key; base None: at the end of memory."""
        table, key = FORMATS[CONFIG["format"]], self.draw.getrandbits(128)
        log2 += table.more_places
        base = (1 << 52) - (table.place_bytes << log2) if base is None else base
        return table(base, log2, CONFIG["hash"], key, searches, CONFIG["max_steps"])

    def load(self, table):
        """Into memory, as it is now."""
        self.memory.load(table.memory)

    def page(self, **fields):
        """A page with a random place and frame; what is given counts."""
        size = fields.get("size", 0)
        random_fields = {
            "asid": self.draw.randrange(1, 1 << 16),
            "vpn": self.draw.getrandbits(52) >> 9 * size << 9 * size,
            "pfn": self.draw.getrandbits(40) >> 9 * size << 9 * size,
        }
        return Page(**(random_fields | fields))

    def fill(self, table, count):
        """Random pages of every size, some global, some of one frame."""
        pages = []
        for _ in range(count):
            size = self.draw.choice([0, 0, 0, 1, 2])
            page = self.page(size=size, asid=self.draw.choice([1, 2, 0xFFFF]), rights=self.draw.getrandbits(4))
            if self.draw.random() < 0.2:
                page = self.page(size=size, asid=0, vpn=page.vpn, is_global=True)
            shared = [other.pfn for other in pages if other.size == size]
            if shared and self.draw.random() < 0.2:
                page = replace(page, pfn=self.draw.choice(shared))
            table.insert(page)
            pages.append(page)
        return pages

    async def counters(self):
        """All of them, by name, while nothing is counted."""
        await self.software.write("COUNTER_FREEZE", 1)
        names = [name[:-3] for name in REGISTERS if name.endswith("_LO") and REGISTERS[name][0] >= 0x200]
        values = {name: await self.software.counter(name) for name in names}
        await self.software.write("COUNTER_FREEZE", 0)
        return values
