/* key_command: `lastword key create|list|revoke`: the operator's hand on the API keys of the history store.
 * It refuses to print a key twice, or to write one anywhere but to standard output. */
#ifndef LASTWORD_KEY_COMMAND_H
#define LASTWORD_KEY_COMMAND_H

extern const char key_command_usage[];

/* What follows "key" on the command line. The exit code: 0, 1 (said why), 2 (misused). */
int key_command_run(int argc, char **argv, char *const *env);

#endif
