#!/usr/bin/env python3
"""Synthesise, place and route a generated design for the ECP5, and report its size and speed.

Run by `make fpga`; fpga/README.md says what is measured and how.
Exit status: 0 done; 2 a tool or an input is missing or wrong, or a tool failed.
"""

import argparse
import os
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flow import mapping, nextpnr, report, tools, yosys

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Parse the command line, run the flow, and turn its errors into one line and status 2."""
    arguments = parse(sys.argv[1:])
    return tools.run_command("synthesize.py", lambda: run(arguments))


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; argparse itself ends with status 2 on a wrong one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verilog", type=Path, required=True, metavar="DIR",
                        help="folder with the design's Verilog: the files of its files.f, or every *.v")
    parser.add_argument("--config", default="default", metavar="NAME",
                        help="name of the configuration in the report (default: %(default)s)")
    parser.add_argument("--seeds", type=seeds, default=[1, 2, 3], metavar="N,N,...",
                        help="seeds for place and route (default: 1,2,3)")
    parser.add_argument("--device", choices=nextpnr.DEVICES, default="85k",
                        help="size of the ECP5 (default: %(default)s)")
    parser.add_argument("--frequency", type=float, default=100.0, metavar="MHZ",
                        help="target for place and route, best out of reach (default: %(default)s)")
    parser.add_argument("--options", default="", metavar="TEXT",
                        help="further options for Yosys's synth_ecp5, for experiments: --options=-nodffe")
    parser.add_argument("--top", metavar="MODULE", help="top module (default: the one that nobody instantiates)")
    parser.add_argument("--clock", default="clock", metavar="PORT", help="the clock's port (default: %(default)s)")
    parser.add_argument("--reset", default="reset", metavar="PORT",
                        help="the reset's port, if there is one, for a global wire (default: %(default)s)")
    parser.add_argument("--baseline", type=Path, metavar="FILE", help="also write the result to this TOML file")
    parser.add_argument("--work", type=Path, metavar="DIR",
                        help="folder for logs, netlists and reports (default: target/fpga/NAME)")
    return parser.parse_args(arguments)


def seeds(text: str) -> list[int]:
    """A comma-separated list of distinct seeds."""
    found = [int(part) for part in text.split(",")]
    if len(set(found)) != len(found):
        raise ValueError("a seed is named twice")
    return found


def run(arguments: argparse.Namespace) -> None:
    """The whole flow, with a line on standard error for each step."""
    versions = tools.versions()
    work = arguments.work or ROOT / "target" / "fpga" / arguments.config
    if not arguments.verilog.is_dir():
        raise tools.FlowError(f"{arguments.verilog} is not a folder")
    work.mkdir(parents=True, exist_ok=True)

    progress = Progress()
    design = yosys.elaborate(arguments.verilog, arguments.top, arguments.clock, work)
    progress.step(f"{arguments.config}: {design.top} has {sum(port.width for port in design.ports)} port bits")
    mapped = mapping.quickest(design, arguments.options, work)
    cells = mapped.cells
    progress.step(
        f"synthesised: {cells.lut4} LUT4, {cells.ff} FF, {cells.block_ram} block RAM, "
        f"the quickest by the script {mapped.script}"
    )
    modules = yosys.split(design, mapping.command(mapped.script), arguments.options, work)
    progress.step(f"synthesised with its {len(modules)} modules kept apart")
    cost = yosys.wrap(design, arguments.clock, arguments.reset, work)
    progress.step(f"wrapped: {cost.lut4} LUT4 and {cost.ff} FF more")
    def place(seed: int) -> nextpnr.Placed:
        result = nextpnr.place_and_route(arguments.device, arguments.frequency, seed, work)
        check_packed(result, cells, cost)
        progress.step(f"seed {seed} placed and routed: {result.fmax_mhz:.1f} MHz")
        return result

    # Each seed is a process of its own with one thread.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        placed = list(pool.map(place, arguments.seeds))

    result = report.Result(
        configuration=arguments.config, top=design.top, device=arguments.device.upper(),
        frequency_mhz=arguments.frequency, options=arguments.options,
        command=shlex.join(["fpga/synthesize.py", *sys.argv[1:]]), versions=versions,
        cells=cells, modules=modules, wrapper=cost, placed=placed,
    )
    (work / "report.md").write_text(report.details(result))
    (work / "report.toml").write_text(report.toml(result))
    if arguments.baseline:
        arguments.baseline.write_text(report.toml(result))
        progress.step(f"wrote {arguments.baseline}")
    print(report.details(result), end="")


def check_packed(placed: nextpnr.Placed, cells: yosys.Cells, cost: "yosys.wrapper.Cost") -> None:
    """The table's numbers are what nextpnr packed, less the wrapper: not one cell may be unaccounted for."""
    counted = (cells.lut4 + cost.lut4, cells.ff + cost.ff)
    if counted != (placed.lut4, placed.ff):
        raise tools.FlowError(
            f"seed {placed.seed}: nextpnr packed {placed.lut4} LUT4 and {placed.ff} FF, "
            f"but design and wrapper have {counted[0]} and {counted[1]}"
        )


class Progress:
    """Lines on standard error with the seconds since the start."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def step(self, text: str) -> None:
        """Report a step that is done."""
        print(f"[{time.monotonic() - self.start:5.0f} s] {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
