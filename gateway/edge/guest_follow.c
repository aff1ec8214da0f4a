/* guest, what it follows: from a generation's callbacks to those of a tongue. See guest.h. */
#include "base/mem.h"
#include "edge/guest.h"

static struct guest_follow *of(struct follower *base)
{
    return list_entry(base, struct guest_follow, follower);
}

static void on_accepted(struct follower *base)
{
    struct guest_follow *f = of(base);
    if (f->ops->accepted)
        f->ops->accepted(f);
}

static void on_refused(struct follower *base, const struct err *e)
{
    struct guest_follow *f = of(base);
    f->ops->refused(f, e);
    guest_follow_end(f);
}

static void on_diverged(struct follower *base, uint64_t off, uint32_t crc)
{
    struct guest_follow *f = of(base);
    (void)off;
    (void)crc;
    if (f->ops->diverged)
        f->ops->diverged(f);
}

static void on_wake(struct follower *base)
{
    guest_follow_ready(of(base));
}

static void on_status(struct follower *base, const char *state, int64_t idle_ms)
{
    struct guest_follow *f = of(base);
    (void)idle_ms;
    if (f->ops->status)
        f->ops->status(f, state);
}

static void on_notice(struct follower *base, const struct err *e)
{
    struct guest_follow *f = of(base);
    (void)e;
    if (f->ops->status)
        f->ops->status(f, "degraded");
}

static const struct follower_ops follower_ops = {.accepted = on_accepted,
                                                 .refused = on_refused,
                                                 .diverged = on_diverged,
                                                 .wake = on_wake,
                                                 .status = on_status,
                                                 .notice = on_notice};

struct guest_follow *guest_follow_new(struct guest *g, const struct guest_follow_ops *ops,
                                      const struct uuid *gen, struct err *e)
{
    size_t most = (size_t)g->node->config->limits_follows;
    if (g->follow_count >= most) {
        err_set(e, ERR_RATE_LIMITED, "One connection can follow %zu generations.", most);
        return NULL;
    }
    struct guest_follow *f = mem_alloc(ops->size);
    mem_born(MEM_FOLLOW);
    f->follower.ops = &follower_ops;
    f->ops = ops;
    f->guest = g;
    f->gen = *gen;
    list_init(&f->link);
    list_init(&f->ready_link);
    list_add_tail(&g->follows, &f->link);
    g->follow_count++;
    return f;
}

struct guest_follow *guest_follow_find(const struct guest *g, const struct uuid *gen)
{
    list_each (pos, &g->follows) {
        struct guest_follow *f = list_entry(pos, struct guest_follow, link);
        if (uuid_equal(&f->gen, gen))
            return f;
    }
    return NULL;
}

void guest_follow_ready(struct guest_follow *f)
{
    if (!f->guest)
        return;
    if (list_empty(&f->ready_link))
        list_add_tail(&f->guest->ready, &f->ready_link);
    f->guest->io->wake(f->guest->conn);
}

void guest_follow_end(struct guest_follow *f)
{
    struct guest *g = f->guest;
    if (!g)
        return;
    f->guest = NULL;
    follower_detach(&f->follower);
    if (f->ops->ended)
        f->ops->ended(f);
    g->follow_count--;
    list_del(&f->ready_link);
    list_move_tail(&g->gone, &f->link);
    g->io->wake(g->conn);
}
