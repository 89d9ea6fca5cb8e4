// Recursion that takes the stack's pages one after the other, and comes back through them.

#include "user.h"

// Each call adds to a frame of its own, which its caller looks at again.
static __attribute__((noinline)) uint32_t descend(uint32_t depth, const volatile uint32_t *above)
{
    volatile uint32_t frame[512];
    frame[0] = depth;
    frame[511] = ~depth + above[0];
    uint32_t below = depth ? descend(depth - 1, frame) : 0;
    return frame[0] == depth && frame[511] == ~depth + above[0] ? below + depth : 0x80000000;
}

int main(void)
{
    volatile uint32_t top = 1;
    return report("stack_grow", descend(28, &top) == 28 * 29 / 2);
}
