/* answer: see answer.h. Each block of text is cut into tokens by itself, so a block that would not fit into
 * the wanted number can be taken back, and plain words fill the rest: an answer has exactly the tokens asked
 * for and still ends properly. */
#include "answer.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "text.h"

#define TOKEN_WORD_MAX 12u
#define TAIL_TOKENS 2u
#define SIZED_RUN 65536u
#define CACHE_BYTES (32u << 20)

#define BUCKETS 4096u

static struct list buckets[BUCKETS];      /* every answer, by hash */
static struct list idle = {&idle, &idle}; /* those nobody uses, oldest first: the cache */
static size_t idle_bytes;

static void add_token(struct answer *a, const char *p, size_t n)
{
    if (a->count == a->end_cap) {
        a->end_cap = a->end_cap ? a->end_cap * 2 : 64;
        a->end = mem_realloc(a->end, a->end_cap * sizeof(*a->end));
    }
    buf_add(&a->text, p, n);
    a->end[a->count++] = (uint32_t)a->text.len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Cut at or below `most` between whole sequences, but never nothing. */
static size_t whole(const char *p, size_t n, size_t most)
{
    size_t cut = most < n ? most : n;
    while (cut > 0 && cut < n && ((unsigned char)p[cut] & 0xC0) == 0x80)
        cut--;
    if (cut)
        return cut;
    for (cut = 1; cut < n && ((unsigned char)p[cut] & 0xC0) == 0x80; cut++)
        ;
    return cut;
}

/* Default tokens: the white space before a word, and up to 12 bytes of the word. */
static size_t word_token(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && is_space(p[i]) && i < TOKEN_WORD_MAX)
        i++;
    size_t start = i;
    while (i < n && !is_space(p[i]) && i - start < TOKEN_WORD_MAX)
        i++;
    return start < i ? start + whole(p + start, n - start, i - start) : i;
}

/* Tokens of about `size` bytes: half to one and a half, by where they begin. */
static size_t sized_token(const struct answer *a, const char *p, size_t n)
{
    uint64_t at = a->text.len, h = text_hash(a->key.hash, &at, sizeof(at));
    uint32_t size = a->key.token_size, half = size / 2;
    return whole(p, n, half ? size - half + h % (2 * half + 1) : 1);
}

/* Cuts p[0..n) into tokens; no more than up to `limit` tokens in the answer. True: all of it fitted. */
static bool add_text(struct answer *a, const char *p, size_t n, uint32_t limit)
{
    while (n && a->count < limit) {
        size_t t = a->key.token_size ? sized_token(a, p, n) : word_token(p, n);
        add_token(a, p, t);
        p += t;
        n -= t;
    }
    return n == 0;
}

static void take_back(struct answer *a, uint32_t count)
{
    a->count = count;
    a->text.len = answer_start(a, count);
}

/* Sized tokens take no heed of blocks, so a block may be cut at the end. */
static void add_sized_blocks(struct answer *a, struct text *t, uint32_t limit,
                             void (*block)(struct text *, struct buf *))
{
    struct buf b = {0};
    while (a->count < limit) {
        buf_clear(&b);
        while (b.len < SIZED_RUN && b.len < (size_t)(limit - a->count) * a->key.token_size * 2)
            block(t, &b);
        add_text(a, b.data, b.len, limit);
    }
    buf_free(&b);
}

/* Blocks while they fit below `limit` tokens, then exactly as many tokens of filler as are missing. */
static void add_blocks(struct answer *a, struct text *t, uint32_t limit,
                       void (*block)(struct text *, struct buf *))
{
    struct buf b = {0};
    if (a->key.token_size) {
        add_sized_blocks(a, t, limit, block);
        return;
    }
    for (bool fits = true; fits;) {
        uint32_t before = a->count;
        buf_clear(&b);
        block(t, &b);
        fits = add_text(a, b.data, b.len, limit);
        if (!fits)
            take_back(a, before);
    }
    while (a->count < limit) {
        buf_clear(&b);
        buf_add_str(&b, a->text.len ? "\n\n" : "");
        text_filler(t, limit - a->count, &b);
        add_text(a, b.data, b.len, limit);
    }
    buf_free(&b);
}

