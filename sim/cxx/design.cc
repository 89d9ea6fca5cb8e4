// One Verilated design as a hashwalk::Dut. The generated `ports.h` supplies, for the design at hand:
//   drive(root, inputs), sample(root, outputs)   between packed words and the top's ports
//   set_clock(root, level)                       nothing, if there is no clock
//   HASHWALK_PHASES                              1 when the phases below are all that an evaluation does
//   input_phase(root), active_phase(root)        those phases
//
// Verilator's eval() first propagates inputs, then runs what a clock edge triggered. At the rising edge the inputs
// have already settled, so propagating them again is wasted: with HASHWALK_PHASES the edge runs only the second half,
// which makes the default MMU 10 % faster and a TLB alone 35 %. Traced designs, whose speed matters less, go through
// eval(), so a comparison of both checks this shortcut.
#include <memory>
#include <stdexcept>

#include "Vdut.h"
#include "Vdut___024root.h"
#include "dut.h"
#include "ports.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

namespace {

constexpr std::uint64_t cycle_ns = 10;

class Design final : public hashwalk::Dut {
  public:
    explicit Design(std::uint32_t seed) {
        context_.randReset(2);  // registers and memories start with random bits, so nothing can rely on zeros
        context_.randSeed(static_cast<int>(seed));
#if VM_TRACE
        context_.traceEverOn(true);
#endif
        model_ = std::make_unique<Vdut>(&context_, "TOP");
        set_clock(root(), 0);
        model_->eval();
    }

    void settle(const std::uint64_t* inputs, std::uint64_t* outputs) override {
        enter();
        settle_entered(inputs, outputs);
    }

    void edge() override {
        enter();
        edge_entered();
    }

    void cycle(const std::uint64_t* inputs, std::uint64_t* outputs) override {
        enter();
        settle_entered(inputs, outputs);
        edge_entered();
    }

    void open_wave(const std::string& path) override {
#if VM_TRACE
        wave_ = std::make_unique<VerilatedFstC>();
        model_->trace(wave_.get(), 99);
        wave_->open(path.c_str());
        if (!wave_->isOpen()) throw std::runtime_error{"the file cannot be opened"};
#else
        (void)path;
        throw std::runtime_error{"the design was built without waves"};
#endif
    }

    void close_wave() override {
#if VM_TRACE
        wave_.reset();
#endif
    }

  private:
    Vdut___024root& root() { return *model_->rootp; }

    // The runtime reads time and seeds through a thread-local pointer, which may be another design's or stale.
    void enter() {
        if (Verilated::threadContextp() != &context_) Verilated::threadContextp(&context_);
    }

    void settle_entered(const std::uint64_t* inputs, std::uint64_t* outputs) {
        drive(root(), inputs);
        set_clock(root(), 0);
#if HASHWALK_PHASES
        input_phase(root());
        active_phase(root());
#else
        model_->eval();
#endif
        sample(root(), outputs);
    }

    void edge_entered() {
        dump(0);
        set_clock(root(), 1);
#if HASHWALK_PHASES
        active_phase(root());
#else
        model_->eval();
#endif
        dump(cycle_ns / 2);
        context_.timeInc(cycle_ns);
    }

    void dump(std::uint64_t offset_ns) {
#if VM_TRACE
        if (wave_) wave_->dump(context_.time() + offset_ns);
#else
        (void)offset_ns;
#endif
    }

    VerilatedContext context_;
    std::unique_ptr<Vdut> model_;
#if VM_TRACE
    std::unique_ptr<VerilatedFstC> wave_;  // after the model, so that it is completed first
#endif
};

}  // namespace

extern "C" __attribute__((visibility("default"))) hashwalk::Dut* hashwalk_create(std::uint32_t seed) {
    return new Design{seed};
}
