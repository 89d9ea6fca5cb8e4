// Two processes share the pages of `shared` copy-on-write: each sees its own writes, and the other's never.

#include "user.h"

#define PAGES 6

static volatile uint32_t shared[PAGES][1024] = {{1}, {2}, {3}, {4}, {5}, {6}};

int main(int number)
{
    int right = 1;
    for (uint32_t i = 0; i < PAGES; i++)
        right &= shared[i][0] == i + 1;
    for (int round = 1; round <= 3; round++) {
        // Pages 0 to 3 are written, by the second process in the other order; 4 and 5 stay shared.
        for (int i = 0; i < 4; i++)
            shared[number ? 3 - i : i][round] = (uint32_t)(number * 1000 + round);
        yield();
        for (uint32_t i = 0; i < PAGES; i++) {
            right &= shared[i][0] == i + 1;
            right &= shared[i][round] == (i < 4 ? (uint32_t)(number * 1000 + round) : 0);
            right &= shared[i][1000] == 0;
        }
        yield();
    }
    return report(number ? "cow, second" : "cow, first", right);
}
