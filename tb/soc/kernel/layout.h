// What assembly and C share: places in the window and offsets into `struct block` (machine.h asserts them).

#define REGISTERS 0x90000000
#define FETCH_VPN 0x50
#define FETCH_INFO 0x54
#define DATA_VPN 0x58
#define DATA_INFO 0x5c
#define REFILL_FETCH 0x60
#define REFILL_DATA 0x64

// struct block
#define BLOCK_INFO 0
#define BLOCK_SCRATCH 4
#define BLOCK_CURRENT 8
#define BLOCK_TABLE 12
#define BLOCK_MASK 16
#define BLOCK_MAX_STEPS 20
#define BLOCK_KEY2 32
#define BLOCK_SAVE 64
#define BLOCK_SEARCH 128
#define BLOCK_SPREAD 1024

// struct search, 32 bytes
#define SEARCH_MASK 0
#define SEARCH_ASID 4
#define SEARCH_CONSTANTS 8
#define SEARCH_EXPECT 12
#define SEARCH_CARE 16
#define SEARCH_SHIFT 20
#define SEARCH_SIZE 24
#define SEARCH_TAG 28
#define SEARCH_BYTES 32

// struct context
#define CONTEXT_PC 0
#define CONTEXT_X(n) (4 * (n))

// Hash functions and formats, as the boot block numbers them.
#define HASH_KEYED 0
#define HASH_FOLD 1
#define HASH_ASID 2

#define FORMAT_LINE 0
#define FORMAT_CHAINED 1
#define FORMAT_CUCKOO 2
#define FORMAT_INVERTED 3
#define FORMAT_TREE 4
#define FORMAT_RADIX 5

#ifndef HASH
#define HASH HASH_KEYED
#endif

// 1: a handler also looks at the bits of an entry that are zero in every table of a 32-bit system (VPN above bit 19, frames
// above 2^20, reserved bits of high words). 0: its misses trust them to be zero; the kernel's lookup always looks.
#ifndef EXACT
#define EXACT 0
#endif
