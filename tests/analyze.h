/* Included before each file by `make analyze`: what gcc -fanalyzer cannot see from outside of
 * lib/base/err.c, that these always return -1. */
#include "base/err.h"
#define err_set(...) (err_set(__VA_ARGS__), -1)
#define err_sys(...) (err_sys(__VA_ARGS__), -1)
