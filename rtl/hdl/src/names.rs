//! Verilog identifiers, unique within a module.

use std::collections::HashSet;

/// Reserved words of SystemVerilog 2017 that have the form of a Rust identifier.
const RESERVED: &str = "\
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins \
binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const \
constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge \
else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule \
endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect \
export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global highz0 \
highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input inside \
instance int integer interconnect interface intersect join join_any join_none large let liblist library local \
localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor \
noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program \
property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase \
randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 \
s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled signed small \
soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on \
sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand \
trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void \
wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor";

/// A plain identifier: a letter or `_`, then letters, digits or `_`.
pub(crate) fn is_identifier(name: &str) -> bool {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The identifiers taken in one module.
pub(crate) struct Names(HashSet<String>);

impl Names {
    pub(crate) fn new() -> Names {
        let reserved = RESERVED.split(' ').chain(["clock", "reset"]);
        Names(reserved.map(String::from).collect())
    }

    /// The name itself, or with the first free number appended.
    pub(crate) fn claim(&mut self, wish: &str) -> String {
        let numbered = (1..).map(|n| format!("{wish}_{n}"));
        let free = std::iter::once(wish.to_string()).chain(numbered).find(|name| !self.0.contains(name));
        let name = free.expect("numbers do not end");
        self.0.insert(name.clone());
        name
    }

    /// The first free of `t0`, `t1`, … from `start`; also the number after it.
    pub(crate) fn claim_temporary(&mut self, start: usize) -> (String, usize) {
        let n = (start..).find(|n| !self.0.contains(&format!("t{n}"))).expect("numbers do not end");
        (self.claim(&format!("t{n}")), n + 1)
    }
}
