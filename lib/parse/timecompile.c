#include "base/err.h"
#include "parse/timesteps.h"

#include <stdio.h>

static const struct conversion {
	char c;
	uint8_t op, most;
	unsigned has;
	const char *stands_for; /* other conversions */
} conversions[] = {
	{ 'Y', OP_YEAR, 4, HAS_YEAR, NULL },
	{ 'y', OP_YEAR2, 2, HAS_YEAR2, NULL },
	{ 'C', OP_CENTURY, 2, HAS_CENTURY, NULL },
	{ 'm', OP_MONTH, 2, HAS_MONTH, NULL },
	{ 'b', OP_MONTH_NAME, 0, HAS_MONTH, NULL },
	{ 'B', OP_MONTH_NAME, 0, HAS_MONTH, NULL },
	{ 'h', OP_MONTH_NAME, 0, HAS_MONTH, NULL },
	{ 'd', OP_DAY, 2, HAS_DAY, NULL },
	{ 'e', OP_DAY, 2, HAS_DAY, NULL },
	{ 'j', OP_YEARDAY, 3, HAS_YEARDAY, NULL },
	{ 'H', OP_HOUR, 2, HAS_HOUR, NULL },
	{ 'k', OP_HOUR, 2, HAS_HOUR, NULL },
	{ 'I', OP_HOUR12, 2, HAS_HOUR, NULL },
	{ 'l', OP_HOUR12, 2, HAS_HOUR, NULL },
	{ 'M', OP_MINUTE, 2, HAS_MINUTE, NULL },
	{ 'S', OP_SECOND, 2, 0, NULL },
	{ 'p', OP_AMPM, 0, 0, NULL },
	{ 's', OP_EPOCH, 0, HAS_EPOCH, NULL },
	{ 'z', OP_ZONE, 0, HAS_OFFSET, NULL },
	{ 'Z', OP_ZONE_NAME, 0, HAS_OFFSET, NULL },
	{ 'a', OP_WEEKDAY, 0, 0, NULL },
	{ 'A', OP_WEEKDAY, 0, 0, NULL },
	{ 'u', OP_IGNORED, 1, 0, NULL },
	{ 'w', OP_IGNORED, 1, 0, NULL },
	{ 'U', OP_IGNORED, 2, 0, NULL },
	{ 'W', OP_IGNORED, 2, 0, NULL },
	{ 'n', OP_BLANKS, 0, 0, NULL },
	{ 't', OP_BLANKS, 0, 0, NULL },
	{ 'F', 0, 0, 0, "%Y-%m-%d" },
	{ 'D', 0, 0, 0, "%m/%d/%y" },
	{ 'x', 0, 0, 0, "%m/%d/%y" },
	{ 'T', 0, 0, 0, "%H:%M:%S" },
	{ 'X', 0, 0, 0, "%H:%M:%S" },
	{ 'R', 0, 0, 0, "%H:%M" },
	{ 'r', 0, 0, 0, "%I:%M:%S %p" },
	{ 'c', 0, 0, 0, "%a %b %e %H:%M:%S %Y" },
};
#define CONVERSIONS                                                                      \
	"%Y %y %C %m %b %B %h %d %e %j %H %k %I %l %M %S %L %f %N %p %z %Z %s "          \
	"%a %A %u %w %U %W %F %D %T %R %r %c %x %X %n %t %%"

struct compiler {
	struct timesteps *t;
	struct str format;
	struct err *e;
	size_t at; /* in the format, for messages */
};

static int
wrong(const struct compiler *c, const char *what)
{
	return err_set(c->e, ST_USAGE, "time format %.*s: byte %zu: %s", (int)c->format.n,
	    c->format.p, c->at + 1, what);
}

static int
push(struct compiler *c, enum timestep_op op, uint8_t with)
{
	struct timesteps *t = c->t;

	if (op == OP_BLANKS && t->n > 0 && t->step[t->n - 1].op == OP_BLANKS)
		return 0;
	if (t->n == TIMEFORMAT_STEPS_MAX)
		return wrong(c, "longer than a time format may be");
	if (op == OP_SECOND && t->seconds == 0 && !(t->has & HAS_OFFSET))
		t->seconds = t->n;
	t->step[t->n++] = (struct step){ (uint8_t)op, with };
	return 0;
}

static int
push_char(struct compiler *c, char with)
{
	return timesteps_blank(with) ? push(c, OP_BLANKS, 0)
				     : push(c, OP_CHAR, (uint8_t)with);
}

