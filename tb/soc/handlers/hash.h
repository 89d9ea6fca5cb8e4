// The hash functions (docs/spec.md section 3) for VPNs of 20 bits.
#pragma once
#include <stdint.h>

#include "machine.h"

#if HASH == HASH_KEYED
// Low 16 bits of the hash of a rounded VPN for a way; the constants are those of the search's ASID and the way.
uint32_t phase_hash_c(uint32_t vpn, const uint32_t *constants);
#define HASH_OF(search, vpn, way) phase_hash_c((vpn) ^ 0x55555u * (way), (search)->constants + 64 * (way))
#else
static inline uint32_t rotate(uint32_t x, uint32_t by) { return by ? x << by | x >> (32 - by) : x; }
#define HASH_OF(search, vpn, way) rotate(HASH == HASH_FOLD ? (vpn) ^ (search)->asid : (search)->asid, 11 * (way))
#endif

// Fills the tables from the key, at boot.
void hash_start(const uint32_t key[4]);

// Fills the constants of an ASID: for each way, 16 entries of 4 words.
void hash_constants(uint32_t *constants, const uint32_t key[4], uint32_t asid, uint32_t ways);
