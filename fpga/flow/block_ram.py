"""Synthesis that knows how slow block RAM is.

Yosys tells ABC nothing of it: to ABC, what block RAM brings is there at the beginning of the cycle. So between block RAM
and the logic behind it stands, while ABC maps, a cell that does nothing but take time.

Runs in a process of its own, since Yosys ends its process on an error:
    python -m flow.block_ram BEFORE.ys AFTER.ys
runs the one script, puts the cells in, and runs the other, which takes them out.
"""

import sys

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

RAM = "\\DP16KD"


def main() -> None:
    """Between two scripts, delay what block RAM brings."""
    # Only here: the flow itself runs where Yosys is not loaded.
    from pyosys import libyosys

    before, after = sys.argv[1:]
    design = libyosys.Design()
    libyosys.run_pass(f"script {before}", design)
    inserted = sum(_delay(libyosys, module) for module in design.modules_.values() if not module.get_blackbox_attribute())
    print(f"{inserted} outputs of block RAM are late")
    libyosys.run_pass(f"script {after}", design)


def _delay(libyosys, module) -> int:
    """Put a cell behind each output of each block RAM of a module; how many."""
    name, inserted = libyosys.IdString, 0
    for ram in [cell for cell in module.cells_.values() if cell.type.str() == RAM]:
        for port in (name(f"\\DO{side}{bit}") for side in "AB" for bit in range(18)):
            if not ram.hasPort(port):
                continue
            read = module.addWire(name(f"\\late_{inserted}"), 1)
            cell = module.addCell(name(f"\\late_cell_{inserted}"), name(f"\\{CELL}"))
            cell.setPort(name("\\A"), libyosys.SigSpec(read))
            cell.setPort(name("\\Y"), ram.getPort(port))
            ram.setPort(port, libyosys.SigSpec(read))
            inserted += 1
    return inserted


if __name__ == "__main__":
    main()
