// Two processes, switched by the timer, with different data at the same addresses.

#include "user.h"

#define PAGES 24
#define ROUNDS 30

static volatile uint32_t memory[PAGES][1024];

int main(int number)
{
    int right = 1;
    uint32_t mark = number ? 0xb0000000 : 0xa0000000;
    for (uint32_t i = 0; i < PAGES; i++)
        memory[i][i] = mark + i;
    for (uint32_t round = 1; round <= ROUNDS; round++)
        for (uint32_t i = 0; i < PAGES; i++) {
            right &= memory[i][i] == mark + i + (round - 1) * 256;
            memory[i][i] = mark + i + round * 256;
        }
    return report(number ? "switch, second" : "switch, first", right);
}
