// The keyed hash in software.
//
// State: four words, the bit planes of the 17 nibbles. Plane j has bit j of nibble i at bits i and i + 17, as far as 32 bits
// go. The substitution is then 14 operations on words; and a rotation of the 68 bits by 6 or 59 is a plane taken for
// another and a plain shift, since the copy serves what a rotation would bring round. After the mixing bits 2 to 28 are
// good, and those hold every nibble.
//
// First round: substitution and mixing of the nibbles of a VPN of 20 bits are looked up: bits 7:0 in one table, bits 15:8
// in another, 256 entries of 16 bytes each, and bits 19:16 in one of 16 entries for each ASID, which holds also what the
// ASID and both round keys add. (A sum of them, as the mixing is linear and the substitution keeps to its nibble.)
// For another way of a cuckoo table the VPN's nibbles are xored with the way's digit, like the key's.
//
// Last: of a hash of 16 bits, bit 4i + j is plane j's nibbles i, i + 8 and, in place 0, 16. They lie at bits 17 to 20, 25 to 28
// and 16; after folding, bits 16 to 20 of two planes are the index into `spread`, which puts them where they belong.
//
// Instructions in fast.h: 33 first round, 14 + 16 + 8 second, 14 + 32 third and the index, in all 117, of them 20 loads.
// (Weighed against it: the substitution on whole words, 27 operations each for shifts and masks, and mixing with carries
// between three words, about 50: more than 250. Tables in the second round too: 9 lookups of 9 instructions, and 27 KiB.)

#include "hash.h"

#if HASH == HASH_KEYED

#include "sbox.h"

__attribute__((section(".hash_low"), aligned(4096))) uint32_t hash_low[256][4];
__attribute__((section(".hash_high"), aligned(4096))) uint32_t hash_high[256][4];

#ifdef HOST
#define FAST_HASH
#else
#define FAST_HASH __attribute__((noinline, section(".fast.hash")))
#endif

FAST_HASH uint32_t phase_hash_c(uint32_t vpn, const uint32_t *constants)
{
    const uint32_t *low = hash_low[vpn & 255];
    const uint32_t *high = hash_high[vpn >> 8 & 255];
    const uint32_t *rest = constants + (vpn >> 16) * 4;
    struct planes x = {low[0] ^ high[0] ^ rest[0], low[1] ^ high[1] ^ rest[1],
                       low[2] ^ high[2] ^ rest[2], low[3] ^ high[3] ^ rest[3]};
    x = substitute(x);
    struct planes y = {
        x.p0 ^ x.p2 << 2 ^ x.p1 >> 2 ^ block.key2[0],
        x.p1 ^ x.p3 << 2 ^ x.p2 >> 2 ^ block.key2[1],
        x.p2 ^ x.p0 << 1 ^ x.p3 >> 2 ^ block.key2[2],
        x.p3 ^ x.p1 << 1 ^ x.p0 >> 3 ^ block.key2[3],
    };
    y = substitute(y);
    const uint32_t all = 0x1f0000, pairs = 0x1e0000;
    uint32_t a = (y.p0 ^ (y.p0 >> 8 & pairs)) & all, b = (y.p1 ^ (y.p1 >> 8 & pairs)) & all;
    uint32_t c = (y.p2 ^ (y.p2 >> 8 & pairs)) & all, d = (y.p3 ^ (y.p3 >> 8 & pairs)) & all;
    return block.spread[a >> 16 | b >> 11] | (uint32_t)block.spread[c >> 16 | d >> 11] << 2;
}

// 68 bits, and what is made of them at boot.
struct wide { uint32_t low, middle, top; };

static const uint8_t sbox[16] = {0xc, 5, 6, 0xb, 9, 0, 0xa, 0xd, 3, 0xe, 0xf, 8, 4, 7, 1, 2};

static uint32_t nibble(struct wide x, uint32_t i)
{
    return (i < 8 ? x.low >> 4 * i : i < 16 ? x.middle >> 4 * (i - 8) : x.top) & 15;
}

static uint32_t rotate17(uint32_t plane, uint32_t by)
{
    return (plane << by | plane >> (17 - by)) & 0x1ffff;
}

// Xors nibble value `v` at place `i` into planes of 17 bits.
static void put(uint32_t planes[4], uint32_t i, uint32_t v)
{
    for (uint32_t j = 0; j < 4; j++)
        planes[j] ^= (v >> j & 1) << i;
}

