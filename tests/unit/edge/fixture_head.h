/* A request head from its text, for tests of what looks at heads. */
#ifndef LASTWORD_TESTS_UNIT_EDGE_FIXTURE_HEAD_H
#define LASTWORD_TESTS_UNIT_EDGE_FIXTURE_HEAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "edge/head.h"

/* Parses `line`, "Host: x" and `fields` (each with its CRLF); the test fails where they make no head. */
static inline struct head head_of(const char *line, const char *fields)
{
    char text[HEAD_MAX];
    struct head head;
    struct err e = {0};
    size_t at = 0;
    int len = snprintf(text, sizeof text, "%s\r\nHost: x\r\n%s\r\n", line, fields);
    assert_int_equal(head_find_end(text, (size_t)len, &at), HEAD_WHOLE);
    assert_int_equal(at, len);
    assert_int_equal(head_parse(text, at, &head, &e), 0);
    return head;
}

#endif
