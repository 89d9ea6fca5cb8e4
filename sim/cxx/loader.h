// Opens a shared object that holds a Verilated design.
#pragma once

#include <memory>
#include <string>

#include "dut.h"

namespace hashwalk {

/// Loads the object at `path` and makes one instance, its registers filled from `seed` (1 to 2^31 - 1).
/// Throws std::runtime_error with the dynamic linker's words.
std::unique_ptr<Dut> load(const std::string& path, std::uint32_t seed);

}  // namespace hashwalk
