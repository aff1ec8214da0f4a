#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/page_files.h"

static char dir[64];
static struct page_file *files;
static size_t count;
static char error[256];

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/lastword-page-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    page_files_free(files, count);
    files = NULL;
    count = 0;
    return system(command);
}

static bool take(void)
{
    return page_files_read(dir, &files, &count, error, sizeof error);
}

static void test_sorted_with_their_forms(void **state)
{
    (void)state;
    make_folder("assets");
    put("index.html", "<p>");
    put("assets/z.js", "zzzzzzzz");
    put("assets/z.js.br", "br");
    put("assets/z.js.gz", "gzip");
    put("assets/a.css", "");
    put("alone.gz", "x");
    put(".hidden", "x");
    assert_true(take());
    assert_int_equal(count, 4);
    static const char *const paths[] = {"/alone.gz", "/assets/a.css", "/assets/z.js", "/index.html"};
    for (size_t i = 0; i < count; i++)
        assert_string_equal(files[i].path, paths[i]);
    assert_string_equal(files[1].type, "text/css; charset=utf-8");
    assert_int_equal(files[1].forms[PAGE_PLAIN].len, 0);
    assert_string_equal(files[2].forms[PAGE_BR].data, "br");
    assert_string_equal(files[2].forms[PAGE_GZ].data, "gzip");
    assert_string_not_equal(files[2].forms[PAGE_BR].etag, files[2].forms[PAGE_PLAIN].etag);
    assert_null(files[3].forms[PAGE_BR].data);
}

static void test_a_link_leads_nowhere(void **state)
{
    (void)state;
    char path[256];
    put("index.html", "x");
    snprintf(path, sizeof path, "%s/passwd", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/etc", dir);
    assert_int_equal(symlink("/etc", path), 0);
    assert_true(take());
    assert_int_equal(count, 1);
}

static void test_no_index(void **state)
{
    (void)state;
    put("other.html", "x");
    assert_false(take());
    assert_non_null(strstr(error, "index.html"));
}

static void test_no_folder(void **state)
{
    (void)state;
    assert_false(page_files_read("/nonexistent/page", &files, &count, error, sizeof error));
    assert_non_null(strstr(error, "/nonexistent/page"));
}

static void test_nested_too_deep(void **state)
{
    (void)state;
    char path[128] = "";
    put("index.html", "x");
    for (int i = 0; i < 10; i++) {
        strcat(path, i ? "/d" : "d");
        make_folder(path);
    }
    assert_false(take());
    assert_non_null(strstr(error, "deep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sorted_with_their_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_link_leads_nowhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nested_too_deep, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
