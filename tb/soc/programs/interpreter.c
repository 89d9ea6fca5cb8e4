// A stack machine in byte-code: its program scatters additions over an array of 64 pages and sums it up.

#include "user.h"

#define WORDS 65536
#define STEPS 250

enum { HALT, PUSH, LOAD_LOCAL, STORE_LOCAL, ADD, MULTIPLY, AND, LOAD, STORE, LESS, JUMP_IF };

static uint32_t memory[WORDS];

// Locals: 0 counter, 1 place, 2 sum. PUSH is followed by the index of a constant, jumps by their place.
static const uint32_t constants[] = {0, 1, 0x4e6d, 12345, WORDS - 1, STEPS};
static const uint8_t program[] = {
    /* 0 */ PUSH, 0, STORE_LOCAL, 0,
    /* 4: place = place * 0x4e6d + 12345 & WORDS - 1 */
    LOAD_LOCAL, 1, PUSH, 2, MULTIPLY, PUSH, 3, ADD, PUSH, 4, AND, STORE_LOCAL, 1,
    /* 17: sum += memory[place] */
    LOAD_LOCAL, 2, LOAD_LOCAL, 1, LOAD, ADD, STORE_LOCAL, 2,
    /* 25: memory[place] = counter */
    LOAD_LOCAL, 0, LOAD_LOCAL, 1, STORE,
    /* 30: counter += 1; again while counter < STEPS */
    LOAD_LOCAL, 0, PUSH, 1, ADD, STORE_LOCAL, 0,
    LOAD_LOCAL, 0, PUSH, 5, LESS, JUMP_IF, 4,
    HALT,
};

static uint32_t interpret(void)
{
    uint32_t stack[16], local[3] = {0, 0, 0}, *top = stack;
    for (const uint8_t *code = program;;) {
        switch (*code++) {
        case PUSH: *top++ = constants[*code++]; break;
        case LOAD_LOCAL: *top++ = local[*code++]; break;
        case STORE_LOCAL: local[*code++] = *--top; break;
        case ADD: top--; top[-1] += *top; break;
        case MULTIPLY: top--; top[-1] *= *top; break;
        case AND: top--; top[-1] &= *top; break;
        case LOAD: top[-1] = memory[top[-1]]; break;
        case STORE: top -= 2; memory[top[1]] = top[0]; break;
        case LESS: top--; top[-1] = top[-1] < *top; break;
        case JUMP_IF: code = *--top ? program + *code : code + 1; break;
        default: return local[2];
        }
    }
}

int main(void)
{
    uint32_t first = interpret();               // the array is zeros
    uint32_t second = interpret();              // and now what the first run has left
    // No place comes twice in fewer than 65,536 steps: the factor is 1 modulo 4 and what is added is odd.
    return report("interpreter", first == 0 && second == STEPS * (STEPS - 1) / 2);
}