static void mix(uint32_t q[4])
{
    uint32_t a = q[0], b = q[1], c = q[2], d = q[3];
    q[0] = a ^ rotate17(c, 2) ^ rotate17(b, 15);
    q[1] = b ^ rotate17(d, 2) ^ rotate17(c, 15);
    q[2] = c ^ rotate17(a, 1) ^ rotate17(d, 15);
    q[3] = d ^ rotate17(b, 1) ^ rotate17(a, 14);
}

static uint32_t twice(uint32_t plane) { return plane | plane << 17; }

// The low 68 bits of the key rotated right by 60 r.
static struct wide round_key(const uint32_t key[4], uint32_t r)
{
    switch (r) {
    case 0: return (struct wide){key[0], key[1], key[2] & 15};
    case 1: return (struct wide){key[1] >> 28 | key[2] << 4, key[2] >> 28 | key[3] << 4, key[3] >> 28};
    default: return (struct wide){key[3] >> 24 | key[0] << 8, key[0] >> 24 | key[1] << 8, key[1] >> 24 & 15};
    }
}

// What nibble `i` of the VPN comes to after the first round.
static void first_round(uint32_t planes[4], struct wide key, uint32_t i, uint32_t v)
{
    planes[0] = planes[1] = planes[2] = planes[3] = 0;
    put(planes, i, sbox[v ^ nibble(key, i)]);
    mix(planes);
    for (uint32_t j = 0; j < 4; j++)
        planes[j] = twice(planes[j]);
}

static void fill(uint32_t table[256][4], struct wide key, uint32_t i)
{
    uint32_t low[16][4], high[16][4];
    for (uint32_t v = 0; v < 16; v++) {
        first_round(low[v], key, i, v);
        first_round(high[v], key, i + 1, v);
    }
    for (uint32_t v = 0; v < 256; v++)
        for (uint32_t j = 0; j < 4; j++)
            table[v][j] = low[v & 15][j] ^ high[v >> 4][j];
}

void hash_start(const uint32_t key[4])
{
    struct wide key0 = round_key(key, 0);
    fill(hash_low, key0, 0);
    fill(hash_high, key0, 2);
    uint32_t planes[4] = {0, 0, 0, 0};
    struct wide key2 = round_key(key, 2);
    for (uint32_t i = 0; i < 17; i++)
        put(planes, i, nibble(key2, i));
    for (uint32_t j = 0; j < 4; j++)
        block.key2[j] = twice(planes[j]);
    // Bit 0 of a field, nibble 16, falls together with nibble 0.
    uint16_t apart[32];
    for (uint32_t field = 0; field < 32; field++) {
        uint32_t nibbles = field >> 1 ^ (field & 1);
        apart[field] = (uint16_t)((nibbles & 1) | (nibbles & 2) << 3 | (nibbles & 4) << 6 | (nibbles & 8) << 9);
    }
    for (uint32_t i = 0; i < 1024; i++)
        block.spread[i] = (uint16_t)(apart[i & 31] | apart[i >> 5] << 1);
}

void hash_constants(uint32_t *constants, const uint32_t key[4], uint32_t asid, uint32_t ways)
{
    struct wide key0 = round_key(key, 0), key1 = round_key(key, 1);
    struct wide x = {0, asid << 20, asid >> 12};
    for (uint32_t way = 0; way < ways; way++, constants += 64) {
        uint32_t rest[4] = {0, 0, 0, 0};
        for (uint32_t i = 5; i < 17; i++)
            put(rest, i, sbox[nibble(x, i) ^ nibble(key0, i) ^ 5 * way]);
        mix(rest);
        for (uint32_t i = 0; i < 17; i++)
            put(rest, i, nibble(key1, i));
        // The caller xors the way's digit into nibble 4, too.
        for (uint32_t v = 0; v < 16; v++) {
            first_round(constants + 4 * v, key0, 4, v);
            for (uint32_t j = 0; j < 4; j++)
                constants[4 * v + j] ^= twice(rest[j]);
        }
    }
}

#else

void hash_start(const uint32_t key[4]) { (void)key; }

void hash_constants(uint32_t *constants, const uint32_t key[4], uint32_t asid, uint32_t ways)
{
    (void)constants, (void)key, (void)asid, (void)ways;
}

#endif
