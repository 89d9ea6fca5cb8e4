// The handlers' C code on the host: the known answers of docs/spec.md section 10, and the hash against a plain one.
//
// Built once for each format, by known_answers.sh: addresses of the system are offsets into `ram`.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler.h"
#include "hash.h"

struct block block;
struct boot boot;
static uint8_t ram[1 << 22];
static int failures;

uint32_t load32(uint32_t address)
{
    uint32_t value = 0;
    if (address > sizeof ram - 4) {
        printf("read outside of memory: %x\n", address);
        exit(1);
    }
    memcpy(&value, ram + address, 4);
    return value;
}

void store32(uint32_t address, uint32_t value) { memcpy(ram + address, &value, 4); }

void panic(const char *text)
{
    printf("panic: %s\n", text);
    exit(1);
}

static void check(const char *what, uint32_t got, uint32_t want)
{
    if (got != want) {
        printf("%s: got %08x, want %08x\n", what, got, want);
        failures++;
    }
}

static struct context context;

static void table_at(uint32_t address, uint32_t elements, uint32_t searches)
{
    memset(ram, 0, sizeof ram);
    boot.format = handler_format;
    boot.search_enable = searches;
    boot.table_frame = address >> 12;
    boot.ways = 3;
    boot.hash = HASH;
    block.table = address;
    block.mask = elements - 1;
    block.max_steps = 32;
}

static uint32_t read_of(uint32_t asid, uint32_t vpn)
{
    uint32_t place, pte, fast;
    context.asid = asid;
    context.boot = boot.process;
    prepare_process(0, &context);
    prepare_searches(&context);
    pte = pte_of(asid, vpn, &place);
    fast = phase_loads_c(asid, vpn);
    check("the miss path and the kernel's lookup agree", fast, pte);
    return pte;
}

static void words(uint32_t address, const uint64_t *word, int count) { memcpy(ram + address, word, 8u * (unsigned)count); }

static uint32_t fault_word(enum fault fault) { return fault << 1; }

#if HASH == HASH_KEYED

// The hash as docs/spec.md section 3 says it, on 128-bit numbers.
typedef unsigned __int128 wide;
static const wide mask68 = ((wide)1 << 68) - 1;
static wide turn(wide x, int by) { return (x << by | x >> (68 - by)) & mask68; }
static wide mixed(wide x) { return x ^ turn(x, 6) ^ turn(x, 59); }

static wide substituted(wide x)
{
    wide y = 0;
    for (int i = 0; i < 17; i++)
        y |= (wide)("\xc\x5\x6\xb\x9\x0\xa\xd\x3\xe\xf\x8\x4\x7\x1\x2"[(int)(x >> 4 * i) & 15]) << 4 * i;
    return y;
}

static uint32_t plain_hash(wide key, uint32_t asid, uint64_t vpn, int way)
{
    wide k0 = key & mask68, k1 = key >> 60 & mask68, k2 = (key >> 120 | key << 8) & mask68, digits = 0;
    for (int i = 0; i < 17; i++)
        digits = digits << 4 | (unsigned)(5 * way);
    wide x = (wide)asid << 52 | vpn;
    x = mixed(substituted(x ^ k0 ^ digits));
    x = mixed(substituted(x ^ k1));
    x = substituted(x ^ k2);
    return (uint32_t)x ^ (uint32_t)(x >> 32) ^ (uint32_t)(x >> 64);
}

static wide wide_of(const uint32_t key[4])
{
    return (wide)key[3] << 96 | (wide)key[2] << 64 | (wide)key[1] << 32 | key[0];
}

static void check_hash(void)
{
    const uint32_t spec[4] = {0x76543210, 0xfedcba98, 0x89abcdef, 0x01234567};
    check("plain hash, 1", plain_hash(0, 0, 0, 0), 0x6);
    check("plain hash, 2", plain_hash(0, 1, 0x1a, 0), 0x95a8c5d7);
    check("plain hash, 3", plain_hash(wide_of(spec), 0xbeef, 0x8000012345678, 0), 0x66fa2faf);
    check("plain hash, way 1", plain_hash(wide_of(spec), 0xbeef, 0x8000012345678, 1), 0xa9edf587);
    check("plain hash, way 2", plain_hash(wide_of(spec), 0xbeef, 0x8000012345678, 2), 0x1491be44);
    check("plain hash, way 3", plain_hash(wide_of(spec), 0xbeef, 0x8000012345678, 3), 0x232050f2);

    static uint32_t constants[4 * 64];
    struct search search = {.constants = constants};
    uint32_t zero[4] = {0, 0, 0, 0};
    hash_start(zero);
    hash_constants(constants, zero, 0, 4);
    check("hash of (0, 0)", HASH_OF(&search, 0, 0), 0x0006);
    hash_constants(constants, zero, 1, 4);
    check("hash of (1, 0x1a)", HASH_OF(&search, 0x1a, 0), 0xc5d7);

    srand(1);
    for (int round = 0; round < 200; round++) {
        uint32_t key[4], asid = (uint32_t)rand() & 0xffff;
        for (int i = 0; i < 4; i++)
            key[i] = (uint32_t)rand() << 16 ^ (uint32_t)rand();
        hash_start(key);
        hash_constants(constants, key, asid, 4);
        for (int i = 0; i < 500; i++) {
            uint32_t vpn = (uint32_t)rand() & 0xfffff, way = (uint32_t)i & 3;
            check("hash, random", HASH_OF(&search, vpn, way), plain_hash(wide_of(key), asid, vpn, (int)way) & 0xffff);
        }
    }
}

