/* A ledger is read line by line: of a large one the text is never in memory as a whole. */
#include "base/buf.h"
#include "base/err.h"
#include "base/fileio.h"
#include "base/hash.h"
#include "ledger/format.h"
#include "ledger/ledger.h"
#include "record/jscan.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { CHUNK = 1 << 16 };

struct lines {
	int fd;          /* -1: `rest` */
	struct str rest; /* a text that is in memory */
	struct buf b;    /* b.p[0] is free: each line has a byte before it */
	size_t at;       /* where the next line begins */
	size_t looked;   /* no LF from there up to here */
	size_t size;     /* bytes read so far */
	struct sha256 *sum;
	bool eof;
	bool tails; /* of a line that goes on its two last bytes will do */
	bool cut;   /* it was so with this one */
};

static int
too_large(const char *name, struct err *e)
{
	return err_set(e, ST_FAIL, "%s: larger than %d bytes", name, LEDGER_MAX);
}

static ssize_t
take(struct lines *in, char *to, size_t n)
{
	if (in->fd >= 0)
		return read_full(in->fd, to, n);
	if (n > in->rest.n)
		n = in->rest.n;
	memcpy(to, in->rest.p, n);
	in->rest.p += n;
	in->rest.n -= n;
	return (ssize_t)n;
}

/* One chunk more. */
static int
fill(struct lines *in, const char *name, struct err *e)
{
	struct buf *b = &in->b;
	size_t gone = in->at - 1, head;
	ssize_t n;
	char *to;

	if (gone > 0) {
		memmove(b->p + 1, b->p + in->at, b->n - in->at);
		b->n -= gone;
		in->at = 1;
		in->looked -= gone;
	}
	if ((to = buf_room(b, CHUNK)) == NULL)
		return buf_check(b, name, e);
	if ((n = take(in, to, CHUNK)) < 0)
		return err_sys(e, name);
	/* all after the first line counts */
	head = in->size < LEDGER_HEAD ? LEDGER_HEAD - in->size : 0;
	if ((size_t)n > head)
		sha256_add(in->sum, to + head, (size_t)n - head);
	b->n += (size_t)n;
	in->size += (size_t)n;
	in->eof = n < CHUNK;
	if (in->size > LEDGER_MAX)
		return too_large(name, e);
	return 0;
}

/* 1: a line of `n` bytes, without its LF, which is the caller's until the next; 0: there is
 * none; -1. */
static int
next(struct lines *in, char **line, size_t *n, const char *name, struct err *e)
{
	struct buf *b = &in->b;
	char *lf;

	in->cut = false;
	while ((lf = memchr(b->p + in->looked, '\n', b->n - in->looked)) == NULL) {
		in->looked = b->n;
		if (in->eof && in->at == b->n)
			return 0;
		if (in->eof) {
			lf = b->p + b->n;
			break;
		}
		if (in->tails && b->n - in->at > 2) {
			in->at = b->n - 2;
			in->cut = true;
		}
		if (fill(in, name, e) < 0)
			return -1;
	}
	*line = b->p + in->at;
	*n = (size_t)(lf - *line);
	in->at += *n + (lf < b->p + b->n);
	in->looked = in->at;
	return 1;
}

/* What the next line may be. */
enum where {
	MEMBERS,
	ITEM_OR_END, /* of an array that has just begun */
	ITEM,        /* after a comma */
	END,         /* after none */
	OVER,
	WRONG,
};

struct parse {
	struct ledger *l; /* NULL: only look */
	enum where at;
	bool files;   /* in that array, else in the batches */
	bool batches; /* are wanted */
};

/* `"gen":1,"forgot":0,`: members, and a comma or the end of the object.  The byte before them
 * is free. */
static enum where
take_members(struct ledger *l, char *p, size_t n, struct err *e)
{
	bool more = p[n - 1] == ',';
	struct str object = { p - 1, n + 1 };

	p[-1] = '{';
	if (more)
		p[n - 1] = '}';
	if (!jscan_valid(object, NULL))
		return err_set(e, ST_FAIL, "not JSON"), WRONG;
	if (ledger_take_members(l, object, e) < 0)
		return WRONG;
	return more ? MEMBERS : OVER;
}

static enum where
take_item(const struct parse *x, struct str line, struct err *e)
{
	bool more = str_ends(line, STR(","));

	if (!x->files && !x->batches)
		return more ? ITEM : END;
	line.n -= more;
	if (line.n == 0 || *line.p != '{' || !jscan_valid(line, NULL))
		return err_set(e, ST_FAIL, "not JSON"), WRONG;
	if ((x->files ? ledger_take_entry : ledger_take_batch)(x->l, line, e) < 0)
		return WRONG;
	return more ? ITEM : END;
}

