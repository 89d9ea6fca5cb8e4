// Verilator's hooks for $stop, $finish, $fatal and failed assertions: each becomes a C++ exception, which
// unwinds out of the evaluation to the bridge and is an `Err` in Rust. Compiled with the runtime, once.
#include "runtime.h"

#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>

#include "verilated.h"

namespace {

// What the design said about its failure just before it stopped. A stop follows in the same thread at once.
thread_local std::string complaint;

[[noreturn]] void stop(const char* file, int line, const std::string& why) {
    std::string text = std::exchange(complaint, std::string{});
    if (text.empty()) text = std::string{file} + ":" + std::to_string(line) + ": " + why;
    throw std::runtime_error{text};
}

}  // namespace

extern "C" int hashwalk_print(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    std::string text(static_cast<std::size_t>(std::vsnprintf(nullptr, 0, format, arguments)) + 1, '\0');
    std::vsnprintf(&text[0], text.size(), format, again);
    va_end(again);
    va_end(arguments);
    text.pop_back();
    if (text.find("%Error") != std::string::npos || text.find("%Fatal") != std::string::npos) {
        complaint += text;
    } else {
        std::fputs(text.c_str(), stderr);  // $display and $warning
    }
    return static_cast<int>(text.size());
}

void vl_stop(const char* file, int line, const char*) VL_MT_UNSAFE { stop(file, line, "$stop"); }
void vl_finish(const char* file, int line, const char*) VL_MT_UNSAFE { stop(file, line, "$finish"); }
void vl_fatal(const char* file, int line, const char*, const char* message) VL_MT_UNSAFE {
    stop(file, line, message);
}