#else
static void check_hash(void) {}
#endif

#if HASH == HASH_FOLD
static void check_walks(void)
{
    if (handler_format == FORMAT_CHAINED) {
        table_at(0x1000, 128, 1);
        words(0x1000 + 32 * 0x1b, (uint64_t[]){0x10017, 0x1a, 1, 0}, 4);
        words(0x1000 + 32 * 0x3e, (uint64_t[]){0x32013, 0x3c, 2, 0x100000040}, 4);
        words(0x1000 + 32 * 0x40, (uint64_t[]){0x14017, 0x3a, 4, 0}, 4);
        check("chained (4, 0x3a)", read_of(4, 0x3a), 0x14017);
        check("chained (2, 0x3c)", read_of(2, 0x3c), 0x32013);
        check("chained (2, 0x3a)", read_of(2, 0x3a), fault_word(NOT_PRESENT));
        check("chained (0x3e, 0)", read_of(0x3e, 0), fault_word(NOT_PRESENT));
        block.max_steps = 1;
        check("chained, one step", read_of(4, 0x3a), fault_word(CHAIN_TOO_LONG));
        block.max_steps = 32;
        words(0x1000 + 32 * 0x3e, (uint64_t[]){0x32013, 0x3c, 2, 0x100000080}, 4);
        check("chained, next outside", read_of(4, 0x3a), fault_word(MALFORMED));
        table_at(0x1000, 128, 3);
        words(0x1000 + 32, (uint64_t[]){0x400107, 0x200, 1, 0}, 4);
        check("chained, 2 MiB", read_of(1, 0x2ff), 0x400107);
        words(0x1000 + 32, (uint64_t[]){0x401107, 0x200, 1, 0}, 4);
        check("chained, frame not aligned", read_of(1, 0x2ff), fault_word(MALFORMED));
        table_at(0x1000, 128, 9);
        words(0x1000 + 32 * 0x1a, (uint64_t[]){0x10033, 0x1a, 0, 0}, 4);
        check("chained, global", read_of(5, 0x1a), 0x10033);
        words(0x1000 + 32 * 0x1a, (uint64_t[]){0x10013, 0x1a, 0, 0}, 4);
        check("chained, not global", read_of(5, 0x1a), fault_word(NOT_PRESENT));
        check("chained, ASID 0's own", read_of(0, 0x1a), 0x10013);
    }
    if (handler_format == FORMAT_INVERTED) {
        table_at(0x3000, 512, 1);
        boot.entries_frame = 4;
        words(0x32f0, (uint64_t[]){0x5020}, 1);
        words(0x5020, (uint64_t[]){0x5b41b, 0x0005000000000407, 0x7000, 0}, 4);
        words(0x4070, (uint64_t[]){0x5d01b, 0x0003000000000000}, 2);
        check("inverted (5, 0x5b)", read_of(5, 0x5b), 0x701b);
        check("inverted (3, 0x5d)", read_of(3, 0x5d), 0x701b);
        check("inverted (0x5e, 0)", read_of(0x5e, 0), fault_word(NOT_PRESENT));
        check("inverted (3, 0x5c)", read_of(3, 0x5c), fault_word(NOT_PRESENT));
        block.max_steps = 2;
        check("inverted, two steps", read_of(3, 0x5d), fault_word(CHAIN_TOO_LONG));
        check("inverted, two steps do", read_of(5, 0x5b), 0x701b);
    }
    if (handler_format == FORMAT_TREE) {
        table_at(0x3000, 512, 1);
        words(0x31f0, (uint64_t[]){0x4040}, 1);
        words(0x4040, (uint64_t[]){0x32013, 0x3c, 2, 0, 0x4080, 2}, 6);
        words(0x4080, (uint64_t[]){0x14017, 0x3a, 4, 0, 0, 1}, 6);
        check("tree (4, 0x3a)", read_of(4, 0x3a), 0x14017);
        check("tree (2, 0x3c)", read_of(2, 0x3c), 0x32013);
        check("tree (0x3e, 0)", read_of(0x3e, 0), fault_word(NOT_PRESENT));
        check("tree (1, 0x3f)", read_of(1, 0x3f), fault_word(NOT_PRESENT));
        block.max_steps = 2;
        check("tree, two steps", read_of(4, 0x3a), fault_word(CHAIN_TOO_LONG));
    }
    if (handler_format == FORMAT_LINE) {
        // The huge page of ASID 5 as entry 0 of its home, which is the group's: 0 ^ 5.
        table_at(0x1000, 64, 3);
        words(0x1000 + 64 * 5, (uint64_t[]){0x400107, 0x0050000000000200}, 2);
        check("line, 2 MiB", read_of(5, 0x2ff), 0x400107);
        check("line, the next 2 MiB", read_of(5, 0x4ff), fault_word(NOT_PRESENT));
        // Page 5 of the dense group 0x45678 of ASID 0xbeef: VPN[14:3] 0xacf, VPN[19:15] 8, home 0x45678 ^ 0xbeef.
        uint32_t home = 0x1000 + 64 * ((0x45678 ^ 0xbeef) & 63);
        words(home, (uint64_t[]){0xb000000000000800, 0xeef0000000000000, 0, 0xacf0000000000000, 0, 0x008000000abc1017, 0, 0}, 8);
        check("dense line", read_of(0xbeef, 0x4567d), 0xabc1017);
        check("dense line, absent", read_of(0xbeef, 0x4567c), fault_word(NOT_PRESENT));
        check("dense line, other ASID", read_of(0xaeef, 0x4567d), fault_word(NOT_PRESENT));
        ((uint64_t *)(void *)(ram + home))[5] |= 0x400;
        uint32_t place;
        read_of(0xbeef, 0x4567c);
        check("dense line, reserved bit", pte_of(0xbeef, 0x4567d, &place), fault_word(MALFORMED));
        // A chain: L and next of word 0.
        table_at(0x1000, 64, 1);
        words(0x1000 + 64 * 5, (uint64_t[]){0x400 | 0x00c0000000000000}, 1);
        words(0x1000 + 64 * 12, (uint64_t[]){0, 0, 0, 0, 0x10017, 0x0050000000000003}, 6);
        check("line, chain", read_of(5, 3), 0x10017);
        block.max_steps = 1;
        check("line, one step", read_of(5, 3), fault_word(CHAIN_TOO_LONG));
    }
    if (handler_format == FORMAT_CUCKOO) {
        table_at(0x1000, 128, 1);
        // (5, 0x12345): fold 0x12340; rotated by 11: 0x91a00000, by 22: 0xd0000048: places 0x00, 0x20 + 0x00, 0x40 + 0x08.
        words(0x1000 + 32 * 0x48, (uint64_t[]){0x10017, 0x12345, 5, 0}, 4);
        check("cuckoo, way 2", read_of(5, 0x12345), 0x10017);
        check("cuckoo, none", read_of(5, 0x12346), fault_word(NOT_PRESENT));
        words(0x1000, (uint64_t[]){0x20017, 0x12345, 5, 0}, 4);
        check("cuckoo, way 0 first", read_of(5, 0x12345), 0x20017);
    }
}
#else
static void check_walks(void) {}
#endif

