"""Synthesis: the design alone, split over its modules, and wrapped for place and route.

The design is synthesised once, by itself. The wrapper is built around the finished netlist, so it
neither lends nor takes a cell: what is placed is the counted netlist, plus a wrapper of known size.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from flow import block_ram, tools, wrapper
from flow.wrapper import Port

DESIGN_NETLIST = "design.il"
WRAPPED_NETLIST = "wrapped.json"

# How many 4-input LUTs of the chip one cell occupies. A carry cell (CCU2C) is two of them, a
# distributed memory (TRELLIS_DPR16X4) four and two more for its write port: nextpnr's own
# "Total LUT4s". PFUMX and L6MUX21 join LUTs with multiplexers that every slice has: they cost none.
LUT4_OF_CELL = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6}


@dataclass(frozen=True)
class Cells:
    """What a netlist occupies."""

    lut4: int
    carry_lut4: int
    wide_mux: int
    ff: int
    block_ram: int
    dsp: int

    @staticmethod
    def of(counts: dict[str, int]) -> "Cells":
        """From the number of cells of each type."""
        return Cells(
            lut4=sum(count * counts.get(cell, 0) for cell, count in LUT4_OF_CELL.items()),
            carry_lut4=2 * counts.get("CCU2C", 0),
            wide_mux=counts.get("PFUMX", 0) + counts.get("L6MUX21", 0),
            ff=counts.get("TRELLIS_FF", 0),
            block_ram=counts.get("DP16KD", 0) + counts.get("PDPW16KD", 0),
            dsp=counts.get("MULT18X18D", 0),
        )


@dataclass(frozen=True)
class Design:
    """The design's top module, its ports in order, and the lines that read its sources."""

    top: str
    ports: list[Port]
    read: str


def sources(folder: Path) -> list[Path]:
    """The Verilog files of `folder`: those of its files.f, or else every *.v.

    Raises FlowError if there is none.
    """
    file_list = folder / "files.f"
    if file_list.is_file():
        lines = (line.split("//")[0].strip() for line in file_list.read_text().splitlines())
        files = [folder / line for line in lines if line and line[0] not in "+-#"]
    else:
        files = sorted(folder.glob("*.v"))
    if not files:
        raise tools.FlowError(f"{folder} holds no Verilog (neither files.f nor *.v)")
    for file in files:
        if not file.is_file():
            raise tools.FlowError(f"{file} does not exist, but {file_list} names it")
    return [file.resolve() for file in files]


def elaborate(folder: Path, top: str | None, clock: str, work: Path) -> Design:
    """Read the sources and ask Yosys for the top module and its ports.

    Raises FlowError if there is no such module or clock, or a port is bidirectional.
    """
    read = "".join(f'read_verilog -sv "{file}"\n' for file in sources(folder))
    select = f"-top {top}" if top else "-auto-top"
    tools.yosys(f"{read}hierarchy -check {select}\nproc\nwrite_json elaborate.json\n", "elaborate", work)
    modules = json.loads((work / "elaborate.json").read_text())["modules"]
    found = next((name for name, module in modules.items() if "top" in module["attributes"]), None)
    if found is None:
        raise tools.FlowError(f"{folder}: Yosys found no top module; give it with --top")
    ports = []
    for name, port in modules[found]["ports"].items():
        if port["direction"] not in ("input", "output"):
            raise tools.FlowError(f"port {name} of {found} is {port['direction']}: only input and output can be wrapped")
        ports.append(Port(name, port["direction"] == "input", len(port["bits"])))
    if Port(clock, True, 1) not in ports:
        raise tools.FlowError(f"{found} has no 1-bit input {clock!r}; give the clock's name with --clock")
    if all(port.is_input for port in ports):
        raise tools.FlowError(f"{found} has no output: nothing would be left of it")
    return Design(found, ports, read)


# What ABC says of a mapping that it has got wrong. Yosys goes on.
NOT_EQUIVALENT = "Networks are NOT EQUIVALENT"

# No LUTs are joined to larger ones by the slices' multiplexers, and there are no carry cells (README.md says what that brings).
SYNTHESIS = "synth_ecp5 -nowidelut -noccu2"


def synthesize(design: Design, mapping: str, options: str, work: Path) -> Cells:
    """Synthesise the design alone, flattened, after the line `mapping`; leaves DESIGN_NETLIST in `work`."""
    after = f"tee -o design.stat.json stat -json\nselect {design.top}\nwrite_rtlil -selected {DESIGN_NETLIST}\n"
    _synthesize(design, mapping, options, after, "synthesis", work)
    return _statistics(work / "design.stat.json")[design.top]


def split(design: Design, mapping: str, options: str, work: Path) -> dict[str, Cells]:
    """Synthesise with the module boundaries kept; the cells of each module, without its submodules.

    Nothing is optimised across a boundary, so the sum is somewhat more than the flattened design.
    """
    _synthesize(design, mapping, f"-noflatten {options}", "tee -o split.stat.json stat -json\n", "split", work)
    return _statistics(work / "split.stat.json")


def _synthesize(design: Design, mapping: str, options: str, after: str, name: str, work: Path) -> None:
    """Synthesise after the line `mapping`, with block RAM as slow as it is, and run the lines `after`.

    Raises FlowError if what ABC has made is not what it was given.
    """
    (work / "slow.v").write_text(block_ram.SLOW)
    (work / "at_once.v").write_text(block_ram.AT_ONCE)
    synthesis = f"{SYNTHESIS} -top {design.top} {options}"
    log = tools.yosys_with_slow_ram(
        f"{design.read}read_verilog -lib -specify slow.v\n{synthesis} -run begin:map_luts\nopt_clean\n",
        f"{mapping}\n{synthesis} -run map_luts:map_cells\n"
        f"techmap -map at_once.v\n{block_ram.MERGE}\nclean\n{synthesis} -run map_cells:\n{after}",
        name, work,
    )
    if NOT_EQUIVALENT in log.read_text():
        raise tools.FlowError(f"{name}: what ABC has made is not what it was given; the log is {log}")


def wrap(design: Design, clock: str, reset: str, work: Path) -> wrapper.Cost:
    """Put the wrapper around DESIGN_NETLIST; leaves WRAPPED_NETLIST in `work`.

    Raises FlowError if the wrapper's cells are not exactly those that `wrapper.cost` claims.
    """
    (work / "wrapper.v").write_text(wrapper.verilog(design.top, design.ports, clock, reset))
    tools.yosys(
        # The design is a black box while its wrapper is synthesised, so neither changes the other.
        f"read_verilog wrapper.v\nsynth_ecp5 -top {wrapper.MODULE}\n"
        "tee -o wrapper.stat.json stat -json\n"
        f"delete ={design.top}\nread_rtlil {DESIGN_NETLIST}\n"
        f"hierarchy -check -top {wrapper.MODULE}\nflatten\nclean\nwrite_json {WRAPPED_NETLIST}\n",
        "wrap", work,
    )
    claimed = wrapper.cost(design.ports, clock)
    found = _statistics(work / "wrapper.stat.json")[wrapper.MODULE]
    if (claimed.lut4, claimed.ff) != (found.lut4, found.ff):
        raise tools.FlowError(f"the wrapper should have {claimed}, but Yosys counts {found}")
    return claimed


def _statistics(file: Path) -> dict[str, Cells]:
    """The cells of each module in what `stat -json` wrote."""
    text = file.read_text()
    modules = json.loads(text[text.index("{") : text.rindex("}") + 1])["modules"]
    return {
        name.lstrip("\\"): Cells.of(module["num_cells_by_type"]) for name, module in modules.items()
    }
