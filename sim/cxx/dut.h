// The one C++ class that Rust knows. Every Verilated design implements it (src/glue.rs writes the class).
#pragma once

#include <cstdint>
#include <string>

namespace hashwalk {

/// A clocked design. Ports are packed in declaration order, ceil(width / 64) words each, lowest word first.
///
/// A clock cycle is: drive the inputs, settle, read the outputs, edge. The edge may be put off until the next settle,
/// or finish. Every method may throw std::runtime_error when a check of the design fails; the object is then only good
/// for destruction.
class Dut {
  public:
    virtual ~Dut() = default;

    /// Drives `inputs` with the clock low, lets combinational logic settle and reads `outputs`.
    virtual void settle(const std::uint64_t* inputs, std::uint64_t* outputs) = 0;

    /// The rising clock edge. Comes after a settle; outputs show its effect at the next settle.
    virtual void edge() = 0;

    /// settle() and edge() in one call.
    virtual void cycle(const std::uint64_t* inputs, std::uint64_t* outputs) = 0;

    /// Makes up for an edge that was put off.
    virtual void finish() = 0;

    /// Starts a wave file. Throws when the design was built without waves or the file cannot be written.
    virtual void open_wave(const std::string& path) = 0;

    /// Completes the wave file, if one is open.
    virtual void close_wave() = 0;
};

}  // namespace hashwalk
