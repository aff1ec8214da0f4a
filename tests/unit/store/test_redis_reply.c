/* Answers of Redis: any shape may be asked for anything, and errors say what is to be done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "store/redis_reply.h"

static redisReply *parse(const char *resp)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, resp, strlen(resp)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static void test_numbers(void **state)
{
    static const struct {
        const char *resp;
        int64_t number;
        uint64_t unsigned_number;
    } cases[] = {
        {":7\r\n", 7, 7},
        {":-3\r\n", -3, 0},
        {":0\r\n", 0, 0},
        {"$2\r\n42\r\n", 42, 42},
        {"+17\r\n", 17, 17},
        {"$2\r\nxx\r\n", -1, 0},
        {"$0\r\n\r\n", -1, 0},
        {"$-1\r\n", -1, 0},
        {"*1\r\n:5\r\n", -1, 0},
        {"$2\r\n-5\r\n", -1, 0},
        {"$20\r\n18446744073709551615\r\n", INT64_MAX, UINT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        redisReply *r = parse(cases[i].resp);
        assert_true(reply_int(r) == cases[i].number);
        assert_true(reply_u64(r) == cases[i].unsigned_number);
        freeReplyObject(r);
    }
    assert_int_equal(reply_int(NULL), -1);
    assert_int_equal(reply_u64(NULL), 0);
}

static void test_parts_that_are_not_there(void **state)
{
    size_t len = 99;
    redisReply *r = parse("*2\r\n*1\r\n$1\r\na\r\n$-1\r\n");
    (void)state;
    assert_int_equal(reply_count(r), 2);
    assert_string_equal(reply_text(reply_at(reply_at(r, 0), 0), &len), "a");
    assert_int_equal(len, 1);
    assert_true(reply_is_nil(reply_at(r, 1)));
    assert_string_equal(reply_text(reply_at(r, 1), &len), "");
    assert_int_equal(len, 0);
    assert_null(reply_at(r, 2));
    assert_null(reply_at(reply_at(reply_at(r, 2), 3), 4));
    assert_int_equal(reply_count(reply_at(r, 1)), 0);
    assert_false(reply_is_list(reply_at(r, 1)));
    assert_false(reply_is_error(NULL));
    freeReplyObject(r);
}

static void test_errors_say_what_to_do(void **state)
{
    static const struct {
        const char *error;
        enum reply_fault fault;
    } cases[] = {
        {"MOVED 3999 127.0.0.1:6381", FAULT_MOVED},
        {"ASK 3999 127.0.0.1:6381", FAULT_MOVED},
        {"TRYAGAIN Multiple keys request during rehashing of slot", FAULT_LATER},
        {"CLUSTERDOWN The cluster is down", FAULT_SERVER},
        {"ERR Function not found", FAULT_UNLOADED},
        {"LOADING Redis is loading the dataset in memory", FAULT_SERVER},
        {"MASTERDOWN Link with MASTER is down", FAULT_SERVER},
        {"READONLY You can't write against a read only replica.", FAULT_SERVER},
        {"ERR Can not run script on cluster, can't write against a read only replica", FAULT_SERVER},
        {"BUSY Redis is busy running a script.", FAULT_REFUSED},
        {"MISCONF Errors writing to the AOF file: No space left on device", FAULT_REFUSED},
        {"NOREPLICAS Not enough good replicas to write.", FAULT_REFUSED},
        {"OOM command not allowed when used memory > 'maxmemory'.", FAULT_FULL},
        {"NOAUTH Authentication required.", FAULT_DENIED},
        {"NOPERM this user has no permissions", FAULT_DENIED},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", FAULT_OTHER},
        {"ERR value is not an integer or out of range", FAULT_OTHER},
        {"", FAULT_OTHER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (reply_fault(cases[i].error) != cases[i].fault)
            fail_msg("%s", cases[i].error);
}

static void test_where_a_slot_is(void **state)
{
    struct reply_move m;
    (void)state;
    assert_true(reply_move_parse("MOVED 3999 127.0.0.1:6381", &m));
    assert_false(m.ask);
    assert_int_equal(m.slot, 3999);
    assert_string_equal(m.to.host, "127.0.0.1");
    assert_int_equal(m.to.port, 6381);
    assert_true(reply_move_parse("ASK 16383 ::1:1", &m));
    assert_true(m.ask);
    assert_string_equal(m.to.host, "::1");
    assert_true(reply_move_parse("MOVED 0 :7000", &m)); /* the one that answered */
    assert_string_equal(m.to.host, "");
    static const char *const bad[] = {"MOVED",           "MOVED ",      "MOVED x a:1",     "MOVED 16384 a:1",
                                      "MOVED 1 a",       "MOVED 1 a:0", "MOVED 1 a:65536", "ASK 1",
                                      "ERR MOVED 1 a:1", "MOVED 1:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (reply_move_parse(bad[i], &m))
            fail_msg("%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_parts_that_are_not_there),
        cmocka_unit_test(test_errors_say_what_to_do),
        cmocka_unit_test(test_where_a_slot_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
