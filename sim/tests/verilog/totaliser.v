// Adds a wide number every cycle. `next__low` depends on inputs of the same cycle.
module totaliser (
    input wire clock,
    input wire reset,
    input wire enable,
    input wire [99:0] addend,
    output wire [99:0] total,
    output wire [7:0] next__low
);
    reg [99:0] sum;
    wire [99:0] next = enable ? (sum + addend) : sum;
    always @(posedge clock) sum <= reset ? 100'd0 : next;
    assign total = sum;
    assign next__low = next[7:0];
endmodule
