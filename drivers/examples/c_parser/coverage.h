#ifndef COVERAGE_H
#define COVERAGE_H

#include <stddef.h>
#include <stdint.h>

/* Forget what the last parse took. */
void coverage_begin(void);

/* The number at a position, from 0; returns the next position, 0 behind the last. */
size_t coverage_next(size_t at, uint64_t *number);

#endif