static enum where
take_line(struct parse *x, char *p, size_t n, bool cut, struct err *e)
{
	struct str line = { p, n };

	if (x->at == MEMBERS) {
		x->files = str_eq(line, STR("\"files\":["));
		if (x->files || str_eq(line, STR("\"batches\":[")))
			return ITEM_OR_END;
		if (n > 0)
			return take_members(x->l, p, n, e);
	}
	if (!cut && (x->at == ITEM_OR_END || x->at == END)) {
		if (str_eq(line, STR("],")))
			return MEMBERS;
		if (str_eq(line, STR("]}")))
			return OVER;
	}
	if (x->at == ITEM_OR_END || x->at == ITEM)
		return take_item(x, line, e);
	return err_set(e, ST_FAIL, "not JSON"), WRONG;
}

/* `said` is the checksum in the first line.  To the end in any case: whether the bytes are the
 * right ones comes first. */
static int
read_body(
    struct parse *x, struct lines *in, const char *said, const char *name, struct err *e)
{
	struct err why;
	uint8_t digest[32];
	char hex[65], *p;
	size_t n;
	int r;

	while ((r = next(in, &p, &n, name, e)) > 0) {
		if (x->at != WRONG)
			x->at = take_line(x, p, n, in->cut, &why);
		in->tails =
		    !x->batches && !x->files && (x->at == ITEM_OR_END || x->at == ITEM);
	}
	if (r < 0)
		return -1;
	sha256_end(in->sum, digest);
	hex_of(digest, sizeof digest, hex);
	if (memcmp(said, hex, 64) != 0)
		return err_set(
		    e, ST_FAIL, "%.200s: damaged: its checksum does not match", name);
	if (x->at != OVER)
		return err_set(e, ST_FAIL, "%.200s: %.200s", name,
		    x->at == WRONG ? why.text : "not JSON");
	return 0;
}

static int
read_all(
    struct ledger *l, struct lines *in, bool batches, const char *name, struct err *e)
{
	struct parse x = { .l = l, .at = MEMBERS, .batches = batches };
	char head[LEDGER_HEAD];
	struct str text;
	struct err why;

	if (fill(in, name, e) < 0)
		return -1;
	text = (struct str){ in->b.p + 1, in->b.n - 1 };
	if (ledger_check_head(text, &why) < 0)
		return err_set(e, ST_FAIL, "%.200s: %.200s", name, why.text);
	memcpy(head, text.p, sizeof head);
	in->at = in->looked = 1 + LEDGER_HEAD;
	if (l != NULL)
		memcpy(l->head, head, sizeof l->head);
	return read_body(&x, in, head + LEDGER_HEAD - 67, name, e);
}

static int
read_from(
    struct lines *in, struct ledger *l, bool batches, const char *name, struct err *e)
{
	int r;

	buf_init(&in->b, 2 * (size_t)LEDGER_MAX);
	buf_addc(&in->b, '\n');
	in->at = in->looked = 1;
	in->sum = sha256_new();
	r = in->sum == NULL || in->b.failed
		? err_set(e, ST_FAIL, "%.200s: out of memory", name)
		: read_all(l, in, batches, name, e);
	sha256_free(in->sum);
	buf_done(&in->b);
	return r;
}

static struct ledger *
make(struct lines *in, bool batches, const char *name, struct err *e)
{
	struct ledger *l = calloc(1, sizeof *l);

	if (l == NULL) {
		err_set(e, ST_FAIL, "%.200s: out of memory", name);
		return NULL;
	}
	if (read_from(in, l, batches, name, e) == 0)
		return l;
	ledger_free(l);
	return NULL;
}

struct ledger *
ledger_parse(struct str text, const char *name, struct err *e)
{
	struct lines in = { .fd = -1, .rest = text };

	return make(&in, true, name, e);
}

struct ledger *
ledger_read(int fd, bool batches, const char *name, struct err *e)
{
	struct lines in = { .fd = fd };
	struct stat st;

	/* no memory for what will not be taken */
	if (fstat(fd, &st) == 0 && st.st_size > LEDGER_MAX) {
		too_large(name, e);
		return NULL;
	}
	return make(&in, batches, name, e);
}

int
ledger_check(struct str text, const char *name, struct err *e)
{
	struct lines in = { .fd = -1, .rest = text };

	return read_from(&in, NULL, true, name, e);
}