/* %L: the character before it is its separator if the seconds are before that. */
static int
push_fraction(struct compiler *c)
{
	struct timesteps *t = c->t;
	struct step *last = t->step + t->n - 1;
	size_t n = t->n;

	if (n > 0 && (last->op == OP_SECOND || last->op == OP_EPOCH))
		return push(c, OP_FRACTION, 0);
	if (n > 1 && (last->op == OP_CHAR || last->op == OP_BLANKS) &&
	    (last[-1].op == OP_SECOND || last[-1].op == OP_EPOCH)) {
		*last = (struct step){ OP_FRACTION,
			last->op == OP_CHAR ? last->c : (uint8_t)' ' };
		return 0;
	}
	return wrong(c,
	    "the fraction must stand behind %S, %T or %s, with or without one "
	    "character between them");
}

static int
push_conversion(struct compiler *c, char name)
{
	char why[400];

	if (name == '%')
		return push_char(c, '%');
	if (name == 'L' || name == 'f' || name == 'N')
		return push_fraction(c);
	for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
		const struct conversion *v = conversions + i;

		if (v->c != name)
			continue;
		if (v->stands_for == NULL) {
			c->t->has |= v->has;
			return push(c, (enum timestep_op)v->op, v->most);
		}
		for (const char *p = v->stands_for; *p != '\0'; p++)
			if (*p == '%' ? push_conversion(c, *++p) < 0
				      : push_char(c, *p) < 0)
				return -1;
		return 0;
	}
	snprintf(why, sizeof why, "there is no conversion %%%c; there are %s",
	    name >= ' ' && name <= '~' ? name : '?', CONVERSIONS);
	return wrong(c, why);
}

static bool
reads_digit(const struct step *s)
{
	switch ((enum timestep_op)s->op) {
	case OP_CHAR:
		return s->c >= '0' && s->c <= '9';
	case OP_BLANKS: /* it may be none */
	case OP_YEAR:
	case OP_YEAR2:
	case OP_CENTURY:
	case OP_MONTH:
	case OP_DAY:
	case OP_YEARDAY:
	case OP_HOUR:
	case OP_HOUR12:
	case OP_MINUTE:
	case OP_SECOND:
	case OP_EPOCH:
	case OP_IGNORED:
		return true;
	default:
		return false;
	}
}

/* "...Z", "...UTC", "...GMT" behind the time of day says what zone it is. */
static int
literal_zone(struct compiler *c)
{
	static const char *const names[] = { "Z", "UTC", "GMT" };
	struct timesteps *t = c->t;

	if (t->has & (HAS_OFFSET | HAS_EPOCH) || !(t->has & HAS_HOUR))
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t n = strlen(names[i]), k = 0;
		struct step *at = t->step + t->n - n;

		while (t->n > n && k < n && at[k].op == OP_CHAR &&
		       at[k].c == (uint8_t)names[i][k])
			k++;
		if (k == n && at[-1].op != OP_CHAR)
			return push(c, OP_UTC, 0);
	}
	return 0;
}

static int
sensible(struct compiler *c)
{
	struct timesteps *t = c->t;
	unsigned has = t->has;

	c->at = 0;
	if (has & HAS_EPOCH)
		return 0;
	if (!(has & (HAS_YEAR | HAS_YEAR2 | HAS_DATE | HAS_HOUR)))
		return wrong(c, "neither a date nor an hour in it");
	if ((has & HAS_CENTURY) && !(has & HAS_YEAR2))
		return wrong(c, "%C needs %y");
	if ((has & HAS_DAY) && !(has & HAS_MONTH))
		return wrong(c, "a day, but no month");
	return 0;
}

int
timesteps_compile(struct timesteps *t, struct str format, bool exact, struct err *e)
{
	struct compiler c = { t, format, e, 0 };

	*t = (struct timesteps){ .exact = exact };
	if (format.n > TIMEFORMAT_MAX)
		return err_set(
		    e, ST_USAGE, "a time format of more than %d bytes", TIMEFORMAT_MAX);
	for (size_t i = 0; i < format.n; i++) {
		char k = format.p[i];

		c.at = i;
		if (k == '\1') { /* only in formats of our own */
			if (push(&c, OP_SEVERITY, 0) < 0)
				return -1;
			continue;
		}
		if (k != '%') {
			if (push_char(&c, k) < 0)
				return -1;
			continue;
		}
		if (i + 2 < format.n && memchr("-_0", format.p[i + 1], 3) != NULL)
			i++;
		if (++i == format.n)
			return wrong(&c, "a % at the end");
		if (push_conversion(&c, format.p[i]) < 0)
			return -1;
	}
	if (sensible(&c) < 0 || literal_zone(&c) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++) /* a year that ends by itself may be too long */
		if (t->step[i].op == OP_YEAR && i + 1 < t->n && !exact &&
		    !reads_digit(&t->step[i + 1]))
			t->step[i].c = 9;
	return 0;
}
