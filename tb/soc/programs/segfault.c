// A load from page 0, which no region holds: the kernel ends the simulation with 139.

#include "user.h"

int main(void)
{
    (void)*(volatile uint32_t *)0x40;
    return report("segfault", 0);
}
