// Stops in each of the ways that Verilog has.
module stops (
    input wire clock,
    input wire [2:0] how
);
    always @(posedge clock) begin
        case (how)
            3'd1: $stop;
            3'd2: $finish;
            3'd3: $fatal(1, "fatal words");
            3'd4: $error("error words");
            default: ;
        endcase
    end
`ifdef HASHWALK_CHECKS
    never_five: assert property (@(posedge clock) how != 3'd5);
`endif
endmodule
