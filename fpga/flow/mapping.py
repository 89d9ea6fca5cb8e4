"""Several ways of mapping the logic to tables, of which the one whose longest paths are the shortest is taken.

ABC restructures logic before it maps it, and what comes of that jumps with small changes of the design, for the worse as
often as for the better. It compares its own attempts by how many tables the longest path has; `delays` counts wires too.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from flow import delays, yosys

# Maps, and keeps the better of this and what was kept before. A wire of the ECP5 costs some 0.9 ns and a table a quarter of
# that; Yosys assumes wires of 0.3 ns.
_MAP = "&if -W 900;&save;&load"
# What logic is restructured by before it is mapped.
_PASSES = {
    "syn2": "&syn2", "syn3": "&syn3", "dc2": "&dc2", "dch": "&if -g -K 6;&dch -C 5000", "synch2": "&if -g -K 6;&synch2",
}

# The passes of each script; none stand for the script of this name that comes with Yosys. What `syn2` makes of the logic as it
# is has the fewest tables in a row; after anything else it makes more.
SCRIPTS: dict[str, list[str]] = {
    "flow3": [],
    "rounds": ["syn2", "synch2", "synch2"],
    "smaller": ["syn2", "dc2", "syn3", "dch"],
}


# Netlists whose longest path is the same differ in those after it: so many are compared, one after the other.
_COMPARED = 20


@dataclass(frozen=True)
class Mapped:
    """A netlist, by what script it was made, and how long its longest paths are, the longest first."""

    script: str
    cells: yosys.Cells
    delays_ns: list[float]


def quickest(design: yosys.Design, options: str, work: Path) -> Mapped:
    """Synthesise the design with each script, flattened; leaves the netlist of the quickest in `work`."""

    def attempt(script: str) -> Mapped:
        folder = work / script
        folder.mkdir(exist_ok=True)
        cells = yosys.synthesize(design, command(script), options, folder)
        return Mapped(script, cells, [round(path.delay_ns, 2) for path in delays.longest(design, folder, _COMPARED)])

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        best = min(pool.map(attempt, SCRIPTS), key=lambda mapped: (mapped.delays_ns, mapped.cells.lut4))
    shutil.copyfile(work / best.script / yosys.DESIGN_NETLIST, work / yosys.DESIGN_NETLIST)
    return best


def command(script: str) -> str:
    """The line that has Yosys use this script."""
    if not SCRIPTS[script]:
        return f"scratchpad -copy abc9.script.{script} abc9.script"
    passes = (f"&st;{_PASSES[name]};{_MAP}" for name in SCRIPTS[script])
    return f'scratchpad -set abc9.script "+{";".join(["&scorr;&sweep", _MAP, *passes, "&mfs"])}"'
