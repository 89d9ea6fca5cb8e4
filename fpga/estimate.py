#!/usr/bin/env python3
"""Synthesise a generated design for the ECP5 and estimate its longest paths, without place and route.

For looking where a change has led, in a minute or two; what is promised is measured by synthesize.py (fpga/README.md).
Exit status: 0 done; 2 a tool or an input is missing or wrong, or a tool failed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from flow import delays, mapping, tools, yosys


def main() -> int:
    """Parse the command line, run, and turn errors into one line and status 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verilog", type=Path, required=True, metavar="DIR", help="folder with the design's Verilog")
    parser.add_argument("--paths", type=int, default=20, metavar="N", help="how many ends to list (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=3, metavar="N",
                        help="for how many of them to list each step (default: %(default)s)")
    parser.add_argument("--clock", default="clock", metavar="PORT", help="the clock's port (default: %(default)s)")
    arguments = parser.parse_args()
    return tools.run_command("estimate.py", lambda: estimate(arguments))


def estimate(arguments: argparse.Namespace) -> None:
    """Check the tools and the input, and work in a folder that is gone afterwards."""
    tools.versions()
    if not arguments.verilog.is_dir():
        raise tools.FlowError(f"{arguments.verilog} is not a folder")
    with tempfile.TemporaryDirectory() as work:
        show(arguments, Path(work))


def show(arguments: argparse.Namespace, work: Path) -> None:
    """Synthesise in `work` and print what was found."""
    design = yosys.elaborate(arguments.verilog, None, arguments.clock, work)
    mapped = mapping.quickest(design, "", work)
    cells = mapped.cells
    print(f"{design.top}: {cells.lut4} LUT4, {cells.ff} FF, {cells.block_ram} block RAM, script {mapped.script}")
    for number, route in enumerate(delays.longest(design, work, arguments.paths)):
        print(f"{route.delay_ns:6.2f} ns to {route.end}, through {len(route.steps) - 1} cells")
        if number < arguments.steps:
            for name, time_ns in route.steps:
                print(f"    {time_ns:6.2f}  {name}")


if __name__ == "__main__":
    sys.exit(main())
