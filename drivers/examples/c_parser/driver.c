/* ipc-gauntlet driver for a parser in C: docs/driver-protocol.md. C99 and its library, nothing else.

   One request a line on standard input, one answer a line on standard output. Whatever the parser does to this process is
   for the harness to see: no signal is caught. */
#include "record.h"
#ifdef COVERAGE
#include "coverage.h"
#endif

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef COVERAGE
#define CLAIM ",\"coverage\":\"edges/1\""
#else
#define CLAIM ""
#endif

static const char STATEMENT[] =
    "{\"protocol\":1,\"name\":\"c-parser\",\"version\":\"1\",\"language\":\"C\",\"profile\":\"local\",\"roles\":[],"
    "\"transports\":[],\"features\":[\"parse\"],\"parsers\":[\"record\"],"
    "\"wire\":{\"protocol\":\"SIPC/1\"}" CLAIM "}";

/* -- JSON, as much of it as requests need -- */

static const char *value_end(const char *at, int depth);

static const char *blank(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\r')
        at++;
    return at;
}

static const char *string_end(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL; /* also the end of the line */
        if (*at == '\\' && (unsigned char)*++at < 0x20)
            return NULL;
    }
    return at + 1;
}

static const char *list_end(const char *at, char close, int depth)
{
    int object = close == '}';

    at = blank(at + 1);
    if (*at == close)
        return at + 1;
    for (;;) {
        if (object) {
            if (!(at = string_end(at)) || *(at = blank(at)) != ':')
                return NULL;
            at = blank(at + 1);
        }
        if (!(at = value_end(at, depth + 1)))
            return NULL;
        at = blank(at);
        if (*at == close)
            return at + 1;
        if (*at != ',')
            return NULL;
        at = blank(at + 1);
    }
}

static const char *value_end(const char *at, int depth)
{
    const char *end = at;

    if (depth > 64)
        return NULL;
    if (*at == '"')
        return string_end(at);
    if (*at == '{' || *at == '[')
        return list_end(at, *at == '{' ? '}' : ']', depth);
    while (isalnum((unsigned char)*end) || *end == '-' || *end == '+' || *end == '.')
        end++;
    return end > at ? end : NULL;
}

/* The text of a member of an object that is known to be well-formed; NULL if it is not there. */
static const char *member(const char *object, const char *name)
{
    size_t length = strlen(name);
    const char *at = blank(object + 1);

    while (*at == '"') {
        const char *key = at + 1, *end = string_end(at), *value = blank(blank(end) + 1);
        if ((size_t)(end - key) == length + 1 && !memcmp(key, name, length))
            return value;
        at = blank(value_end(value, 0));
        at = *at == ',' ? blank(at + 1) : at;
    }
    return NULL;
}

static int is(const char *text, const char *word)
{
    size_t length = strlen(word);
    return text && *text == '"' && !strncmp(text + 1, word, length) && text[length + 1] == '"';
}

/* -- base64 -- */

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Decode a JSON string in place; returns the length, -1 if it is none. */
static long decode(const char *text, uint8_t *out)
{
    const char *end = text ? string_end(text) : NULL, *at;
    size_t digits, padding = 0;
    uint32_t bits = 0;
    long length = 0;
    int have = 0;

    if (!end)
        return -1;
    end--;
    at = text + 1;
    digits = (size_t)(end - at);
    if (digits % 4)
        return -1;
    while (padding < 2 && padding < digits && end[-1 - (long)padding] == '=')
        padding++;
    for (end -= padding; at < end; at++) {
        const char *found = memchr(LETTERS, *at, 64);
        if (!found)
            return -1;
        bits = bits << 6 | (uint32_t)(found - LETTERS);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[length++] = (uint8_t)(bits >> have);
        }
    }
    return bits & ((1u << have) - 1) ? -1 : length;
}

