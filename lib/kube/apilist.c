/* Lists of an API server; see apiserver.h. */
#include "base/err.h"
#include "kube/apiserver.h"
#include "kube/objects.h"
#include "record/jscan.h"

#include <string.h>

/* What a list is doing. */
struct page {
	struct apiserver_list *l;
	struct objects o;
	struct buf next; /* the continue token; n = 0: the last page */
	bool whole;
};

static int
on_item(void *user, struct str object, struct err *e)
{
	struct page *p = user;

	p->l->items++;
	return p->l->item(p->l->user, object, e);
}

/* The text of a string member of `metadata` into `b`. */
static int
metadata_text(struct str list, const char *name, struct buf *b, struct err *e)
{
	struct jscan_member meta, m;
	ptrdiff_t n;
	char *to;

	buf_clear(b);
	if (!jscan_find(list, STR("metadata"), &meta) || *meta.value.p != '{' ||
	    !jscan_find(meta.value, str_of(name), &m) || m.value.n < 2 ||
	    *m.value.p != '"')
		return 0;
	if ((to = buf_room(b, m.value.n)) != NULL &&
	    (n = jscan_unescape((struct str){ m.value.p + 1, m.value.n - 2 }, to)) >= 0) {
		b->n = (size_t)n;
		b->p[b->n] = '\0';
	}
	return buf_check(b, name, e);
}

static int
on_list(void *user, struct str object, bool list, struct err *e)
{
	struct page *p = user;
	struct jscan_member kind;
	struct buf version;
	int r;

	/* an empty list may say "items":null */
	if (!list && (!jscan_find(object, STR("kind"), &kind) || kind.value.n < 6 ||
			 memcmp(kind.value.p + kind.value.n - 5, "List\"", 5) != 0))
		return err_set(e, ST_FAIL, "not a list of Kubernetes objects");
	p->whole = true;
	buf_init(&version, sizeof p->l->version - 1);
	if ((r = metadata_text(object, "resourceVersion", &version, e)) == 0)
		memcpy(p->l->version, version.n > 0 ? version.p : "", version.n + 1);
	buf_done(&version);
	return r < 0 ? r : metadata_text(object, "continue", &p->next, e);
}

static int
on_bytes(void *user, const char *p, size_t n, struct err *e)
{
	return objects_feed(&((struct page *)user)->o, p, n, e);
}

static int
one_page(struct apiserver *a, struct page *p, struct apiserver_answer *an, struct err *e)
{
	struct apiserver_request rq = { .method = "GET",
		.consume = on_bytes,
		.user = p,
		.until_ns = p->l->until_ns };
	struct buf path;
	struct err inner;
	int r;

	buf_init(&path, 12 << 10);
	buf_printf(&path, "%s%climit=%d", p->l->path, strchr(p->l->path, '?') ? '&' : '?',
	    APISERVER_PAGE);
	if (p->next.n > 0) {
		buf_adds(&path, "&continue=");
		apiserver_encode(&path, (struct str){ p->next.p, p->next.n });
	} else {
		buf_adds(&path, "&resourceVersion=0");
	}
	if (buf_check(&path, "the continue token", e) < 0) {
		buf_done(&path);
		return -1;
	}
	objects_init(&p->o);
	p->o.item = on_item;
	p->o.whole = on_list;
	p->o.user = p;
	p->whole = false;
	rq.path = path.p;
	r = apiserver_ask(a, &rq, an, &inner);
	if (r == 0 && (r = objects_end(&p->o, &inner)) == 0 && !p->whole)
		r = err_set(&inner, ST_FAIL, "an empty answer, not a list");
	if (r == 0 && p->o.too_large > 0)
		r = err_set(&inner, ST_FAIL, "%llu objects over 4 MiB, left out",
		    (unsigned long long)p->o.too_large);
	/* what came with status 200 and is no list has not named the server */
	if (r < 0 && an->status / 100 == 2 && inner.status == ST_FAIL)
		err_set(
		    e, inner.status, "%.200s: %.*s", apiserver_name(a), 300, inner.text);
	else if (r < 0)
		*e = inner;
	objects_done(&p->o);
	buf_done(&path);
	return r;
}

int
apiserver_list(struct apiserver *a, struct apiserver_list *l, struct apiserver_answer *an,
    struct err *e)
{
	struct page p = { .l = l };
	unsigned lists = 1;
	int r;

	buf_init(&p.next, 8 << 10);
	l->items = l->pages = 0;
	l->version[0] = '\0';
	do {
		bool first = p.next.n == 0, again;

		if ((r = one_page(a, &p, an, e)) == 0) {
			if (++l->pages < APISERVER_PAGES_MAX || p.next.n == 0)
				continue;
			r = err_set(e, ST_FAIL, "%.200s: a list of more than %d pages",
			    apiserver_name(a), APISERVER_PAGES_MAX);
			break;
		}
		again = (an->status == 410 && !first) ||
			(e->status == ST_LATER && an->consumed > 0);
		if (!again || lists++ == APISERVER_LISTS_MAX ||
		    apiserver_late(l->until_ns))
			break;
		buf_clear(&p.next);
		l->items = 0;
		if (l->again != NULL)
			l->again(l->user);
	} while (r < 0 || p.next.n > 0);
	buf_done(&p.next);
	return r;
}

void
apiserver_encode(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char code[3] = { '%', hex[c >> 4], hex[c & 15] };

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c) != NULL))
			buf_addc(b, (char)c);
		else
			buf_add(b, code, 3);
	}
}
