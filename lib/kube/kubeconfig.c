#include "kube/kubeconfig.h"
#include "base/err.h"
#include "base/fileio.h"

#include <string.h>
#include <yaml.h>

struct walk {
	yaml_document_t *doc;
	const char *path;
	struct err *e;
};

enum { FIELDS = 10 };

static struct buf *
field(struct kubeconfig *k, size_t i)
{
	struct buf *all[FIELDS] = { &k->server, &k->namespace, &k->token, &k->token_file,
		&k->ca_file, &k->cert_file, &k->key_file, &k->ca_pem, &k->cert_pem,
		&k->key_pem };

	return all[i];
}

void
kubeconfig_done(struct kubeconfig *k)
{
	for (size_t i = 0; i < FIELDS; i++)
		buf_done(field(k, i));
}

static struct str
text_of(const yaml_node_t *n)
{
	if (n == NULL || n->type != YAML_SCALAR_NODE)
		return STR("");
	return (struct str){ (const char *)n->data.scalar.value, n->data.scalar.length };
}

/* The value of a key of a mapping; NULL: there is none. */
static yaml_node_t *
member(struct walk *w, yaml_node_t *map, const char *key)
{
	if (map == NULL || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top; p++)
		if (str_eq(text_of(yaml_document_get_node(w->doc, p->key)), str_of(key)))
			return yaml_document_get_node(w->doc, p->value);
	return NULL;
}

/* `what` of the entry of that name in one of the lists. */
static yaml_node_t *
named(struct walk *w, const char *list, struct str name, const char *what)
{
	yaml_node_t *seq = member(w, yaml_document_get_root_node(w->doc), list), *one;

	if (seq == NULL || seq->type != YAML_SEQUENCE_NODE)
		return NULL;
	for (yaml_node_item_t *i = seq->data.sequence.items.start;
	     i < seq->data.sequence.items.top; i++) {
		one = yaml_document_get_node(w->doc, *i);
		if (str_eq(text_of(member(w, one, "name")), name))
			return member(w, one, what);
	}
	return NULL;
}

static int
keep(struct walk *w, struct buf *to, const char *key, struct str s)
{
	if (s.n > KUBECONFIG_VALUE_MAX)
		return err_set(
		    w->e, ST_USAGE, "%.200s: %s: longer than 256 KiB", w->path, key);
	if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
		return err_set(w->e, ST_USAGE, "%.200s: %s: holds a NUL", w->path, key);
	if (s.n > 0)
		buf_addstr(to, s);
	return buf_check(to, key, w->e);
}

static int
take_text(struct walk *w, yaml_node_t *map, const char *key, struct buf *to)
{
	return keep(w, to, key, text_of(member(w, map, key)));
}

/* A file's name, from the directory of the kubeconfig. */
static int
take_file(struct walk *w, yaml_node_t *map, const char *key, struct buf *to)
{
	struct str name = text_of(member(w, map, key));
	const char *slash = strrchr(w->path, '/');

	if (name.n > 0 && name.p[0] != '/' && slash != NULL)
		buf_add(to, w->path, (size_t)(slash + 1 - w->path));
	return keep(w, to, key, name);
}

