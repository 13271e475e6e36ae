/* member.h - members of a Kubernetes object by name, read from its text.
 *
 * No tree is built: of objects that others write, and of some MiB if they like, that would take
 * fifty times their bytes.  Of members of one name the first counts.
 */
#ifndef MEMBER_H
#define MEMBER_H
#include "base/str.h"
#include <stddef.h>

enum { MEMBER_TEXT_MAX = 256 };

/* A member as it stands; n = 0: it is not there, or `object` is no object. */
struct str member_of(struct str object, const char *name);

/* A member that is a string, unescaped and NUL-terminated, into `to` of `size` bytes, at most
 * MEMBER_TEXT_MAX.  Its length; -1 (`to` is ""): there is none, or it does not fit or holds a
 * NUL. */
int member_text(struct str object, const char *name, char *to, size_t size);

#endif
