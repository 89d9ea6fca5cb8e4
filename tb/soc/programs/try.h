// Accesses that may fault: the program goes on behind them.
#pragma once
#include <stdint.h>

struct fault_record { uint32_t cause, address, pc, fault, count; };
extern volatile struct fault_record fault_record;

void catch_faults(void);                            // registers the handler; call once
uint32_t try_load(uint32_t address);
void try_store(uint32_t address, uint32_t value);
uint32_t try_call(uint32_t address);                // what the code there returns in a0

// Whether the last access gave one fault, of this cause and code, at this address's page; empties the record.
int faulted(uint32_t cause, uint32_t fault, uint32_t address);
int not_faulted(void);