static int
digit64(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* Base64 of RFC 4648, blanks allowed. */
static int
take_data(struct walk *w, yaml_node_t *map, const char *key, struct buf *to)
{
	struct str s = text_of(member(w, map, key));
	unsigned bits = 0, have = 0;
	int d;

	if (s.n > KUBECONFIG_VALUE_MAX)
		return keep(w, to, key, s);
	for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
		if (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\r')
			continue;
		if ((d = digit64(s.p[i])) < 0)
			return err_set(
			    w->e, ST_USAGE, "%.200s: %s: not base64", w->path, key);
		bits = bits << 6 | (unsigned)d;
		if ((have += 6) >= 8)
			buf_addc(to, (char)(bits >> (have -= 8)));
	}
	return buf_check(to, key, w->e);
}

static int
refuse(struct walk *w, yaml_node_t *map, const char *const keys[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *v = member(w, map, keys[i]);
		struct str s = text_of(v);

		if (v == NULL || str_eq(s, STR("false")) || str_eq(s, STR("null")) ||
		    (v->type == YAML_SCALAR_NODE && s.n == 0))
			continue;
		return err_set(w->e, ST_USAGE,
		    "%.200s: %s: not supported; give --api=URL, --ca and --token-file "
		    "(kubectl create token makes one)",
		    w->path, keys[i]);
	}
	return 0;
}

static int
take_cluster(struct walk *w, yaml_node_t *cluster, struct kubeconfig *k)
{
	static const char *const not_ours[] = { "insecure-skip-tls-verify", "proxy-url",
		"tls-server-name" };

	return refuse(w, cluster, not_ours, sizeof not_ours / sizeof *not_ours) < 0 ||
		       take_text(w, cluster, "server", &k->server) < 0 ||
		       take_file(w, cluster, "certificate-authority", &k->ca_file) < 0 ||
		       take_data(w, cluster, "certificate-authority-data", &k->ca_pem) < 0
		   ? -1
		   : 0;
}

static int
take_user(struct walk *w, yaml_node_t *user, struct kubeconfig *k)
{
	static const char *const not_ours[] = { "exec", "auth-provider", "username",
		"password", "as", "as-uid", "as-groups", "as-user-extra" };

	return refuse(w, user, not_ours, sizeof not_ours / sizeof *not_ours) < 0 ||
		       take_text(w, user, "token", &k->token) < 0 ||
		       take_file(w, user, "tokenFile", &k->token_file) < 0 ||
		       take_file(w, user, "client-certificate", &k->cert_file) < 0 ||
		       take_data(w, user, "client-certificate-data", &k->cert_pem) < 0 ||
		       take_file(w, user, "client-key", &k->key_file) < 0 ||
		       take_data(w, user, "client-key-data", &k->key_pem) < 0
		   ? -1
		   : 0;
}

static int
walk(struct walk *w, struct kubeconfig *k)
{
	yaml_node_t *root = yaml_document_get_root_node(w->doc), *context, *cluster,
		    *user;
	struct str name;

	if (root == NULL || root->type != YAML_MAPPING_NODE)
		return err_set(w->e, ST_USAGE, "%.200s: not a kubeconfig", w->path);
	name = text_of(member(w, root, "current-context"));
	if (name.n == 0)
		return err_set(w->e, ST_USAGE,
		    "%.200s: no current-context; kubectl config use-context sets one",
		    w->path);
	if ((context = named(w, "contexts", name, "context")) == NULL)
		return err_set(w->e, ST_USAGE, "%.200s: no context %.*s", w->path,
		    (int)(name.n < 100 ? name.n : 100), name.p);
	cluster = named(w, "clusters", text_of(member(w, context, "cluster")), "cluster");
	user = named(w, "users", text_of(member(w, context, "user")), "user");
	if (cluster == NULL)
		return err_set(w->e, ST_USAGE,
		    "%.200s: the current context's cluster is not there", w->path);
	if (take_text(w, context, "namespace", &k->namespace) < 0 ||
	    take_cluster(w, cluster, k) < 0 || take_user(w, user, k) < 0)
		return -1;
	if (k->server.n == 0)
		return err_set(w->e, ST_USAGE,
		    "%.200s: the current context's cluster has no server", w->path);
	return 0;
}

/* libyaml zeroes nothing: neither the texts nor its windows on the file. */
static void
forget(yaml_parser_t *parser, yaml_document_t *doc)
{
	for (yaml_node_t *n = doc->nodes.start; n < doc->nodes.top; n++)
		if (n->type == YAML_SCALAR_NODE)
			explicit_bzero(n->data.scalar.value, n->data.scalar.length);
	explicit_bzero(
	    parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
	explicit_bzero(parser->raw_buffer.start,
	    (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
	yaml_document_delete(doc);
	yaml_parser_delete(parser);
}

int
kubeconfig_parse(struct str text, const char *path, struct kubeconfig *k, struct err *e)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	struct walk w = { &doc, path, e };
	int r;

	for (size_t i = 0; i < FIELDS; i++)
		buf_init_secret(field(k, i), KUBECONFIG_MAX);
	if (!yaml_parser_initialize(&parser))
		return err_set(e, ST_FAIL, "%.200s: out of memory", path);
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)(text.n > 0 ? text.p : ""), text.n);
	if (!yaml_parser_load(&parser, &doc)) {
		err_set(e, ST_USAGE, "%.200s:%zu: not YAML: %.100s", path,
		    parser.problem_mark.line + 1,
		    parser.problem != NULL ? parser.problem : "out of memory");
		yaml_parser_delete(&parser);
		return -1;
	}
	if ((r = walk(&w, k)) < 0) {
		e->status = ST_USAGE;
		kubeconfig_done(k);
	}
	forget(&parser, &doc);
	return r;
}

int
kubeconfig_read(const char *path, struct kubeconfig *k, struct err *e)
{
	struct buf b;
	int r;

	buf_init_secret(&b, KUBECONFIG_MAX);
	if ((r = file_read(path, &b, e)) == 0)
		err_set(e, ST_USAGE, "%.300s: no such kubeconfig", path);
	else if (r > 0)
		r = kubeconfig_parse((struct str){ b.p, b.n }, path, k, e) < 0 ? -1 : 1;
	else if (e->status == ST_FAIL)
		e->status = ST_USAGE;
	buf_done(&b);
	return r > 0 ? 0 : -1;
}
