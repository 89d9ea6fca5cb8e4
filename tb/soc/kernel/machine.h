// The machine: registers, the boot block, and the block of the window that the handlers share with the kernel.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "layout.h"

#define KERNEL_FAILED 140
#define SEGMENTATION_FAULT 139

// PTE bits (docs/spec.md section 2).
#define PTE_V 0x001u
#define PTE_R 0x002u
#define PTE_W 0x004u
#define PTE_X 0x008u
#define PTE_U 0x010u
#define PTE_G 0x020u
#define PTE_RWX 0x00eu

enum fault { NO_FAULT, NOT_PRESENT, RIGHTS, MALFORMED, CHAIN_TOO_LONG, BUS_ERROR };
enum access { READ, WRITE, FETCH };
enum kind { PLAIN, DEMAND_ZERO, COPY_ON_WRITE };

#ifdef HOST
extern uint32_t load32(uint32_t address);
extern void store32(uint32_t address, uint32_t value);
#else
static inline uint32_t load32(uint32_t address) { return *(volatile uint32_t *)address; }
static inline void store32(uint32_t address, uint32_t value) { *(volatile uint32_t *)address = value; }
#endif

enum {
    CONSOLE = 0x00, EXIT = 0x04, MTIME = 0x08, MTIMECMP = 0x0c, TIMER_ENABLE = 0x10, ASID = 0x20, MODE = 0x24,
    TABLE_FRAME = 0x28, TABLE_MASK = 0x2c, ENTRIES_FRAME = 0x30, SEARCH_ENABLE = 0x34, KEY = 0x40,
    INVALIDATE_VPN = 0x70, INVALIDATE = 0x74,
};
enum { INVALIDATE_ADDRESS = 2, INVALIDATE_ADDRESS_IN_ASID = 3 };

static inline uint32_t get(uint32_t reg) { return load32(REGISTERS + reg); }
static inline void set(uint32_t reg, uint32_t value) { store32(REGISTERS + reg, value); }

// The boot block, as the loader writes it.
struct region { uint32_t first_vpn, pages, rights, kind; };
struct boot_process { uint32_t asid, pc, sp, regions, first_region, unused[3]; };
struct boot {
    uint32_t magic, software, table_frame, table_mask, entries_frame, search_enable, key[4], max_steps, format, ways, hash;
    uint32_t free_frame, free_frames, timer, processes, reserved[2];
    struct boot_process process[2];
    uint32_t unused[4];
    struct region region[];
};
#define BOOT_MAGIC 0x48575331u
_Static_assert(offsetof(struct boot, process) == 20 * 4 && offsetof(struct boot, region) == 40 * 4, "boot block");
extern struct boot boot;

// User registers of a process. x[0] holds the program counter.
struct context {
    uint32_t x[32];
    uint32_t asid;
    uint32_t running;
    uint32_t exit_code;
    uint32_t fault_handler;
    const struct boot_process *boot;
};

// One search of a walk, prepared for the running process (docs/spec.md section 4). `mask` 0 ends the list.
struct search {
    uint32_t mask;            // rounds a VPN down to what is hashed: the page, or its group in a table of lines
    uint32_t asid;
    const uint32_t *constants; // of the keyed hash: 16 entries of 4 words for each way
    uint32_t expect, care;    // (PTE ^ expect) & care is 0 if the low word of a PTE whose tag fits is a sound match
    uint32_t shift;           // 9 times the size
    uint32_t size;            // the size where a PTE holds it, bits 9:8
    uint32_t tag;             // ASID << 20
};

struct block {
    uint32_t info;            // of the miss that the fast path hands on
    uint32_t scratch;
    struct context *current;
    uint32_t table;           // the table's address
    uint32_t mask;
    uint32_t max_steps;
    uint32_t unused[2];
    uint32_t key2[4];         // the last round key, by planes
    uint32_t unused2[4];
    uint32_t save[16];        // registers of the user during the fast path
    struct search search[7];
    uint32_t unused3[168];
    uint16_t spread[1024];    // of the keyed hash
};
#ifndef HOST
_Static_assert(sizeof(struct search) == SEARCH_BYTES, "layout.h");
_Static_assert(offsetof(struct search, constants) == SEARCH_CONSTANTS && offsetof(struct search, tag) == SEARCH_TAG, "layout.h");
_Static_assert(offsetof(struct search, care) == SEARCH_CARE && offsetof(struct search, size) == SEARCH_SIZE, "layout.h");
_Static_assert(offsetof(struct block, current) == BLOCK_CURRENT && offsetof(struct block, table) == BLOCK_TABLE, "layout.h");
_Static_assert(offsetof(struct block, key2) == BLOCK_KEY2 && offsetof(struct block, save) == BLOCK_SAVE, "layout.h");
_Static_assert(offsetof(struct block, search) == BLOCK_SEARCH && offsetof(struct block, spread) == BLOCK_SPREAD, "layout.h");
#endif
extern struct block block;
