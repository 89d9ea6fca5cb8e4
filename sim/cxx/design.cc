// One Verilated design as a hashwalk::Dut. The generated `ports.h` supplies, for the design at hand:
//   drive(root, inputs), sample(root, outputs)   between packed words and the top's ports
//   set_clock(root, level)                       nothing, if there is no clock
//   HASHWALK_HELD_INPUTS                         1 when inputs go through registers with a clock of their own
//   set_inputs_clock(root, level)                that clock
//   HASHWALK_RISES                               1 when an evaluation does nothing but what the rise of these clocks triggers,
//                                                and what registers trigger that have changed by it
//   rise(root)                                   then: does that, and notes that both clocks are low again
//
// Whatever depends on both inputs and registers would be computed twice in a cycle: when the inputs come, and again at
// the edge, then from inputs that are past. With HASHWALK_HELD_INPUTS the edge is put off until the next inputs are
// there; then both clocks rise at once, and an evaluation takes the state from t - 1 to t and the inputs of t in. Inputs
// that change again within a cycle come with their own clock alone.
//
// With HASHWALK_RISES nothing is evaluated when the clocks fall; and if only clocks trigger, one pass over what was
// triggered is enough, where Verilator's eval() looks for more until there is none. Traced designs, whose speed matters
// less, have neither, so a comparison of both checks these shortcuts.
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
        set_inputs_clock(root(), 0);
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

    void finish() override {
#if HASHWALK_HELD_INPUTS
        if (!edge_is_due_) return;
        enter();
        raise();
#endif
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

#if HASHWALK_HELD_INPUTS
    void settle_entered(const std::uint64_t* inputs, std::uint64_t* outputs) {
        drive(root(), inputs);
        set_inputs_clock(root(), 1);
        raise();
        sample(root(), outputs);
    }

    void edge_entered() {
        edge_is_due_ = true;
        context_.timeInc(cycle_ns);
    }

    // Raises the design's clock if that is due, and lowers both clocks.
    void raise() {
        set_clock(root(), edge_is_due_);
        edge_is_due_ = false;
#if HASHWALK_RISES
        rise(root());
#else
        model_->eval();
#endif
        set_clock(root(), 0);
        set_inputs_clock(root(), 0);
#if !HASHWALK_RISES
        model_->eval();
#endif
    }

    bool edge_is_due_ = false;
#else
    void settle_entered(const std::uint64_t* inputs, std::uint64_t* outputs) {
        drive(root(), inputs);
        set_clock(root(), 0);
        model_->eval();
        sample(root(), outputs);
    }

    void edge_entered() {
        dump(0);
        set_clock(root(), 1);
        model_->eval();
        dump(cycle_ns / 2);
        context_.timeInc(cycle_ns);
    }
#endif

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
