// Product of blocks of matrices that are 1,024 words wide: each row lies on a page of its own.

#include "user.h"

#define N 28
#define PITCH 1024

static uint32_t a[N][PITCH], b[N][PITCH], c[N][PITCH];

int main(void)
{
    uint32_t state = 77;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = next_random(&state) & 0xffff;
            b[i][j] = next_random(&state) & 0xffff;
        }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            uint32_t sum = 0;
            for (int k = 0; k < N; k++)
                sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    // Freivalds: C x and A (B x) agree, for two vectors.
    int right = 1;
    for (int round = 0; round < 2; round++) {
        uint32_t x[N], bx[N];
        for (int i = 0; i < N; i++)
            x[i] = next_random(&state);
        for (int i = 0; i < N; i++) {
            bx[i] = 0;
            for (int j = 0; j < N; j++)
                bx[i] += b[i][j] * x[j];
        }
        for (int i = 0; i < N; i++) {
            uint32_t abx = 0, cx = 0;
            for (int j = 0; j < N; j++) {
                abx += a[i][j] * bx[j];
                cx += c[i][j] * x[j];
            }
            right &= abx == cx;
        }
    }
    return report("matrix", right);
}