static void print_base64(const uint8_t *data, size_t length)
{
    for (size_t at = 0; at < length; at += 3) {
        size_t left = length - at;
        uint32_t bits = (uint32_t)data[at] << 16 | (left > 1 ? (uint32_t)data[at + 1] << 8 : 0) | (left > 2 ? data[at + 2] : 0);
        putchar(LETTERS[bits >> 18]);
        putchar(LETTERS[bits >> 12 & 63]);
        putchar(left > 1 ? LETTERS[bits >> 6 & 63] : '=');
        putchar(left > 2 ? LETTERS[bits & 63] : '=');
    }
}

/* -- Answers -- */

static void begin(const char *id, int length)
{
    printf("{\"jsonrpc\":\"2.0\",\"id\":%.*s,", length, id);
}

static void refuse(int code, const char *message)
{
    printf("\"error\":{\"code\":%d,\"message\":\"%s\"}}\n", code, message);
}

static void parse(const char *params, uint8_t *buffer)
{
    struct record record;
    const char *reason;
    uint8_t *exact;
    long size;

    if (!params || *params != '{' || !member(params, "parser") || (size = decode(member(params, "data"), buffer)) < 0) {
        refuse(-32602, "parse needs a parser, and data in base64");
        return;
    }
    if (!is(member(params, "parser"), "record")) {
        refuse(-32001, "there is no such parser");
        return;
    }
    /* A copy of exactly this size: a sanitizer or valgrind then sees what reads behind its end. */
    exact = malloc(size ? (size_t)size : 1);
    if (!exact)
        exit(1);
    memcpy(exact, buffer, (size_t)size);
#ifdef COVERAGE
    coverage_begin();
#endif
    reason = record_parse(exact, (size_t)size, &record);
    if (reason) {
        printf("\"result\":{\"accepted\":false,\"reason\":\"%s\"", reason);
    } else {
        printf("\"result\":{\"accepted\":true,\"value\":{\"type\":%d,\"flags\":%d,\"payload\":\"", record.type, record.flags);
        print_base64(record.payload, record.length);
        printf("\"}");
    }
#ifdef COVERAGE
    if (is(member(params, "coverage"), "edges/1")) {
        uint64_t number;
        printf(",\"edges\":[");
        for (size_t at = 0; (at = coverage_next(at, &number));)
            printf("%s%llu", at == 1 ? "" : ",", (unsigned long long)number);
        printf("]");
    }
#endif
    printf("}}\n");
    free(exact);
}

/* Answer one line; returns 0 after `shutdown`. */
static int answer(const char *line, uint8_t *buffer)
{
    const char *request = blank(line), *end = value_end(request, 0), *id, *method;

    if (!end || *blank(end)) {
        begin("null", 4);
        refuse(-32700, "not JSON");
        return 1;
    }
    id = *request == '{' ? member(request, "id") : NULL;
    if (!id || !isdigit((unsigned char)*id)) {
        begin("null", 4);
        refuse(-32600, "not a request");
        return 1;
    }
    begin(id, (int)(value_end(id, 0) - id));
    method = member(request, "method");
    if (!method || *method != '"') {
        refuse(-32600, "a request names a method");
    } else if (is(method, "describe")) {
        printf("\"result\":%s}\n", STATEMENT);
    } else if (is(method, "parse")) {
        parse(member(request, "params"), buffer);
    } else if (is(method, "reset") || is(method, "shutdown")) {
        printf("\"result\":{}}\n");
    } else {
        refuse(-32601, "there is no such method");
    }
    return !is(method, "shutdown");
}

int main(void)
{
    size_t room = 1 << 16, length = 0;
    char *line = malloc(room);
    uint8_t *buffer = malloc(room);
    int c, go_on = 1;

    while (go_on && line && buffer && (c = getchar()) != EOF) {
        if (length + 1 == room) {
            room *= 2;
            line = realloc(line, room);
            buffer = realloc(buffer, room);
            if (!line || !buffer)
                return 1;
        }
        if (c != '\n') {
            line[length++] = c ? (char)c : '\1'; /* a NUL would end the text, and is no JSON either */
            continue;
        }
        line[length] = 0;
        length = 0;
        go_on = answer(line, buffer);
        fflush(stdout);
    }
    return 0;
}
