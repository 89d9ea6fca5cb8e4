// Quicksort of records by pointer: keys lie one in each record, so comparing walks over all pages.

#include "user.h"

#define RECORDS 1500
#define WORDS 40                        // a record has 160 bytes, all have 59 pages

static struct record { uint32_t key, rest[WORDS - 1]; } records[RECORDS];
static struct record *order[RECORDS];

static void sort(struct record **first, struct record **last)
{
    while (last - first > 1) {
        uint32_t pivot = first[(last - first) / 2]->key;
        struct record **i = first, **j = last - 1;
        while (i <= j) {
            while ((*i)->key < pivot)
                i++;
            while ((*j)->key > pivot)
                j--;
            if (i <= j) {
                struct record *kept = *i;
                *i++ = *j;
                *j-- = kept;
            }
        }
        if (j + 1 - first < last - i) {
            sort(first, j + 1);
            first = i;
        } else {
            sort(i, last);
            last = j + 1;
        }
    }
}

int main(void)
{
    uint32_t state = 0x9e3779b9, sum = 0;
    for (int i = 0; i < RECORDS; i++) {
        records[i].key = next_random(&state);
        order[i] = records + i;
        sum += records[i].key;
    }
    sort(order, order + RECORDS);
    int right = 1;
    for (int i = 0; i < RECORDS; i++) {
        sum -= order[i]->key;
        right &= !i || order[i - 1]->key <= order[i]->key;
    }
    return report("sort", right && !sum);
}
