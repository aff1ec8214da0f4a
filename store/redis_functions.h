/* redis_functions: the library of Redis Functions (functions.lua, functions_outbox.lua), embedded at build.
 */
#ifndef LASTWORD_STORE_REDIS_FUNCTIONS_H
#define LASTWORD_STORE_REDIS_FUNCTIONS_H

extern const char redis_functions_version[]; /* 8 hexadecimal digits; its functions are lw_<version>_<name> */
extern const char redis_functions[];         /* the source, for FUNCTION LOAD */

#endif
