/* The parser under test. Only this file is compiled with -fsanitize-coverage=trace-pc. */
#include "record.h"

#include <stdlib.h>

enum { MSG = 2, LAST_KNOWN = 7, FIRST_IGNORABLE = 0x80, MSG_FLAGS = 3 };

#ifdef FLAWED
/* A planted crash behind four conditions on a field that the reference does not look at: only edges lead there. */
static void handle(const uint8_t *payload, size_t length)
{
    if (length < 4 || payload[0] >> 3 != 3)
        return;
    if (payload[1] >> 3 != 29)
        return;
    if (payload[2] >> 3 != 12)
        return;
    if (payload[3] >> 3 == 21)
        abort();
}
#endif

const char *record_parse(const uint8_t *data, size_t size, struct record *record)
{
    size_t length;

    if (size < 4)
        return "malformed";
    length = (size_t)data[0] << 8 | data[1];
#ifdef FLAWED
    /* A planted disagreement: the length does not count its own two bytes, and this forgets it. */
    if (length < 2 || length > size)
#else
    if (length < 2 || length > size - 2)
#endif
        return "malformed";
    record->type = data[2];
    record->flags = data[3];
    if (record->type >= 1 && record->type <= LAST_KNOWN) {
        uint8_t defined = record->type == MSG ? MSG_FLAGS : 0;
        if (record->flags & ~defined)
            return "protocol";
    } else if (record->type < FIRST_IGNORABLE) {
        return "protocol";
    }
    record->payload = data + 4;
    record->length = length - 2;
#ifdef FLAWED
    if (record->length > size - 4)
        record->length = size - 4;
    if (record->type == MSG)
        handle(record->payload, record->length);
#endif
    return NULL;
}
