"""Several ways of mapping the logic to tables, of which the one with the shortest paths is taken.

ABC restructures logic before it maps it, and what comes of that jumps with small changes of the design, for the worse as
often as for the better. It compares its own attempts by how many tables the longest path has; `delays` counts wires too.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flow import delays, yosys

# A wire of the ECP5 costs some 0.9 ns and a table a quarter of that; Yosys assumes wires of 0.3 ns.
_MAP = "&if -W 900;&save;&load"
_SYN2 = f";&st;&syn2;{_MAP}"
_DCH = f";&st;&if -g -K 6;&dch -f;{_MAP}"
_SYNCH2 = f";&st;&if -g -K 6;&synch2;{_MAP}"
_BEGIN = f"+&scorr;&sweep;{_MAP}"
_END = ";&mfs"

# Commands of ABC by the name of a way; none stand for the script `flow3` that comes with Yosys.
SCRIPTS = {
    "flow3": None,
    "rounds": _BEGIN + _SYN2 + _DCH + _SYNCH2 + _SYN2 + _DCH + _SYNCH2 + _SYNCH2 + _END,
    "restructured": f"+&scorr;&sweep;&st;&syn2;&if -g -K 6;&synch2;{_MAP}{_END}",
}


@dataclass(frozen=True)
class Mapped:
    """A netlist, by what script it was made, and how long its longest path may be."""

    script: str
    cells: yosys.Cells
    delay_ns: float


def quickest(design: yosys.Design, options: str, work: Path) -> Mapped:
    """Synthesise the design with each script, flattened; leaves the netlist of the quickest in `work`."""

    def attempt(script: str) -> Mapped:
        folder = work / script
        folder.mkdir(exist_ok=True)
        cells = yosys.synthesize(design, command(script), options, folder)
        return Mapped(script, cells, delays.longest(design, folder, 1)[0].delay_ns)

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        best = min(pool.map(attempt, SCRIPTS), key=lambda mapped: (mapped.delay_ns, mapped.cells.lut4))
    shutil.copyfile(work / best.script / yosys.DESIGN_NETLIST, work / yosys.DESIGN_NETLIST)
    return best


def command(script: str) -> str:
    """The line that has Yosys use this script."""
    commands = SCRIPTS[script]
    return f'scratchpad -set abc9.script "{commands}"' if commands else f"scratchpad -copy abc9.script.{script} abc9.script"
