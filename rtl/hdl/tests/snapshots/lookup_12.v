// Written by hashwalk-hdl. Change the Rust source instead.
//
// Reads a word on request.
//
// Latency: two cycles.
`default_nettype none

module lookup_12 (
  input wire clock,
  input wire reset,
  input wire request_valid,
  input wire [3:0] request_index,
  input wire write_valid,
  input wire [3:0] write_index,
  input wire [15:0] write_word,
  input wire [1:0] scale,
  output wire response_valid,
  output wire [15:0] response_word,
  output wire busy,
  output wire overflow
);
  localparam [1:0] READER_IDLE = 2'h0;
  localparam [1:0] READER_AWAIT_WORD = 2'h1;
  localparam [1:0] READER_ANSWER = 2'h2;
  reg [1:0] state; // rtl/hdl/tests/design.rs:71
  reg [3:0] index; // rtl/hdl/tests/design.rs:71
  reg [7:0] served; // rtl/hdl/tests/design.rs:71
  reg [15:0] constant; // rtl/hdl/tests/design.rs:71
  (* ram_style = "block" *)
  reg [15:0] words [0:11]; // rtl/hdl/tests/design.rs:74
  reg [15:0] words_read_data;
  wire [15:0] scaler_out;
  wire accept = request_valid & (state == READER_IDLE);
  assign response_valid = state == READER_ANSWER;
  wire [8:0] t0 = {1'b0, served} + {8'h0, response_valid};
  assign busy = ~(state == READER_IDLE);
  assign overflow = t0[8];
  wire [15:0] scaler_word = words_read_data ^ constant;
  wire words_read_enable = state == READER_AWAIT_WORD;
  wire check_state_is_encoded = state != 2'h3;
  wire check_index_in_range = request_index < 4'hb;
  wire check_served_many = served == 8'hc8;
  scaler_16 scaler (
    .clock(clock),
    .reset(reset),
    .word(scaler_word),
    .by(scale),
    .out(scaler_out)
  );
  always @(posedge clock) begin
    if (write_valid) words[write_index] <= write_word;
    if (words_read_enable) words_read_data <= words[index];
  end
  always @(posedge clock) begin
    state <=
        (state == READER_IDLE) ? (accept ? READER_AWAIT_WORD : READER_IDLE) :
        (state == READER_AWAIT_WORD) ? READER_ANSWER :
        READER_IDLE;
    if (accept) begin
      index <= request_index;
    end
    served <= t0[7:0];
    if (reset) begin
      state <= READER_IDLE;
      index <= 4'h0;
      served <= 8'h0;
      constant <= 16'h5a5a;
    end
  end
  assign response_word = scaler_out;
`ifdef HASHWALK_CHECKS
  always @(posedge clock) begin
    if (!reset) begin
`ifdef FORMAL
      assert_state_is_encoded: assert (check_state_is_encoded);
      assume_index_in_range: assume (check_index_in_range);
      cover_served_many: cover (check_served_many);
`else
      if (check_state_is_encoded !== 1'b1) $error("lookup_12: state_is_encoded (rtl/hdl/tests/design.rs:96)");
      if (check_index_in_range !== 1'b1) $error("lookup_12: index_in_range (rtl/hdl/tests/design.rs:97)");
      cover (check_served_many);
`endif
    end
  end
`else
  wire unused_checks = &{1'b0, clock, reset, check_state_is_encoded, check_index_in_range, check_served_many};
`endif
endmodule

`default_nettype wire
