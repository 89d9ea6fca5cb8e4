"""Compare and set beside reads of the table, on a memory that keeps exclusive accesses as AXI says, or does not."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiReadBus, AxiResp, AxiWriteBus
from cocotbext.axi.axi_channels import AxiARSink, AxiAWSink, AxiBSource, AxiRSource, AxiWSink

from bench import CONFIG, TIMEOUT_CYCLES, stalls

BUS_BYTES = CONFIG["bus_bits"] // 8
UPDATE_ID = 8
OKAY, EXOKAY, SLVERR, DECERR = AxiResp.OKAY, AxiResp.EXOKAY, AxiResp.SLVERR, AxiResp.DECERR


class ExclusiveMemory:
    """Words of 8 bytes with one monitor; beats of different IDs are mixed as AXI lets them be."""

    def __init__(self, dut, draw, share):
        read, write = AxiReadBus.from_prefix(dut, "m_axi"), AxiWriteBus.from_prefix(dut, "m_axi")
        self.dut, self.draw = dut, draw
        self.ar, self.r = AxiARSink(read.ar, dut.clock, dut.reset), AxiRSource(read.r, dut.clock, dut.reset)
        self.aw, self.w = AxiAWSink(write.aw, dut.clock, dut.reset), AxiWSink(write.w, dut.clock, dut.reset)
        self.b = AxiBSource(write.b, dut.clock, dut.reset)
        for number, channel in enumerate((self.ar, self.r, self.aw, self.w, self.b)):
            channel.set_pause_generator(stalls(f"{draw.getrandbits(32)} {number}", share))
        self.words, self.monitor, self.beats, self.writes = {}, None, {}, 0
        # What goes wrong: stores of others before a write, how many; answers in place of the right ones.
        self.intruders, self.read_resp, self.write_resp = 0, None, None
        cocotb.start_soon(self.serve())

    def store(self, address, value):
        """Somebody else's store: the monitor sees it."""
        self.words[address] = value
        if self.monitor == address:
            self.monitor = None

    def forget(self):
        """Nothing of before reset is answered."""
        self.monitor, self.beats = None, {}
        for channel in (self.ar, self.r, self.aw, self.w, self.b):
            channel.clear()

    def load(self, address):
        return self.words.setdefault(address, self.draw.getrandbits(64))

    async def serve(self):
        edge = RisingEdge(self.dut.clock)
        while True:
            await edge
            if self.dut.reset.value:
                self.forget()
                continue
            while not self.ar.empty():
                self.accept(self.ar.recv_nowait())
            ids = [name for name, beats in self.beats.items() if beats]
            if ids and self.r.count() < 2 and self.draw.random() < 0.7:
                self.r.send_nowait(self.beats[self.draw.choice(ids)].pop(0))
            if not self.aw.empty() and not self.w.empty() and self.draw.random() < 0.5:
                self.write(self.aw.recv_nowait(), self.w.recv_nowait())

    def accept(self, read):
        address, name, resp = int(read.araddr), int(read.arid), OKAY
        if read.arlock:
            assert (name, int(read.arlen), int(read.arsize)) == (UPDATE_ID, 0, 3)
            self.monitor, resp = address, EXOKAY
            if self.read_resp is not None:
                resp = self.read_resp
        else:
            assert name < UPDATE_ID and int(read.arlen) + 1 == CONFIG["element_bytes"] // BUS_BYTES
        for beat in range(int(read.arlen) + 1):
            lane = (address + beat * BUS_BYTES) // BUS_BYTES * BUS_BYTES
            data = sum(self.load(lane + at) << 8 * at for at in range(0, BUS_BYTES, 8))
            last = beat == int(read.arlen)
            beats = self.beats.setdefault(name, [])
            beats.append(self.r._transaction_obj(rid=name, rdata=data, rresp=int(resp), rlast=last))

    def write(self, aw, w):
        address = int(aw.awaddr)
        assert (int(aw.awid), int(aw.awlen), int(aw.awsize), int(aw.awlock)) == (UPDATE_ID, 0, 3, 1)
        lane = address % BUS_BYTES
        assert int(w.wstrb) == 0xFF << lane and int(w.wlast)
        if self.intruders:
            self.intruders -= 1
            self.store(address, self.load(address))
        resp = EXOKAY if self.monitor == address else OKAY
        if self.write_resp is not None:
            resp = self.write_resp
        if resp == EXOKAY:
            self.words[address] = int(w.wdata) >> 8 * lane & (1 << 64) - 1
        self.writes += 1
        self.monitor = None
        self.b.send_nowait(self.b._transaction_obj(bid=UPDATE_ID, bresp=int(resp)))


