/* main: the command line. It refuses to do anything but read arguments and call whoever does the work. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "edge/jwks.h"
#include "key_command.h"
#include "store/store.h"
#include "supervisor.h"
#include "worker.h"

static const char usage[] =
    "usage: lastword COMMAND [--config FILE]\n"
    "\n"
    "  serve         serve until SIGTERM or SIGINT (drains; a second signal closes at once); SIGHUP reloads\n"
    "  check-config  say ok, or what is wrong with the configuration\n"
    "  print-config  print all settings with defaults and help; with --config, the settings in force\n"
    "  migrate       bring the database to the newest schema\n"
    "  key           API keys: create, list, revoke\n"
    "  version       print the version\n"
    "  help          print this\n"
    "\n"
    "Without --config the defaults hold. LASTWORD_SECTION_NAME in the environment overrides section.name;\n"
    "NAME_FILE reads a secret from a file. See print-config.\n";

static int misused(const char *what, const char *argument)
{
    fprintf(stderr, "lastword: %s%s%s\n\n%s", what, *argument ? ": " : "", argument, usage);
    return 2;
}

static struct config *load(const char *path)
{
    struct config_error error;
    struct config *config = config_load(path, environ, &error);
    if (!config)
        fprintf(stderr, "lastword: %s\n", error.text);
    return config;
}

static int write_out(struct buf *out)
{
    size_t written = fwrite(out->data, 1, out->len, stdout);
    bool good = written == out->len && fflush(stdout) == 0;
    buf_free(out);
    return good ? 0 : 1;
}

static int serve(const char *path)
{
    struct config *config = load(path);
    if (!config)
        return 1;
    return config->listen_workers > 1 ? supervisor_run(config, path, environ)
                                      : worker_run(config, path, environ);
}

static int check_config(const char *path)
{
    char error[512];
    struct config *config = load(path);
    if (!config)
        return 1;
    bool redis = strcmp(config->session_store, "redis") == 0, jwt = strcmp(config->auth_mode, "jwt") == 0;
    const char *wrong =
        redis && !session_redis_check(config->session_url, error, sizeof error) ? "session.url" : NULL;
    struct jwks *tokens = jwt && !wrong ? worker_tokens_read(config->jwt_jwks, error, sizeof error) : NULL;
    if (jwt && !wrong && !tokens)
        wrong = "jwt.jwks";
    jwks_free(tokens);
    config_free(config);
    if (wrong)
        fprintf(stderr, "lastword: %s: %s\n", wrong, error);
    else
        puts("ok");
    return wrong ? 1 : 0;
}

static int print_config(const char *path)
{
    struct buf out = {0};
    if (!path) {
        config_print_defaults(&out);
        return write_out(&out);
    }
    struct config *config = load(path);
    if (!config)
        return 1;
    config_print(config, &out);
    config_free(config);
    return write_out(&out);
}

static int migrate(const char *path)
{
    char error[512];
    int from, to;
    struct config *config = load(path);
    if (!config)
        return 1;
    bool postgres = strcmp(config->history_store, "postgres") == 0;
    bool good = postgres ? history_postgres_migrate(config->history_url, &from, &to, error, sizeof error)
                         : history_sqlite_migrate(config->history_path, &from, &to, error, sizeof error);
    if (good) /* a connection string may hold a password */
        printf("%s: schema version %d -> %d\n", postgres ? "postgres" : config->history_path, from, to);
    else
        fprintf(stderr, "lastword: %s\n", error);
    config_free(config);
    return good ? 0 : 1;
}

static int version(const char *path)
{
    (void)path;
    puts("lastword " LASTWORD_VERSION);
    return 0;
}

static int help(const char *path)
{
    (void)path;
    fputs(usage, stdout);
    printf("\n%s", key_command_usage);
    return 0;
}

static const struct command {
    const char *name;
    int (*run)(const char *path);
} commands[] = {
    {"serve", serve},
    {"check-config", check_config},
    {"print-config", print_config},
    {"migrate", migrate},
    {"version", version},
    {"--version", version},
    {"help", help},
    {"--help", help},
    {"-h", help},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is a full disk: an error of a write, not the end */
    if (argc < 2)
        return misused("a command is missing", "");
    if (strcmp(argv[1], "key") == 0)
        return key_command_run(argc - 2, argv + 2, environ);
    const struct command *command = find_command(argv[1]);
    if (!command)
        return misused("unknown command", argv[1]);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            path = argv[++i];
        else if (strncmp(argv[i], "--config=", 9) == 0)
            path = argv[i] + 9;
        else
            return misused(strcmp(argv[i], "--config") == 0 ? "--config needs a file" : "unknown argument",
                           argv[i]);
    }
    return command->run(path);
}
