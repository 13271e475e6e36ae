/* conf_read.h - what the readers of the two forms of a configuration file share; see
 * conf.h for what they make of it. */
#ifndef CONF_READ_H
#define CONF_READ_H
#include "base/str.h"
#include "parse/conf.h"

#include <sys/types.h>

enum { CONF_VARS_MAX = 4096 };

struct conf_memory {
	char **text; /* all that is pointed to, to be freed */
	size_t texts;
	struct conf_var {
		const char *name, *value;
	} * var;
	size_t vars;
	unsigned files; /* of this conf_read */
};

/* A file that is being read, and the one that includes it. */
struct conf_place {
	struct conf *conf;
	const struct conf_place *by;
	const char *file;
	dev_t dev;
	ino_t ino;
};

int conf_classic(struct conf_place *at, struct str text, struct err *e);
int conf_yaml(struct conf_place *at, struct str text, struct err *e);

/* A copy that lives as long as the configuration; NULL (ST_FAIL). */
char *conf_keep(struct conf *c, const char *p, size_t n, struct err *e);

/* Begin a section, put an entry into the last one, set a variable, read another file. */
int conf_section(struct conf_place *at, unsigned line, const char *name, struct err *e);
int conf_entry(struct conf_place *at, unsigned line, struct str key, struct str value,
    struct err *e);
int conf_set(const struct conf_place *at, unsigned line, struct str name,
    struct str value, struct err *e);
int conf_include(
    const struct conf_place *at, unsigned line, const char *pattern, struct err *e);

/* A value with its ${NAME} replaced, kept; NULL: `e` is filled. */
char *conf_value(
    const struct conf_place *at, unsigned line, struct str raw, struct err *e);

int conf_error(const struct conf_place *at, unsigned line, struct err *e, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
#endif
