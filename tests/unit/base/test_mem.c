/* mem: zeroed memory, copies, counters, and an end with a sentence when there is no memory. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static void alloc_is_zeroed(void **state)
{
    (void)state;
    unsigned char *p = mem_alloc(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    p = mem_realloc(p, 4000);
    assert_int_equal(p[999], 0);
    mem_free(p);
    p = mem_alloc(0);
    assert_non_null(p);
    mem_free(p);
    mem_free(NULL);
}

static void copies_end_with_nul(void **state)
{
    (void)state;
    assert_null(mem_strdup(NULL));
    char *s = mem_strdup("abc");
    assert_string_equal(s, "abc");
    mem_free(s);
    s = mem_memdup("a\0b", 3);
    assert_memory_equal(s, "a\0b", 4);
    mem_free(s);
    s = mem_memdup(NULL, 0);
    assert_string_equal(s, "");
    mem_free(s);
}

static void live_objects_are_counted(void **state)
{
    (void)state;
    for (int k = 0; k < MEM_KINDS; k++) {
        enum mem_kind kind = (enum mem_kind)k;
        assert_true(strlen(mem_kind_name(kind)) > 2);
        long before = mem_alive(kind);
        mem_born(kind);
        mem_born(kind);
        mem_died(kind);
        assert_int_equal(mem_alive(kind), before + 1);
        mem_died(kind);
    }
}

/* In a child: the pipe holds what it said, the status how it ended. */
static void no_memory_ends_the_process_with_a_sentence(void **state)
{
    (void)state;
    int ends[2], status;
    char said[4096] = "";
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        mem_alloc((size_t)1 << 62);
        _exit(0);
    }
    close(ends[1]);
    ssize_t n = 0, got;
    while ((got = read(ends[0], said + n, sizeof said - 1 - (size_t)n)) > 0)
        n += got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* The sanitizer has its own words and comes first where it is built in. */
    assert_non_null(strstr(said, strstr(said, "Sanitizer") ? "allocation-size-too-big" : "out of memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc_is_zeroed),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(live_objects_are_counted),
        cmocka_unit_test(no_memory_ends_the_process_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
