// Text for people, and the end of the simulation.
#pragma once
#include <stdint.h>

void print(const char *text);
void print_hex(uint32_t value);
_Noreturn void stop(uint32_t code);
_Noreturn void panic(const char *text);
