// Pages that are first touched by reads and by writes, forwards and backwards, are zeros and keep what is written.

#include "user.h"

#define PAGES 40

static volatile uint32_t memory[PAGES][1024];

int main(void)
{
    int right = 1;
    for (int i = 0; i < PAGES; i += 2)
        right &= memory[i][1023] == 0;
    for (int i = PAGES - 1; i > 0; i -= 2)
        memory[i][7] = (uint32_t)i;
    for (int i = 0; i < PAGES; i++) {
        for (int j = 0; j < 1024; j += 31)
            right &= memory[i][j] == (j == 7 && i & 1 ? (uint32_t)i : 0);
        right &= memory[i][7] == (i & 1 ? (uint32_t)i : 0);
    }
    return report("demand_zero", right);
}
