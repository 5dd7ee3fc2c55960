/* Edges of whatever is compiled with -fsanitize-coverage=trace-pc,trace-cmp, which gcc and clang have.

   A block is known by its distance from a function of this program, so that numbers are the same after a restart. With
   the block before it, it is an edge; with how often it was taken, in powers of two, a number to tell. A comparison tells
   in how many bits the two sides differ, so that what is one bit nearer counts as new: that leads through magic values. */
#include "coverage.h"

enum { SLOTS = 1 << 16, BLOCK_BITS = 24 };

static uint64_t edges[SLOTS];
static uint32_t counts[SLOTS], taken[SLOTS];
static size_t used;
static uint64_t before;

static uint64_t block(const void *address)
{
    return ((uintptr_t)address - (uintptr_t)&coverage_begin) & ((1 << BLOCK_BITS) - 1);
}

static void count(uint64_t edge)
{
    uint32_t slot = (uint32_t)(edge * UINT64_C(0x9E3779B97F4A7C15) >> 48);

    while (counts[slot] && edges[slot] != edge)
        slot = (slot + 1) % SLOTS;
    if (!counts[slot]) {
        if (used == SLOTS - 1)
            return;
        edges[slot] = edge;
        taken[used++] = slot;
    }
    counts[slot]++;
}

static void compare(const void *address, uint64_t one, uint64_t other)
{
    count(UINT64_C(1) << (2 * BLOCK_BITS) | block(address) << 8 | (uint64_t)__builtin_popcountll(one ^ other));
}

void __sanitizer_cov_trace_pc(void)
{
    uint64_t here = block(__builtin_return_address(0));

    count(before << BLOCK_BITS | here);
    before = here;
}

#define COMPARISON(name, type)                    \
    void __sanitizer_cov_trace_##name(type one, type other) \
    {                                             \
        compare(__builtin_return_address(0), one, other); \
    }
COMPARISON(cmp1, uint8_t)
COMPARISON(cmp2, uint16_t)
COMPARISON(cmp4, uint32_t)
COMPARISON(cmp8, uint64_t)
COMPARISON(const_cmp1, uint8_t)
COMPARISON(const_cmp2, uint16_t)
COMPARISON(const_cmp4, uint32_t)
COMPARISON(const_cmp8, uint64_t)

void __sanitizer_cov_trace_switch(uint64_t value, const uint64_t *cases)
{
    for (uint64_t at = 0; at < cases[0]; at++)
        compare(__builtin_return_address(0), value, cases[2 + at]);
}

void coverage_begin(void)
{
    while (used)
        counts[taken[--used]] = 0;
    before = 0;
}

size_t coverage_next(size_t at, uint64_t *number)
{
    uint32_t times, bucket = 0;

    if (at >= used)
        return 0;
    for (times = counts[taken[at]]; times > 1 && bucket < 7; times /= 2)
        bucket++;
    *number = edges[taken[at]] << 3 | bucket;
    return at + 1;
}
