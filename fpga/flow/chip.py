"""What the cells and wires of an ECP5 take, fitted to paths that nextpnr had routed at speed grade 6."""

TABLE_NS = 0.24
WIRE_NS = 0.55
WIRE_NS_PER_DOUBLING = 0.16
CLOCK_TO_FLIP_FLOP_NS = 0.52
CLOCK_TO_BLOCK_RAM_NS = 5.7
CARRY_IN_NS = 0.45
CARRY_STEP_NS = 0.06
