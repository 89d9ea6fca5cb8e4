// What stands between the Verilated runtime and the process: its text and its stops. Forced into every
// unit that prints (with -include), because Verilator's own default is to print and exit.
#pragma once

extern "C" int hashwalk_print(const char* format, ...) __attribute__((format(printf, 1, 2)));

#define VL_PRINTF hashwalk_print