class Walker:
    """Reads elements on the memory port without end, one for each walk, and looks at what comes."""

    def __init__(self, dut, memory, draw):
        self.dut, self.memory, self.draw, self.served, self.out = dut, memory, draw, 0, {}
        dut.memory_response_ready.value = 1
        dut.memory_request_beats.value = CONFIG["element_bytes"] // BUS_BYTES
        cocotb.start_soon(self.ask())
        cocotb.start_soon(self.listen())

    async def ask(self):
        dut, edge = self.dut, RisingEdge(self.dut.clock)
        while True:
            free = [walk for walk in range(CONFIG["walks"]) if walk not in self.out]
            if not free or self.draw.random() < 0.3:
                await edge
                continue
            walk, address = self.draw.choice(free), self.draw.randrange(32) * CONFIG["element_bytes"]
            dut.memory_request_id.value, dut.memory_request_address.value = walk, address
            dut.memory_request_valid.value = 1
            await edge
            while not dut.memory_request_ready.value:
                await edge
            dut.memory_request_valid.value = 0
            self.out[walk] = []

    async def listen(self):
        dut, edge = self.dut, RisingEdge(self.dut.clock)
        going_on = None
        while True:
            await edge
            if dut.memory_response_valid.value:
                walk = int(dut.memory_response_id.value)
                assert going_on in (None, walk), "the beats of a read are in one piece"
                self.out[walk].append(int(dut.memory_response_data.value))
                going_on = walk
                if len(self.out[walk]) == CONFIG["element_bytes"] // BUS_BYTES:
                    del self.out[walk]
                    self.served, going_on = self.served + 1, None


async def start(dut, share=0.3):
    cocotb.start_soon(Clock(dut.clock, 2, unit="step").start(start_high=False))
    draw = random.Random(random.getrandbits(32))
    dut.memory_request_valid.value = 0
    dut.update_valid.value = 0
    dut.reset.value = 1
    memory = ExclusiveMemory(dut, draw, share)
    for _ in range(3):
        await RisingEdge(dut.clock)
    dut.reset.value = 0
    await RisingEdge(dut.clock)
    return memory, Walker(dut, memory, draw), draw


async def update(dut, address, expected, desired):
    """Swapped, error, and what was seen."""
    edge = RisingEdge(dut.clock)
    dut.update_address.value, dut.update_expected.value, dut.update_desired.value = address, expected, desired
    dut.update_valid.value = 1
    await edge
    while not dut.update_ready.value:
        await edge
    dut.update_valid.value = 0
    for _ in range(TIMEOUT_CYCLES):
        await edge
        if dut.result_done.value:
            return int(dut.result_swapped.value), int(dut.result_error.value), int(dut.result_seen.value)
    raise AssertionError("a change never ends")


@cocotb.test
async def a_word_is_changed_only_if_it_is_what_was_expected(dut):
    memory, walker, draw = await start(dut)
    for _ in range(80):
        address = draw.randrange(256) * 8
        before, desired = memory.load(address), draw.getrandbits(64)
        expected = before if draw.random() < 0.6 else before ^ 1 << draw.randrange(64)
        others = {at: value for at, value in memory.words.items() if at != address}
        writes = memory.writes
        result = await update(dut, address, expected, desired)
        same = expected == before
        assert result == (same, 0, before)
        assert memory.words[address] == (desired if same else before)
        assert all(memory.words[at] == value for at, value in others.items())
        assert memory.writes - writes == same
    assert walker.served > 100


@cocotb.test
async def a_write_that_somebody_came_before_is_tried_again_up_to_16_times(dut):
    memory, _, draw = await start(dut)
    for intruders in (1, 2, 15, 16, 0):
        address = draw.randrange(256) * 8
        before, desired = memory.load(address), draw.getrandbits(64)
        memory.intruders, memory.writes = intruders, 0
        result = await update(dut, address, before, desired)
        assert result == ((1, 0, before) if intruders < 16 else (0, 1, before))
        assert memory.words[address] == (desired if intruders < 16 else before)
        assert memory.writes == min(intruders + 1, 16)


@cocotb.test
async def a_memory_without_exclusive_accesses_is_not_written(dut):
    memory, _, draw = await start(dut)
    for resp in (OKAY, SLVERR, DECERR):
        memory.read_resp = resp
        swapped, error, _ = await update(dut, 8, memory.load(8), draw.getrandbits(64))
        assert (swapped, error) == (0, 1) and memory.writes == 0
    memory.read_resp = None
    assert (await update(dut, 8, memory.load(8), 5))[:2] == (1, 0)


@cocotb.test
async def a_write_that_fails_is_an_error(dut):
    memory, _, draw = await start(dut)
    for resp in (SLVERR, DECERR):
        memory.write_resp, memory.writes = resp, 0
        before = memory.load(16)
        assert (await update(dut, 16, before, draw.getrandbits(64)))[:2] == (0, 1)
        assert memory.writes == 1 and memory.words[16] == before
