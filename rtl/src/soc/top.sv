// The system on a chip as it is simulated: lowRISC's Ibex, which comes from .tools/, and hashwalk_soc around it.
//
// Written by hand and thin. What Ibex has no port for is read from inside it:
//
//   privilege mode   A load or store has that of the LSU (MPRV counts). A fetch has that of the instruction it is for, and
//                    the mode changes in the very cycle in which a trap or MRET branches: the first fetch behind the branch
//                    may be on the port then. So a fetch that is presented for the first time has the mode of the next
//                    cycle (`priv_lvl_d`), which is that of now unless there is such a branch; one that waits for its
//                    grant keeps the mode with which it was presented.
//   branches         Fetches that the core has branched away from are marked, so that they leave no record.
//   FENCE.I          Empties the cache of instructions.
//   what it does     For the bench: the PC, retired instructions, traps.
//
// The macros are those of the configuration: HASHWALK_BUS_BITS, HASHWALK_WALKS, HASHWALK_WALK_ID_BITS.
module hashwalk_soc_top
  import ibex_pkg::*;
(
    input wire clock,
    input wire reset,
    // The core is in reset until this is set.
    input wire run,

    input  wire                                memory_request_ready,
    input  wire                                memory_response_valid,
    input  wire [`HASHWALK_WALK_ID_BITS - 1:0] memory_response_id,
    input  wire [`HASHWALK_BUS_BITS - 1:0]     memory_response_data,
    input  wire                                memory_response_error,
    output wire                                memory_request_valid,
    output wire [51:0]                         memory_request_address,
    output wire [3:0]                          memory_request_beats,
    output wire [`HASHWALK_WALK_ID_BITS - 1:0] memory_request_id,
    output wire                                memory_response_ready,

    input  wire         ram_request_ready,
    input  wire         ram_response_valid,
    input  wire         ram_response_id,
    input  wire [255:0] ram_response_data,
    output wire         ram_request_valid,
    output wire         ram_request_write,
    output wire         ram_request_id,
    output wire [31:0]  ram_request_address,
    output wire [3:0]   ram_request_strobe,
    output wire [31:0]  ram_request_data,

    input wire        load_valid,
    input wire [13:0] load_word,
    input wire [31:0] load_data,

    output wire        console_valid,
    output wire [7:0]  console_data,
    output wire        exit_valid,
    output wire [31:0] exit_data,

    output wire        lookup_valid,
    output wire [3:0]  lookup_id,
    output wire [51:0] lookup_vpn,
    output wire [15:0] lookup_asid,
    output wire [1:0]  lookup_access,
    output wire        lookup_user,
    output wire        lookup_ready,
    output wire        answer_valid,
    output wire [3:0]  answer_id,
    output wire [39:0] answer_pfn,
    output wire [2:0]  answer_fault,
    output wire        late_valid,
    output wire [3:0]  late_id,
    output wire [39:0] late_pfn,
    output wire [2:0]  late_fault,
    output wire [1:0]  late_source,
    output wire        invalidate_valid,
    output wire [1:0]  invalidate_kind,
    output wire [51:0] invalidate_vpn,
    output wire [15:0] invalidate_asid,
    output wire        invalidate_ready,
    output wire        invalidate_done,
    output wire        miss_valid,
    output wire [51:0] miss_vpn,
    output wire [15:0] miss_asid,
    output wire [1:0]  miss_access,
    output wire        miss_user,
    output wire        refill_valid,
    output wire [2:0]  refill_fault,
    output wire [51:0] refill_vpn,
    output wire [15:0] refill_asid,
    output wire [39:0] refill_pfn,
    output wire [1:0]  refill_size,
    output wire [3:0]  refill_rights,
    output wire        refill_global,
    output wire        refill_ready,
    output wire        idle,
    output wire [3 * `HASHWALK_WALKS - 1:0] walk_state,
    output wire [4 * `HASHWALK_WALKS - 1:0] walk_id,

    // What the core does: the instruction that stands in its decoder, and in which mode.
    output wire        core_valid,
    output wire [31:0] core_pc,
    output wire        core_user,
    output wire        core_retired,
    // A trap is taken in this cycle, and its cause as in MCAUSE: bit 5 is that of an interrupt.
    output wire        trap_valid,
    output wire [5:0]  trap_cause,
    output wire [31:0] trap_value,
    // The access on this port fails.
    output wire        fetch_error,
    output wire        data_error
);
  // Registered, so that Ibex's reset, which is asynchronous, changes with the clock.
  logic rst_n;
  always_ff @(posedge clock) rst_n <= run & ~reset;

  logic fetch_req, fetch_gnt, fetch_rvalid, fetch_err, fetch_user;
  logic [31:0] fetch_addr, fetch_rdata;
  logic data_req, data_gnt, data_rvalid, data_err, data_we;
  logic [3:0] data_be;
  logic [31:0] data_addr, data_rdata, data_wdata;
  logic timer;

  ibex_top #(
      .RV32M          (RV32MFast),
      .BranchTargetALU(1'b1)
  ) core (
      .clk_i                 (clock),
      .rst_ni                (rst_n),
      .test_en_i             (1'b0),
      .ram_cfg_i             ('0),
      .hart_id_i             (32'h0),
      .boot_addr_i           (32'h8000_0000),
      .instr_req_o           (fetch_req),
      .instr_gnt_i           (fetch_gnt),
      .instr_rvalid_i        (fetch_rvalid),
      .instr_addr_o          (fetch_addr),
      .instr_rdata_i         (fetch_rdata),
      .instr_rdata_intg_i    (7'h0),
      .instr_err_i           (fetch_err),
      .data_req_o            (data_req),
      .data_gnt_i            (data_gnt),
      .data_rvalid_i         (data_rvalid),
      .data_we_o             (data_we),
      .data_be_o             (data_be),
      .data_addr_o           (data_addr),
      .data_wdata_o          (data_wdata),
      .data_wdata_intg_o     (),
      .data_rdata_i          (data_rdata),
      .data_rdata_intg_i     (7'h0),
      .data_err_i            (data_err),
      .irq_software_i        (1'b0),
      .irq_timer_i           (timer),
      .irq_external_i        (1'b0),
      .irq_fast_i            (15'h0),
      .irq_nm_i              (1'b0),
      .scramble_key_valid_i  (1'b0),
      .scramble_key_i        ('0),
      .scramble_nonce_i      ('0),
      .scramble_req_o        (),
      .debug_req_i           (1'b0),
      .crash_dump_o          (),
      .double_fault_seen_o   (),
      .fetch_enable_i        (IbexMuBiOn),
      .alert_minor_o         (),
      .alert_major_internal_o(),
      .alert_major_bus_o     (),
      .core_sleep_o          (),
      .scan_rst_ni           (1'b1)
  );

  wire next_user = core.u_ibex_core.cs_registers_i.priv_lvl_d == PRIV_LVL_U;
  wire branch = core.u_ibex_core.if_stage_i.prefetch_branch;

  // A fetch that waits for its grant.
  logic held, held_user, held_discarded;
  always_ff @(posedge clock) begin
    held <= fetch_req & ~fetch_gnt & rst_n;
    held_user <= fetch_user;
    held_discarded <= held & (branch | held_discarded);
  end
  assign fetch_user = held ? held_user : next_user;
  wire discarded = held & (branch | held_discarded);

  hashwalk_soc soc (
      .clock,
      .reset,
      .fetch_req,
      .fetch_addr,
      .fetch_user,
      .fetch_gnt,
      .fetch_rvalid,
      .fetch_rdata,
      .fetch_err,
      .data_req,
      .data_addr,
      .data_user        (core.u_ibex_core.priv_mode_lsu == PRIV_LVL_U),
      .data_store_write (data_we),
      .data_store_strobe(data_be),
      .data_store_data  (data_wdata),
      .data_gnt,
      .data_rvalid,
      .data_rdata,
      .data_err,
      .core_branch      (branch),
      .core_turns       (branch & next_user),
      .core_discarded   (discarded),
      .core_fence       (core.u_ibex_core.icache_inval),
      .timer,
      .memory_request_ready,
      .memory_response_valid,
      .memory_response_id,
      .memory_response_data,
      .memory_response_error,
      .memory_request_valid,
      .memory_request_address,
      .memory_request_beats,
      .memory_request_id,
      .memory_response_ready,
      .ram_request_ready,
      .ram_response_valid,
      .ram_response_id,
      .ram_response_data,
      .ram_request_valid,
      .ram_request_write,
      .ram_request_id,
      .ram_request_address,
      .ram_request_strobe,
      .ram_request_data,
      .load_valid,
      .load_word,
      .load_data,
      .console_valid,
      .console_data,
      .exit_valid,
      .exit_data,
      .lookup_valid,
      .lookup_id,
      .lookup_vpn,
      .lookup_asid,
      .lookup_access,
      .lookup_user,
      .lookup_ready,
      .answer_valid,
      .answer_id,
      .answer_pfn,
      .answer_fault,
      .late_valid,
      .late_id,
      .late_pfn,
      .late_fault,
      .late_source,
      .invalidate_valid,
      .invalidate_kind,
      .invalidate_vpn,
      .invalidate_asid,
      .invalidate_ready,
      .invalidate_done,
      .miss_valid,
      .miss_vpn,
      .miss_asid,
      .miss_access,
      .miss_user,
      .refill_valid,
      .refill_fault,
      .refill_vpn,
      .refill_asid,
      .refill_pfn,
      .refill_size,
      .refill_rights,
      .refill_global,
      .refill_ready,
      .idle,
      .walk_state,
      .walk_id
  );

`ifdef HASHWALK_CHECKS
  // What the core takes for an instruction was fetched in the mode in which it is executed: a change of mode discards all that
  // was fetched before it.
  logic answered_user;
  always_ff @(posedge clock) if (fetch_gnt) answered_user <= fetch_user;
  wire taken = fetch_rvalid & ~branch & ~core.u_ibex_core.if_stage_i.gen_prefetch_buffer.prefetch_buffer_i.branch_discard_q[0];
  always @(posedge clock)
    if (rst_n && taken)
      assert (answered_user == core_user)
      else $error("hashwalk_soc_top: fetched_in_the_mode_of_execution (top.sv)");
`endif

  assign core_valid = core.u_ibex_core.instr_valid_id;
  assign core_pc = core.u_ibex_core.pc_id;
  assign core_user = core.u_ibex_core.priv_mode_id == PRIV_LVL_U;
  assign core_retired = core.u_ibex_core.perf_instr_ret_wb;
  assign trap_valid = core.u_ibex_core.csr_save_cause;
  assign trap_cause = {core.u_ibex_core.exc_cause.irq_ext, core.u_ibex_core.exc_cause.lower_cause};
  assign trap_value = core.u_ibex_core.csr_mtval;
  assign fetch_error = fetch_rvalid & fetch_err;
  assign data_error = data_rvalid & data_err;
endmodule
