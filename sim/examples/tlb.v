// A fully associative TLB of 32 entries beside a 512-bit line buffer and a small memory: about 4,400 flip-flops, of the
// kinds that the real design has. Only for measuring the simulator.
module entry (
    input wire clock,
    input wire reset,
    input wire refill,
    input wire [26:0] refill_vpn,
    input wire [15:0] refill_asid,
    input wire [23:0] refill_pfn,
    input wire flush,
    input wire [26:0] vpn,
    input wire [15:0] asid,
    output wire hit,
    output wire [23:0] pfn
);
    reg valid;
    reg [26:0] own_vpn;
    reg [15:0] own_asid;
    reg [23:0] own_pfn;
    reg [53:0] idle_cycles;
    assign hit = valid & (own_vpn == vpn) & (own_asid == asid);
    assign pfn = hit ? own_pfn : 24'd0;
    always @(posedge clock) begin
        if (reset) begin
            valid <= 1'd0;
            own_vpn <= 27'd0;
            own_asid <= 16'd0;
            own_pfn <= 24'd0;
            idle_cycles <= 54'd0;
        end else begin
            valid <= (refill | valid) & ~flush;
            own_vpn <= refill ? refill_vpn : own_vpn;
            own_asid <= refill ? refill_asid : own_asid;
            own_pfn <= refill ? refill_pfn : own_pfn;
            idle_cycles <= hit ? 54'd0 : (idle_cycles + 54'd1);
        end
    end
endmodule

module tlb (
    input wire clock,
    input wire reset,
    input wire lookup_valid,
    output wire lookup_ready,
    input wire [26:0] lookup_vpn,
    input wire [15:0] lookup_asid,
    output wire hit,
    output wire [23:0] pfn,
    input wire refill_valid,
    input wire [26:0] refill_vpn,
    input wire [15:0] refill_asid,
    input wire [23:0] refill_pfn,
    input wire flush,
    input wire [511:0] line,
    output wire [7:0] slots_hit,
    output wire [511:0] line_mixed
);
    reg [4:0] victim;
    reg [511:0] line_buffer;
    reg [63:0] memory [0:255];
    reg [63:0] memory_word;
    wire [31:0] hits;
    wire [767:0] pfns;
    genvar i;
    generate
        for (i = 0; i < 32; i = i + 1) begin : entries
            entry entry_i (
                .clock(clock), .reset(reset), .refill(refill_valid & (victim == i)), .refill_vpn(refill_vpn),
                .refill_asid(refill_asid), .refill_pfn(refill_pfn), .flush(flush), .vpn(lookup_vpn),
                .asid(lookup_asid), .hit(hits[i]), .pfn(pfns[24 * i +: 24])
            );
        end
        for (i = 0; i < 8; i = i + 1) begin : slots
            assign slots_hit[i] = (line_buffer[64 * i +: 27] == lookup_vpn)
                & (line_buffer[64 * i + 27 +: 16] == lookup_asid);
        end
    endgenerate
    reg [23:0] any_pfn;
    integer k;
    always @* begin
        any_pfn = 24'd0;
        for (k = 0; k < 32; k = k + 1) any_pfn = any_pfn | pfns[24 * k +: 24];
    end
    assign hit = |hits;
    assign pfn = any_pfn;
    assign lookup_ready = ~refill_valid & ~memory_word[3];
    assign line_mixed = line_buffer ^ {8{memory_word}};
    always @(posedge clock) begin
        victim <= reset ? 5'd0 : (refill_valid ? (victim + 5'd1) : victim);
        line_buffer <= lookup_valid ? line : line_buffer;
        memory_word <= memory[lookup_vpn[7:0]];
        if (refill_valid) memory[refill_vpn[7:0]] <= {refill_vpn, 13'd0, refill_pfn};
    end
`ifdef HASHWALK_CHECKS
    always @(posedge clock) begin
        if (!reset) assert ((hits & (hits - 32'd1)) == 32'd0) else $error("tlb: one_hit (tlb.rs:1)");
    end
`endif
endmodule
