/* Whatever stands in a configuration file or a variable: it is taken or refused in one line of words, and
 * what is taken, printed and read again, prints the same.
 *
 *     input  [ variable \0 ] file */
#include <stdlib.h>
#include <string.h>

#include "base/config.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static struct config *parse(const char *yaml, size_t len, const char *variable)
{
    struct config_error error;
    char *name = NULL;
    char *env[] = {NULL, NULL};
    if (variable) {
        name = malloc(strlen(variable) + sizeof "LASTWORD_");
        strcat(strcpy(name, "LASTWORD_"), variable);
        env[0] = name;
    }
    memset(&error, 'x', sizeof error);
    struct config *c = config_parse(yaml, len, env, &error);
    free(name);
    if (!c) {
        size_t words = strnlen(error.text, sizeof error.text);
        require(words > 0 && words < sizeof error.text && !strchr(error.text, '\n'));
    }
    return c;
}

static void print_and_read_again(const struct config *c)
{
    struct buf once = {0}, twice = {0};
    config_print(c, &once);
    struct config *again = parse(once.data, once.len, NULL);
    require(again != NULL);
    config_print(again, &twice);
    require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    config_free(again);
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A file it would read is none of this test's business. */
    if (memmem(data, size, "_file", 5) || memmem(data, size, "_FILE", 5))
        return 0;
    const uint8_t *nul = memchr(data, 0, size);
    const char *variable = nul ? (const char *)data : NULL;
    size_t before = nul ? (size_t)(nul - data) + 1 : 0;
    struct config *c = parse((const char *)data + before, size - before, variable);
    /* Printed keys are masked, and two the same would be refused. */
    if (c && c->key_count < 2)
        print_and_read_again(c);
    config_free(c);
    return 0;
}
