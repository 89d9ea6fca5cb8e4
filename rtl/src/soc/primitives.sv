// The primitives that Ibex expects of a technology library. FuseSoC would write them; for a simulation these do.

// A buffer that synthesis keeps.
module prim_buf #(
    parameter int Width = 1
) (
    input  wire [Width-1:0] in_i,
    output wire [Width-1:0] out_o
);
  assign out_o = in_i;
endmodule

// A clock that is never gated: a core that sleeps does nothing.
module prim_clock_gating (
    input  wire clk_i,
    input  wire en_i,
    input  wire test_en_i,
    output wire clk_o
);
  assign clk_o = clk_i;
  wire unused = en_i & test_en_i;
endmodule
