// A linked list with one node a page, in shuffled order: nearly every step misses the TLB.

#include "user.h"

#define NODES 200
#define ROUNDS 40

static struct node { struct node *next; uint32_t number; uint32_t rest[1022]; } pages[NODES];
static uint16_t order[NODES];

int main(void)
{
    uint32_t state = 4711;
    for (int i = 0; i < NODES; i++)
        order[i] = (uint16_t)i;
    for (int i = NODES - 1; i > 0; i--) {
        int j = (int)(next_random(&state) % (uint32_t)(i + 1));
        uint16_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (int i = 0; i < NODES; i++) {
        pages[order[i]].next = pages + order[(i + 1) % NODES];
        pages[order[i]].number = (uint32_t)i;
    }
    struct node *node = pages + order[0];
    uint32_t sum = 0;
    int right = 1;
    for (int round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; i < NODES; i++) {
            right &= node->number == i;
            sum = sum * 5 + node->number;
            node->rest[round] = sum;
            node = node->next;
        }
    uint32_t want = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (uint32_t i = 0; i < NODES; i++)
            want = want * 5 + i;
    return report("chase", right && sum == want && node == pages + order[0]);
}
