"""The wrapper that gives a design with hundreds of ports three pins and registered timing.

    serial_in ──► FF ──► FF ──► ... ──► FF          input chain: one flip-flop an input bit,
                  │      │              │           and the design reads nothing else
              ┌───▼──────▼──────────────▼───┐
              │           design            │
              └───┬──────┬──────────────┬───┘
                  FF     FF             FF          capture: one flip-flop an output bit,
                  │      │              │           straight from the design
            FF ──xor─► FF xor─► ... ──► FF xor ──►  serial_out: one flip-flop, one XOR an output bit

Every path that starts or ends at a port of the design thus runs from a flip-flop to a flip-flop, and
no logic of the wrapper lies on it. Any output bit reaches the pin, so that nothing is unused.

Reset goes from its flip-flop to one of the chip's global wires, as it would in a chip: it has as many readers as the clock.
"""

from dataclasses import dataclass

MODULE = "fpga_wrapper"
INSTANCE = "design"


@dataclass(frozen=True)
class Port:
    """A port of the design: its name, whether it is an input, and its width in bits."""

    name: str
    is_input: bool
    width: int


@dataclass(frozen=True)
class Cost:
    """What the wrapper adds to the design: 4-input LUTs and flip-flops."""

    lut4: int
    ff: int


def cost(ports: list[Port], clock: str) -> Cost:
    """The wrapper's own cells, by construction; `verify` in yosys.py compares them with the netlist."""
    inputs, outputs = _widths(ports, clock)
    return Cost(lut4=outputs - 1, ff=inputs + 2 * outputs)


def verilog(top: str, ports: list[Port], clock: str, reset: str) -> str:
    """The wrapper around module `top`, and `top` itself as a black box, as Verilog. There need not be a reset."""
    inputs, outputs = _widths(ports, clock)
    connections = [f".{_escaped(clock)}(clock)"]
    declarations = [
        f"{'input' if port.is_input else 'output'} [{port.width - 1}:0] {_escaped(port.name)}"
        for port in ports
    ]
    offset = {True: 0, False: 0}
    buffer = ""
    for port in ports:
        if port.name == clock:
            continue
        low = offset[port.is_input]
        offset[port.is_input] += port.width
        vector = "launch" if port.is_input else "result"
        if port == Port(reset, True, 1):
            buffer = f"  wire global_reset;\n  DCCA reset_buffer (.CLKI(launch[{low}]), .CE(1'b1), .CLKO(global_reset));\n"
            connections.append(f".{_escaped(reset)}(global_reset)")
            continue
        connections.append(f".{_escaped(port.name)}({vector}[{low + port.width - 1}:{low}])")
    joined = ",\n    ".join(connections)
    return f"""\
module {MODULE} (input wire clock, input wire serial_in, output wire serial_out);
  reg [{inputs - 1}:0] launch;
  reg [{outputs - 1}:0] capture;
  reg [{outputs - 1}:0] folded;
  wire [{outputs - 1}:0] result;
  always @(posedge clock) begin
    launch <= {{launch, serial_in}};
    capture <= result;
    folded <= (folded << 1) ^ capture;
  end
{buffer}  assign serial_out = folded[{outputs - 1}];
  {_escaped(top)} {INSTANCE} (
    {joined}
  );
endmodule

(* blackbox *)
module {_escaped(top)} ({", ".join(declarations)});
endmodule
"""


def _widths(ports: list[Port], clock: str) -> tuple[int, int]:
    """All input bits but the clock, and all output bits."""
    inputs = sum(port.width for port in ports if port.is_input and port.name != clock)
    outputs = sum(port.width for port in ports if not port.is_input)
    return inputs, outputs


def _escaped(name: str) -> str:
    """A name as a Verilog escaped identifier: legal whatever it holds."""
    return f"\\{name} "
