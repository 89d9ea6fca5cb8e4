// What a handler gives the kernel. One handler is linked with a kernel: an assembly one with the C file of its format.
#pragma once
#include <stdint.h>

#include "machine.h"

extern const uint32_t handler_format;

// Called once at boot, and for each process, and before a process runs.
void handler_start(void);
void prepare_process(uint32_t number, const struct context *context);
void prepare_searches(const struct context *context);

// The walk of docs/spec.md section 4, every bit looked at. Returns the low word for the refill register and in `place` the
// address of the word that holds the PTE; or, with V clear, the fault << 1.
uint32_t pte_of(uint32_t asid, uint32_t vpn, uint32_t *place);

// Writes frame and rights (V, R, W, X, U, G) to a PTE that pte_of has found.
void set_page(uint32_t place, uint32_t pfn, uint32_t rights);

// The same walk for the common entry of the C handlers, as fast as the format allows. V clear: pte_of is to judge.
uint32_t phase_loads_c(uint32_t asid, uint32_t vpn);

#define FAST(part) __attribute__((noinline, section(".fast." part)))