static void make_rrml(struct answer *a, struct text *t, uint32_t tokens)
{
    struct buf head = {0};
    text_rrml_head(t, &head);
    add_text(a, head.data, head.len, tokens);
    buf_free(&head);
    if (a->count + TAIL_TOKENS < tokens)
        add_blocks(a, t, tokens - TAIL_TOKENS, text_rrml_block);
    size_t half = TOKEN_WORD_MAX; /* two tokens, whatever the size: their number must be known beforehand */
    if (a->count < tokens)
        add_token(a, text_rrml_tail, half);
    if (a->count < tokens)
        add_token(a, text_rrml_tail + half, strlen(text_rrml_tail) - half);
}

static void make_clock(struct answer *a, uint32_t tokens)
{
    while (a->count < tokens)
        add_token(a, "0000000000000000 ", CLOCK_TOKEN);
}

static void escape(struct answer *a)
{
    struct buf one = {0};
    a->escaped_end = mem_alloc((a->count + 1) * sizeof(*a->escaped_end));
    for (uint32_t i = 0; i < a->count; i++) {
        buf_clear(&one);
        json_add_string(&one, a->text.data + answer_start(a, i), a->end[i] - answer_start(a, i));
        buf_add(&a->escaped, one.data + 1, one.len - 2);
        a->escaped_end[i] = (uint32_t)a->escaped.len;
    }
    buf_free(&one);
}

static struct answer *answer_make(const struct answer_key *key, const char *input, size_t n)
{
    struct answer *a = mem_alloc(sizeof(*a));
    struct text t;
    a->key = *key;
    text_begin(&t, key->hash);
    switch (key->family) {
    case FAMILY_ECHO:
        add_text(a, input, n, ANSWER_TOKENS_MAX);
        break;
    case FAMILY_RRML:
        make_rrml(a, &t, key->tokens);
        break;
    case FAMILY_CLOCK:
        make_clock(a, key->tokens);
        break;
    case FAMILY_MARKDOWN:
        if (key->tokens)
            add_blocks(a, &t, key->tokens, text_markdown_block);
        break;
    }
    buf_cstr(&a->text);
    escape(a);
    return a;
}

static size_t weight(const struct answer *a)
{
    return a->text.len + a->escaped.len + a->count * 8u + sizeof(*a);
}

static void shrink(size_t most)
{
    while (idle_bytes > most) {
        struct answer *a = list_entry(list_first(&idle), struct answer, idle);
        idle_bytes -= weight(a);
        list_del(&a->idle);
        list_del(&a->node);
        buf_free(&a->text);
        buf_free(&a->escaped);
        mem_free(a->end);
        mem_free(a->escaped_end);
        mem_free(a);
    }
}

static bool same_key(const struct answer_key *a, const struct answer_key *b)
{
    return a->hash == b->hash && a->family == b->family && a->tokens == b->tokens &&
           a->token_size == b->token_size;
}

static struct list *bucket_of(const struct answer_key *key)
{
    struct list *b = &buckets[key->hash % BUCKETS];
    if (!b->next)
        list_init(b);
    return b;
}

struct answer *answer_get(enum family family, const char *input, size_t n, uint64_t seed, uint32_t tokens,
                          uint32_t token_size)
{
    struct answer_key key = {family, 0, tokens, token_size};
    key.hash = text_hash(text_hash((uint64_t)family + 1, input, n), &seed, sizeof(seed));
    list_each (p, bucket_of(&key)) {
        struct answer *a = list_entry(p, struct answer, node);
        if (!same_key(&a->key, &key))
            continue;
        if (!a->refs++) {
            idle_bytes -= weight(a);
            list_del(&a->idle);
        }
        return a;
    }
    struct answer *a = answer_make(&key, input, n);
    a->refs = 1;
    list_init(&a->idle);
    list_init(&a->node);
    list_add_tail(bucket_of(&key), &a->node);
    return a;
}

void answer_put(struct answer *a)
{
    if (!a || --a->refs)
        return;
    list_add_tail(&idle, &a->idle);
    idle_bytes += weight(a);
    shrink(CACHE_BYTES);
}

void answer_forget_all(void)
{
    shrink(0);
}

uint32_t answer_token_at(const struct answer *a, size_t offset)
{
    uint32_t low = 0, high = a->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (a->end[mid] > offset)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}
