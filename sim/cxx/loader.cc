#include "loader.h"

#include <dlfcn.h>

#include <stdexcept>

namespace hashwalk {

std::unique_ptr<Dut> load(const std::string& path, std::uint32_t seed) {
    // RTLD_LOCAL: every design carries its own Verilated runtime, and none may see another's.
    // The handle is never closed: instances and thread-local destructors of the runtime outlive any scope here.
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw std::runtime_error{dlerror()};
    using Create = Dut* (*)(std::uint32_t);
    const auto create = reinterpret_cast<Create>(dlsym(library, "hashwalk_create"));
    if (!create) throw std::runtime_error{dlerror()};
    return std::unique_ptr<Dut>{create(seed)};
}

}  // namespace hashwalk
