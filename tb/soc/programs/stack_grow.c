// Recursion that takes the stack's pages one after the other, and comes back through them.

#include "user.h"

static __attribute__((noinline)) uint32_t descend(uint32_t depth)
{
    volatile uint32_t frame[512];
    frame[0] = depth;
    frame[511] = ~depth;
    uint32_t below = depth ? descend(depth - 1) : 0;
    return frame[0] == depth && frame[511] == ~depth ? below + depth : 0x80000000;
}

int main(void)
{
    return report("stack_grow", descend(28) == 28 * 29 / 2);
}
