/* text: see text.h. splitmix64 for the choices: tiny, and the same on every machine. */
#include "text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FILLER_SENTENCE 11

static const char *const words[] = {
    "the",     "river",   "carries", "every",   "letter",  "through", "quiet",   "morning", "light",
    "and",     "a",       "lantern", "keeps",   "its",     "promise", "when",    "signal",  "returns",
    "from",    "distant", "harbour", "stone",   "bridges", "hold",    "under",   "winter",  "water",
    "each",    "reader",  "finds",   "one",     "answer",  "waiting", "beside",  "window",  "where",
    "patient", "engines", "hum",     "softly",  "small",   "changes", "travel",  "far",     "across",
    "open",    "fields",  "until",   "evening", "settles", "with",    "careful", "hands",   "we",
    "measure", "what",    "remains", "of",      "summer",  "rain",    "paper",   "memory",  "follows",
    "bright",  "threads", "toward",  "morning", "shore"};
static const char *const topics[] = {"Streams", "Harbours", "Lanterns", "Signals", "Bridges", "Rivers",
                                     "Letters", "Engines",  "Threads",  "Echoes",  "Winters", "Answers"};
static const char *const emoji[] = {"🌊", "🚀", "🔭", "🧭", "🌱", "🎈", "🦉", "⛵", "👩‍🚀", "🏔️"};
static const char *const cjk[] = {"雨后的河流很安静。",       "每一个字都会到达。",    "東京の夜は静かです。",
                                  "流れは決して止まらない。", "강물은 천천히 흐른다.", "答案在窗边等待。",
                                  "光は海を渡る。",           "모든 글자가 도착한다."};
static const char *const code[] = {
    "```c\nint main(void)\n{\n    return 0;\n}\n```",
    "```python\nfor token in stream:\n    print(token)\n```",
    "```sh\ncurl -N http://localhost/ | head\n```",
    "```js\nconst done = await stream.finished;\n```",
};

uint64_t text_hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;
    h ^= 0xcbf29ce484222325ull;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 0x100000001b3ull;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ull;
    return h ^ (h >> 29);
}

static uint64_t next(struct text *t)
{
    uint64_t z = (t->state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static size_t below(struct text *t, size_t n)
{
    return (size_t)(next(t) % n);
}

#define PICK(t, list) ((list)[below((t), COUNT(list))])

void text_begin(struct text *t, uint64_t seed)
{
    *t = (struct text){.state = seed};
}

static void add_capital(struct buf *out, const char *word)
{
    char first = word[0];
    buf_add_char(out, (char)(first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first));
    buf_add_str(out, word + 1);
}

/* "Small changes travel far." */
static void sentence(struct text *t, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(out, ' ');
        if (i)
            buf_add_str(out, PICK(t, words));
        else
            add_capital(out, PICK(t, words));
    }
    buf_add_char(out, '.');
}

static void phrase(struct text *t, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(out, ' ');
        buf_add_str(out, PICK(t, words));
    }
}

void text_filler(struct text *t, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n;) {
        size_t some = n - i < FILLER_SENTENCE ? n - i : 4 + below(t, FILLER_SENTENCE - 3);
        if (i)
            buf_add_char(out, ' ');
        sentence(t, some, out);
        i += some;
    }
}

static void heading(struct text *t, struct buf *out)
{
    buf_add_str(out, t->block ? "## " : "# ");
    buf_add_str(out, PICK(t, topics));
    buf_add_lit(out, " and ");
    buf_add_str(out, PICK(t, topics));
    buf_add_char(out, ' ');
    buf_add_str(out, PICK(t, emoji));
}

/* One draw after the other: as two arguments of one call, each compiler would draw in its own order. */
static void link_path(struct text *t, struct buf *out)
{
    size_t number = below(t, 1000);
    buf_printf(out, "https://example.org/%s/%zu", PICK(t, words), number);
}

static void paragraph(struct text *t, struct buf *out)
{
    sentence(t, 6 + below(t, 5), out);
    buf_add_lit(out, " See [");
    phrase(t, 2, out);
    buf_add_lit(out, "](");
    link_path(t, out);
    buf_add_lit(out, ") ");
    buf_add_str(out, PICK(t, emoji));
    buf_add_lit(out, " and **");
    phrase(t, 2, out);
    buf_add_lit(out, "** with `");
    buf_add_str(out, PICK(t, words));
    buf_add_lit(out, "`. ");
    sentence(t, 5 + below(t, 5), out);
}

static void bullets(struct text *t, struct buf *out)
{
    for (int i = 0; i < 3; i++) {
        buf_add_str(out, i ? "\n- " : "- ");
        phrase(t, 3 + below(t, 3), out);
    }
}

static void numbers(struct text *t, struct buf *out)
{
    for (int i = 1; i <= 3; i++) {
        buf_printf(out, i > 1 ? "\n%d. " : "%d. ", i);
        phrase(t, 3 + below(t, 3), out);
    }
}

static void table(struct text *t, struct buf *out)
{
    buf_add_lit(out, "| name | value |\n|---|---|");
    for (int i = 0; i < 2; i++) {
        buf_add_lit(out, "\n| ");
        buf_add_str(out, PICK(t, words));
        buf_printf(out, " | %zu |", below(t, 10000));
    }
}

static void quote(struct text *t, struct buf *out)
{
    buf_add_lit(out, "> ");
    sentence(t, 6 + below(t, 5), out);
}

static void foreign(struct text *t, struct buf *out)
{
    buf_add_str(out, PICK(t, cjk));
    buf_add_char(out, ' ');
    buf_add_str(out, PICK(t, cjk));
}

static void fenced(struct text *t, struct buf *out)
{
    buf_add_str(out, PICK(t, code));
}

void text_markdown_block(struct text *t, struct buf *out)
{
    static void (*const kinds[])(struct text *, struct buf *) = {heading, paragraph, bullets, table,
                                                                 fenced,  foreign,   quote,   numbers};
    if (t->block)
        buf_add_lit(out, "\n\n");
    kinds[t->block % COUNT(kinds)](t, out);
    t->block++;
}

const char text_rrml_tail[] = "</body></response>";

void text_rrml_head(struct text *t, struct buf *out)
{
    buf_add_lit(out, "<response><header>");
    buf_add_str(out, PICK(t, topics));
    buf_add_lit(out, " and ");
    buf_add_str(out, PICK(t, topics));
    buf_add_lit(out, "</header><subheader>");
    sentence(t, 4 + below(t, 3), out);
    buf_add_lit(out, "</subheader><body>");
}

void text_rrml_block(struct text *t, struct buf *out)
{
    switch (t->block++ % 3) {
    case 0:
        sentence(t, 8 + below(t, 6), out);
        buf_add_char(out, ' ');
        buf_add_str(out, PICK(t, emoji));
        break;
    case 1:
        buf_add_lit(out, "<card>");
        sentence(t, 5 + below(t, 5), out);
        buf_add_char(out, ' ');
        buf_add_str(out, PICK(t, cjk));
        buf_add_lit(out, "</card>");
        break;
    default:
        buf_add_lit(out, " <link href=\"");
        link_path(t, out);
        buf_add_lit(out, "\">");
        phrase(t, 2, out);
        buf_add_lit(out, "</link> ");
    }
}
