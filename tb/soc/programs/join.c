// Hash join of two relations: one is built into a hash table, the other probes it.

#include "user.h"

#define BUILD 1100
#define PROBE 1800
#define BUCKETS 1024

static struct row { uint32_t key, value; struct row *next; uint32_t rest[29]; } build[BUILD], probe[PROBE];
static struct row *buckets[BUCKETS];

static uint32_t bucket_of(uint32_t key) { return key * 0x9e3779b1u >> 22; }

int main(void)
{
    // Build keys are 7 i + 3, so that it is known which probe keys match and what the sum is.
    uint32_t state = 12345, want_matches = 0, want_sum = 0;
    for (uint32_t i = 0; i < BUILD; i++) {
        uint32_t place = i * 577 % BUILD;       // 577 and 1100 have no common factor
        build[place].key = 7 * i + 3;
        build[place].value = i * i;
    }
    for (uint32_t i = 0; i < PROBE; i++) {
        uint32_t r = next_random(&state), number = (r >> 8) % BUILD, hit = r & 1;
        probe[i].key = 7 * number + 3 + (hit ? 0 : 1);
        probe[i].value = r >> 16;
        if (hit) {
            want_matches++;
            want_sum += number * number ^ r >> 16;
        }
    }
    for (int i = 0; i < BUILD; i++) {
        struct row **bucket = buckets + bucket_of(build[i].key);
        build[i].next = *bucket;
        *bucket = build + i;
    }
    uint32_t matches = 0, sum = 0;
    for (int i = 0; i < PROBE; i++)
        for (struct row *row = buckets[bucket_of(probe[i].key)]; row; row = row->next)
            if (row->key == probe[i].key) {
                matches++;
                sum += row->value ^ probe[i].value;
            }
    return report("join", matches == want_matches && sum == want_sum);
}
