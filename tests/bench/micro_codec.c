/* micro_codec: what one token costs in sse + openai + template alone, no socket: chunks of about 230 bytes in
 * reads of 16 KB, as an unpaced upstream brings them. Prints CPU microseconds per token.
 *
 *     micro_codec [tokens]          the last column: every event by jansson, for comparison */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "upstream/openai.h"

#define READ_BYTES 16384

static unsigned long got;
static size_t got_bytes;

static void flush(struct gather *g, void *owner)
{
    (void)owner;
    got += g->tokens;
    got_bytes += g->text.len;
    g->tokens = 0;
    g->text.len = 0;
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void build(struct buf *b, unsigned long tokens, const char *eol)
{
    static const char *const words[] = {"river",          " the",  " bright", ".\\n\\n",
                                        " \\\"quiet\\\"", " 東京", " and",    " 🌊"};
    for (unsigned long i = 0; i < tokens; i++)
        buf_printf(b,
                   "data: {\"id\":\"chatcmpl-0193aa55f00d4c0ffee\",\"object\":\"chat.completion.chunk\","
                   "\"created\":1700000000,\"model\":\"richierich-fast\",\"system_fingerprint\":null,"
                   "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,"
                   "\"finish_reason\":null}]}%s%s",
                   words[i % 8], eol, eol);
}

static double run(const struct buf *b, unsigned long tokens, size_t read, bool fast)
{
    struct openai_stream s;
    struct answer a = {.prompt_tokens = -1, .completion_tokens = -1};
    struct gather g = {.flush = flush};
    openai_stream_init(&s, 1 << 20);
    openai_stream_type(&s, "text/event-stream");
    if (!fast)
        s.fast.credit = 0;
    got = 0;
    double begun = cpu_us();
    for (size_t at = 0; at < b->len; at += read) {
        openai_feed(&s, &g, &a, b->data + at, b->len - at < read ? b->len - at : read);
        flush(&g, NULL);
    }
    double us = (cpu_us() - begun) / (double)tokens;
    if (got != tokens || a.malformed) {
        fprintf(stderr, "micro_codec: %lu of %lu tokens, %u malformed\n", got, tokens, a.malformed);
        exit(1);
    }
    openai_stream_free(&s);
    buf_free(&g.text);
    mem_free(a.model);
    return us;
}

int main(int argc, char **argv)
{
    unsigned long tokens = argc > 1 ? strtoul(argv[1], NULL, 10) : 400000;
    struct buf lf = {0}, crlf = {0};
    build(&lf, tokens, "\n");
    build(&crlf, tokens, "\r\n");
    printf("bytes per event                 %8.1f\n", (double)lf.len / (double)tokens);
    printf("16 KB reads, us per token       %8.4f\n", run(&lf, tokens, READ_BYTES, true));
    printf("64 KB reads                     %8.4f\n", run(&lf, tokens, READ_BYTES * 4, true));
    printf("CRLF, 16 KB reads               %8.4f\n", run(&crlf, tokens, READ_BYTES, true));
    printf("one event a read                %8.4f\n", run(&lf, tokens, lf.len / tokens, true));
    printf("jansson only, 16 KB reads       %8.4f\n", run(&lf, tokens / 10 * 10, READ_BYTES, false));
    buf_free(&lf);
    buf_free(&crlf);
    return 0;
}
