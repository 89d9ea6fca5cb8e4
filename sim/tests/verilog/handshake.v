// Idle until `start`, then waits for `finish`. Starting twice breaks its check.
module handshake (
    input wire clock,
    input wire reset,
    input wire start,
    input wire finish,
    output wire busy
);
    localparam IDLE = 1'd0, AWAIT_FINISH = 1'd1;
    reg state;
    assign busy = state == AWAIT_FINISH;
    always @(posedge clock) begin
        if (reset) state <= IDLE;
        else if (state == IDLE) state <= start ? AWAIT_FINISH : IDLE;
        else state <= finish ? IDLE : AWAIT_FINISH;
    end
`ifdef HASHWALK_CHECKS
    always @(posedge clock) begin
        if (!reset) assert (!(busy && start)) else $error("handshake: no_second_start (handshake.rs:7)");
    end
`endif
endmodule
