// Written by hashwalk-hdl. Change the Rust source instead.
`default_nettype none

module scaler_16 (
  input wire clock,
  input wire reset,
  input wire [15:0] word,
  input wire [1:0] by,
  output wire [15:0] out
);
  assign out = word << by;
  wire check_scaled = |by;
`ifdef HASHWALK_CHECKS
  always @(posedge clock) begin
    if (!reset) begin
`ifdef FORMAL
      cover_scaled: cover (check_scaled);
`else
      cover (check_scaled);
`endif
    end
  end
`else
  wire unused_checks = &{1'b0, clock, reset, check_scaled};
`endif
endmodule

`default_nettype wire
