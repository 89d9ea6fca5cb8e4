"""Place and route of the wrapped netlist, one seed at a time."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from flow import tools, yosys

PACKAGE = "CABGA381"
SPEED_GRADE = 6
DEVICES = ("25k", "45k", "85k")

# The placer: README.md says why.
PLACER = "static"

# nextpnr's summary of what it packed, in its log.
PACKED_LUT4 = re.compile(r"Total LUT4s:\s*(\d+)/")
PACKED_FF = re.compile(r"Total DFFs:\s*(\d+)/")


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path from flip-flop to flip-flop: its ends and what its delay (ns) is made of."""

    start: str
    end: str
    luts: int
    wide_muxes: int
    logic_ns: float
    routing_ns: float

    def __str__(self) -> str:
        return (
            f"{self.start} -> {self.end}: {self.luts} LUTs and {self.wide_muxes} wide multiplexers in series, "
            f"{self.logic_ns:.1f} ns logic + {self.routing_ns:.1f} ns routing"
        )


@dataclass(frozen=True)
class Placed:
    """The result of one seed. LUT4 and FF are nextpnr's own totals, wrapper included."""

    seed: int
    fmax_mhz: float
    lut4: int
    ff: int
    path: CriticalPath


def place_and_route(device: str, frequency_mhz: float, seed: int, work: Path) -> Placed:
    """Place and route yosys.WRAPPED_NETLIST; leaves the report and the log of this seed in `work`.

    A clock that misses `frequency_mhz` is a result, not an error. Raises FlowError if the design
    does not fit or holds more or less than one clock.
    """
    name = f"place-seed-{seed}"
    tools.nextpnr(
        [
            f"--{device}", "--package", PACKAGE, "--speed", str(SPEED_GRADE),
            "--json", yosys.WRAPPED_NETLIST, "--seed", str(seed), "--freq", f"{frequency_mhz:g}",
            "--placer", PLACER, "--timing-allow-fail", "--report", f"{name}.json",
        ],
        name, work,
    )
    report = json.loads((work / f"{name}.json").read_text())
    log = (work / f"{name}.log").read_text()
    clocks = list(report["fmax"])
    if len(clocks) != 1:
        raise tools.FlowError(f"seed {seed}: nextpnr sees the clocks {clocks}, one was expected")
    return Placed(
        seed=seed,
        fmax_mhz=report["fmax"][clocks[0]]["achieved"],
        lut4=_total(PACKED_LUT4, log, name),
        ff=_total(PACKED_FF, log, name),
        path=_critical_path(report, clocks[0]),
    )


def _total(pattern: re.Pattern[str], log: str, name: str) -> int:
    match = pattern.search(log)
    if match is None:
        raise tools.FlowError(f"{name}.log lacks nextpnr's line {pattern.pattern!r}")
    return int(match[1])


def _critical_path(report: dict, clock: str) -> CriticalPath:
    """The path within `clock`, with Yosys's suffixes cut from the registers' names."""
    path = next(
        path["path"] for path in report["critical_paths"]
        if path["from"] == path["to"] == f"posedge {clock}"
    )
    logic = [(step["from"]["port"], step["to"]["port"]) for step in path if step["type"] == "logic"]
    routing = sum(step["delay"] for step in path if step["type"] == "routing")
    return CriticalPath(
        start=_register(path[0]["from"]["cell"]),
        end=_register(path[-1]["to"]["cell"]),
        # A LUT is entered at A to D; OFX is the exit of a slice's multiplexer, which may follow in the same step.
        luts=sum(entry in ("A", "B", "C", "D") for entry, _ in logic),
        wide_muxes=sum(exit_port == "OFX" for _, exit_port in logic),
        logic_ns=sum(step["delay"] for step in path) - routing,
        routing_ns=routing,
    )


def _register(cell: str) -> str:
    """The register that a flip-flop's cell is named for: `design.walker.index_TRELLIS_FF_Q_3` to `walker.index`."""
    return re.sub(r"_TRELLIS_FF_.*", "", cell).removeprefix("design.")
