"""What a run found, as a table for people and as TOML for comparison."""

import statistics
from dataclasses import dataclass

from flow.nextpnr import PACKAGE, SPEED_GRADE, Placed
from flow.wrapper import Cost
from flow.yosys import Cells


@dataclass(frozen=True)
class Result:
    """Everything that one run of `synthesize.py` measured, and with what."""

    configuration: str
    top: str
    device: str
    frequency_mhz: float
    options: str
    command: str
    versions: dict[str, str]
    cells: Cells
    modules: dict[str, Cells]
    wrapper: Cost
    placed: list[Placed]

    @property
    def median_fmax_mhz(self) -> float:
        """The median over the seeds; of an even number of them the lower middle one."""
        return statistics.median_low(seed.fmax_mhz for seed in self.placed)

    @property
    def median_seed(self) -> Placed:
        """The seed that reached the median."""
        return next(seed for seed in self.placed if seed.fmax_mhz == self.median_fmax_mhz)


def summary(result: Result) -> str:
    """The one-row table (Markdown, as in fpga/README.md)."""
    cells = result.cells
    seeds = ", ".join(f"{seed.fmax_mhz:.1f}" for seed in result.placed)
    return _table(
        ("configuration", "LUT4", "FF", "block RAM", "Fmax MHz (median)", "Fmax MHz by seed"),
        [(f"`{result.configuration}`", cells.lut4, cells.ff, cells.block_ram, f"{result.median_fmax_mhz:.1f}", seeds)],
    )


def details(result: Result) -> str:
    """The summary, the split over the modules, the wrapper's share and the critical paths."""
    rows = [
        (f"`{name}`", cells.lut4, cells.ff, cells.block_ram, cells.wide_mux)
        for name, cells in sorted(result.modules.items(), key=lambda item: -item[1].lut4)
    ]
    columns = ("module, without its submodules", "LUT4", "FF", "block RAM", "wide multiplexers")
    paths = "\n".join(f"  seed {seed.seed}, {seed.fmax_mhz:.1f} MHz: {seed.path}" for seed in result.placed)
    placed = result.placed[0]
    return (
        f"{summary(result)}\n"
        f"With the module boundaries kept (so somewhat more in sum):\n\n{_table(columns, rows)}\n"
        f"Placed: {placed.lut4} LUT4 and {placed.ff} FF, of which the wrapper has "
        f"{result.wrapper.lut4} and {result.wrapper.ff}; the table is without them.\n"
        f"Critical paths:\n{paths}\n"
    )


def toml(result: Result) -> str:
    """The baseline: what was measured, then with what."""
    cells = result.cells
    modules = "".join(
        f'"{name}" = {{ lut4 = {module.lut4}, ff = {module.ff}, block_ram = {module.block_ram} }}\n'
        for name, module in result.modules.items()
    )
    seeds = "".join(f"{seed.seed} = {seed.fmax_mhz:.2f}\n" for seed in result.placed)
    versions = "".join(f'"{package}" = "{version}"\n' for package, version in result.versions.items())
    return f"""\
# Written by `make fpga`; fpga/README.md says what is counted.

configuration = {_string(result.configuration)}
top = {_string(result.top)}
command = {_string(result.command)}

[design]
lut4 = {cells.lut4}
carry_lut4 = {cells.carry_lut4}
ff = {cells.ff}
block_ram = {cells.block_ram}
fmax_mhz_median = {result.median_fmax_mhz:.2f}
critical_path = {_string(str(result.median_seed.path))}

[fmax_mhz_by_seed]
{seeds}
# With the module boundaries kept; each without its submodules.
[modules]
{modules}
# The shift registers around the design; not part of the numbers above.
[wrapper]
lut4 = {result.wrapper.lut4}
ff = {result.wrapper.ff}

[device]
name = "LFE5U-{result.device}"
package = "{PACKAGE}"
speed_grade = {SPEED_GRADE}
target_mhz = {result.frequency_mhz:g}
synth_ecp5_options = {_string(result.options)}

[tools]
{versions}"""


def _string(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _table(columns: tuple[str, ...], rows: list[tuple]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    cells = [columns, *(tuple(str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = [
        "| " + " | ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                          for i, (cell, width) in enumerate(zip(row, widths))) + " |"
        for row in cells
    ]
    rule = "| " + " | ".join("-" * width if i == 0 else "-" * (width - 1) + ":"
                             for i, width in enumerate(widths)) + " |"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"
