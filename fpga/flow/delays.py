"""A rough estimate of the longest paths, from the synthesised netlist alone: seconds instead of the minutes of place and route.

A table costs its delay, and a wire more the more it feeds; where a wire leads is not known.
"""

import functools
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from flow import chip, tools, yosys

# The outputs of each cell that is combinational, or begins a path.
OUTPUTS = {
    "LUT4": ("Z",), "PFUMX": ("Z",), "L6MUX21": ("Z",), "CCU2C": ("S0", "S1", "COUT"), "TRELLIS_FF": ("Q",),
}
# Where paths end.
FLIP_FLOP_INPUTS = ("DI", "CE", "LSR", "M")


@dataclass(frozen=True)
class Route:
    """A path: its delay, its end, and the nets on it with the time at which each is settled."""

    delay_ns: float
    end: str
    steps: list[tuple[str, float]]


class Netlist:
    """A netlist of one module, with arrival times worked out on demand."""

    def __init__(self, module: dict) -> None:
        self.cells = module["cells"]
        self.ports = module["ports"]
        self.names = _names(module["netnames"])
        self.driver: dict[int, str] = {}
        self.fan_out: dict[int, int] = {}
        for name, cell in self.cells.items():
            outputs = _outputs(cell)
            for port, bits in cell["connections"].items():
                for bit in filter(_is_net, bits):
                    if port in outputs:
                        self.driver[bit] = name
                    else:
                        self.fan_out[bit] = self.fan_out.get(bit, 0) + 1
        self.arrival = functools.cache(self._arrival)

    def wire_ns(self, net: int) -> float:
        """The delay of a net to any of its readers."""
        return chip.WIRE_NS + chip.WIRE_NS_PER_DOUBLING * math.log2(1 + self.fan_out.get(net, 1))

    def _arrival(self, net: int) -> tuple[float, int | None]:
        """When a net is driven, and by what other net this is decided."""
        cell = self.cells.get(self.driver.get(net, ""))
        if cell is None or cell["type"] == "TRELLIS_FF":
            return chip.CLOCK_TO_FLIP_FLOP_NS, None
        if cell["type"] not in OUTPUTS:
            return chip.CLOCK_TO_BLOCK_RAM_NS, None
        latest: tuple[float, int | None] = (0.0, None)
        for port, bits in cell["connections"].items():
            if port in OUTPUTS[cell["type"]]:
                continue
            for bit in filter(_is_net, bits):
                time = self.arrival(bit)[0] + self._through(cell["type"], port, bit)
                latest = max(latest, (time, bit), key=lambda pair: pair[0])
        return latest

    def _through(self, kind: str, port: str, net: int) -> float:
        """From a net's driver to the output of a cell that it feeds."""
        if kind == "CCU2C":
            return chip.CARRY_STEP_NS if port == "CIN" else self.wire_ns(net) + chip.CARRY_IN_NS
        is_within_slice = (kind, port) in {("PFUMX", "ALUT"), ("PFUMX", "BLUT"), ("L6MUX21", "D0"), ("L6MUX21", "D1")}
        return chip.TABLE_NS + (0.0 if is_within_slice else self.wire_ns(net))

    def ends(self) -> list[tuple[float, str, int]]:
        """Each end of a path with its delay, the longest first."""
        found = []
        for name, cell in self.cells.items():
            if cell["type"] in OUTPUTS and cell["type"] != "TRELLIS_FF":
                continue
            outputs = _outputs(cell)
            for port, bits in cell["connections"].items():
                counts = port in FLIP_FLOP_INPUTS if cell["type"] == "TRELLIS_FF" else port not in outputs
                if counts:
                    label = f"{name.split('_TRELLIS_FF_')[0]}.{port}"
                    found += [(self.arrival(bit)[0] + self.wire_ns(bit), label, bit) for bit in filter(_is_net, bits)]
        for name, port in self.ports.items():
            if port["direction"] == "output":
                found += [(self.arrival(bit)[0] + self.wire_ns(bit), name, bit) for bit in filter(_is_net, port["bits"])]
        return sorted(found, key=lambda end: -end[0])

    def path(self, delay_ns: float, end: str, net: int) -> Route:
        """The path to an end."""
        steps = []
        at: int | None = net
        while at is not None:
            time, before = self.arrival(at)
            steps.append((self.names.get(at, "?"), time))
            at = before
        return Route(delay_ns, end, steps[::-1])


def longest(design: yosys.Design, work: Path, count: int) -> list[Route]:
    """The longest path to each of `count` registers or ports, from yosys.DESIGN_NETLIST in `work`."""
    tools.yosys(f"read_rtlil {yosys.DESIGN_NETLIST}\nwrite_json delays.json\n", "delays", work)
    netlist = Netlist(json.loads((work / "delays.json").read_text())["modules"][design.top])
    # A path may be longer than Python's stack is deep by default.
    sys.setrecursionlimit(100_000)
    paths: dict[str, Route] = {}
    for delay_ns, end, net in netlist.ends():
        # One of a register's bits, and of slots that are alike, is enough.
        kind = "".join("#" if character.isdigit() else character for character in end)
        if kind not in paths:
            paths[kind] = netlist.path(delay_ns, end, net)
        if len(paths) == count:
            break
    return list(paths.values())


def _outputs(cell: dict) -> tuple[str, ...]:
    known = OUTPUTS.get(cell["type"])
    return known or tuple(port for port in cell["connections"] if port.startswith("DO"))


def _is_net(bit: object) -> bool:
    return isinstance(bit, int)


def _names(netnames: dict) -> dict[int, str]:
    """The shortest name of each net that somebody gave, or else that Yosys made."""
    best: dict[int, tuple[int, int, str]] = {}
    for name, net in netnames.items():
        for index, bit in enumerate(net["bits"]):
            shown = f"{name}[{index}]" if len(net["bits"]) > 1 else name
            rank = (net.get("hide_name", 0), len(name), shown)
            if _is_net(bit) and (bit not in best or rank < best[bit]):
                best[bit] = rank
    return {bit: name for bit, (_, _, name) in best.items()}
