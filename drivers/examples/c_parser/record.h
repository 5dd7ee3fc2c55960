/* A parser to be fuzzed: the record of SIPC/1 (docs/sipc1.md, section 9). */
#ifndef RECORD_H
#define RECORD_H

#include <stddef.h>
#include <stdint.h>

struct record {
    uint8_t type, flags;
    const uint8_t *payload;
    size_t length;
};

/* Read one record. Returns NULL, or the reason class of the refusal. */
const char *record_parse(const uint8_t *data, size_t size, struct record *record);

#endif