static void check_radix(void)
{
    if (handler_format != FORMAT_RADIX)
        return;
    // A part of the spec's tree that 20 bits of VPN reach.
    table_at(0x80000, 65536, 0x3f);
    words(0x80028, (uint64_t[]){0x1401}, 1);
    words(0x1000, (uint64_t[]){0x2401}, 1);
    words(0x2000 + 8 * 2, (uint64_t[]){0x3401}, 1);
    words(0x3000 + 8 * 0xb3, (uint64_t[]){0x4401, 0x400107}, 2);
    words(0x4000 + 8 * 0x189, (uint64_t[]){0x14017}, 1);
    uint32_t vpn = 2 << 18 | 0xb3 << 9 | 0x189;
    check("radix, 4 KiB", read_of(5, vpn), 0x14017);
    check("radix, 2 MiB", read_of(5, 2 << 18 | 0xb4 << 9 | 0xff), 0x400107);
    check("radix (6)", read_of(6, vpn), fault_word(NOT_PRESENT));
    boot.search_enable = 1;
    check("radix, 2 MiB off", read_of(5, 2 << 18 | 0xb4 << 9 | 0xff), fault_word(NOT_PRESENT));
}

int main(void)
{
    handler_start();
    check_hash();
    check_walks();
    check_radix();
    printf(failures ? "%d wrong\n" : "right\n", failures);
    return !!failures;
}
