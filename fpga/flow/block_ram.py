"""Synthesis that knows how slow block RAM is, and maps what stands behind it apart from the rest.

Yosys tells ABC nothing of block RAM: to ABC, what it brings is there at the beginning of the cycle. A cell that takes as long
as block RAM does and does nothing else says so. But where there are such cells, ABC restructures all logic less well than it
can: of 7 tables in a row it makes 8 and 9. So the logic behind block RAM, up to the next registers, is moved to a module of its
own while ABC maps, and the cells stand there alone.

Runs in a process of its own, since Yosys ends its process on an error:
    python -m flow.block_ram BEFORE.ys AFTER.ys
runs the one script, moves that logic, and runs the other.
"""

import sys
from collections.abc import Iterator

from flow import chip

# The cell, and the wire that it is replaced by.
CELL = "HASHWALK_LATE"
_DELAY_PS = round(1000 * (chip.CLOCK_TO_BLOCK_RAM_NS - chip.CLOCK_TO_FLIP_FLOP_NS))
SLOW = f"""\
(* abc9_box, blackbox *)
module {CELL}(input A, output Y);
    specify
        (A => Y) = {_DELAY_PS};
    endspecify
endmodule
"""
AT_ONCE = f"module {CELL}(input A, output Y); assign Y = A; endmodule\n"

# The modules that hold what stands behind block RAM; they are merged back by this line.
_BEHIND = "behind_block_ram"
MERGE = f"flatten t:*_{_BEHIND}"

RAM = "\\DP16KD"
FLIP_FLOP = "\\TRELLIS_FF"


def main() -> None:
    """Between two scripts, move what stands behind block RAM, and delay it."""
    # Only here: the flow itself runs where Yosys is not loaded.
    from pyosys import libyosys

    before, after = sys.argv[1:]
    design = libyosys.Design()
    libyosys.run_pass(f"script {before}", design)
    modules = [module for module in design.modules_.values() if not module.get_blackbox_attribute()]
    moved = sum(_mark(libyosys, module) for module in modules)
    if moved:
        libyosys.run_pass("submod", design)
    late = sum(_delay(libyosys, design, module) for module in modules)
    print(f"{moved} cells behind block RAM, {late} wires from it")
    libyosys.run_pass(f"script {after}", design)


def _mark(libyosys, module) -> int:
    """Name the module to which `submod` moves each combinational cell that block RAM reaches; how many there are."""
    readers: dict[tuple[str, int], list] = {}
    reached: list[tuple[str, int]] = []
    for cell in module.cells_.values():
        for port, signal in cell.connections_.items():
            if not cell.output(port):
                for bit in _bits(signal):
                    readers.setdefault(bit, []).append(cell)
            elif cell.type.str() == RAM:
                reached += _bits(signal)
    marked = set()
    while reached:
        for cell in readers.get(reached.pop(), []):
            if cell.type.str() in (RAM, FLIP_FLOP) or cell.name.str() in marked:
                continue
            marked.add(cell.name.str())
            cell.set_string_attribute(libyosys.IdString("\\submod"), _BEHIND)
            for port, signal in cell.connections_.items():
                if cell.output(port):
                    reached += _bits(signal)
    return len(marked)


def _delay(libyosys, design, module) -> int:
    """Put a cell before each wire by which block RAM of a module enters what was moved; how many there are."""
    name = libyosys.IdString
    from_ram = {
        bit for cell in module.cells_.values() if cell.type.str() == RAM
        for port, signal in cell.connections_.items() if cell.output(port) for bit in _bits(signal)
    }
    delayed = 0
    for instance in [cell for cell in module.cells_.values() if cell.type.str().endswith(_BEHIND)]:
        moved = design.module(instance.type)
        for port, signal in list(instance.connections_.items()):
            if instance.output(port) or from_ram.isdisjoint(_bits(signal)):
                continue
            wire = moved.wire(port)
            early = moved.addWire(name(f"{port.str()}_early"), wire.width)
            early.port_input, wire.port_input = True, False
            for bit in range(wire.width):
                if from_ram.isdisjoint(_bits(signal.extract(bit, 1))):
                    moved.connect(libyosys.SigSpec(wire, bit, 1), libyosys.SigSpec(early, bit, 1))
                    continue
                cell = moved.addCell(name(f"\\late_cell_{delayed}"), name(f"\\{CELL}"))
                cell.setPort(name("\\A"), libyosys.SigSpec(early, bit, 1))
                cell.setPort(name("\\Y"), libyosys.SigSpec(wire, bit, 1))
                delayed += 1
            moved.fixup_ports()
            instance.setPort(early.name, signal)
            instance.unsetPort(port)
    return delayed


def _bits(signal) -> Iterator[tuple[str, int]]:
    """The wires of a signal, one bit each; constants are none."""
    for index in range(signal.size()):
        bit = signal[index]
        if bit.wire is not None:
            yield bit.wire.name.str(), bit.offset


if __name__ == "__main__":
    main()
