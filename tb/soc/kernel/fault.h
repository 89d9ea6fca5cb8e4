// Page faults: what the fast path does not answer.
#pragma once
#include <stdint.h>

void page_fault(uint32_t cause, uint32_t value);

// A fault that the kernel cannot repair: to the process's fault handler, or the end.
void give_up(uint32_t cause, uint32_t value, uint32_t fault);
