/* nodetree - make a Kubernetes node's log tree and tell what is in it; see README.md.
 *
 * The work is cut by container.  Each has random numbers of its own, taken from the seed
 * and its place, so the bytes do not depend on how many threads share the work.  What
 * containers say and how a line of it looks is in messages.c; here is who they are, when
 * they speak, how the kubelet or Docker rotates the files, and the counting.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "messages.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SECOND 1000000000

enum {
	BUFFER = 1 << 20,
	ZBUFFER = 1 << 18,
	GZ_EXTRA = 12,          /* where the extra field of a gzip header begins */
	NOTE = 64,              /* its length, see writer_note() */
	ODD_MAX_B = 256 * 1024, /* no odd container is larger */
	THREADS = 8,
	GROUP_MAX = 2 * TRACE_MAX, /* messages of one speak() */
};

enum format { CRI, DOCKER, MIXED };
enum stream { OUT, ERR };

/* ---- the command line ---- */

static struct {
	uint64_t seed, pods, containers, hours, bytes, format, rotated, gz, start_s;
	uint64_t mix[KINDS], stderr_ppm, split_ppm, odd, flat, append;
} opt = {
	.seed = 1,
	.pods = 8,
	.containers = 1,
	.hours = 3,
	.bytes = 1 << 20,
	.format = MIXED,
	.rotated = 3,
	.gz = 1,
	.start_s = 1795341600,
	.mix = { 60, 20, 15, 5 },
	.stderr_ppm = 100000,
	.split_ppm = 500,
};
static char *root; /* DIR, absolute */

static _Noreturn void
die(int status, const char *subject, const char *reason)
{
	fprintf(stderr, "nodetree: %s: %s\n", subject, reason);
	exit(status);
}

static _Noreturn void
die_sys(const char *path)
{
	die(1, path, strerror(errno));
}

static bool
read_number(const char *s, uint64_t *to)
{
	char *end;

	errno = 0;
	*to = strtoull(s, &end, 10);
	return *s >= '0' && *s <= '9' && *end == '\0' && errno == 0;
}

static bool
read_size(const char *s, uint64_t *to)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	errno = 0;
	*to = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || errno != 0 || *to >> 40 != 0)
		return false;
	if (*end != '\0' && (unit = strchr(units, *end)) != NULL) {
		*to <<= 10 * (unit - units + 1);
		end++;
	}
	return *end == '\0';
}

static bool
read_percent(const char *s, uint64_t *to)
{
	char *end;
	double d = strtod(s, &end);

	if (end == s || *end != '\0' || !(d >= 0 && d <= 100))
		return false;
	*to = (uint64_t)(d * 10000 + 0.5); /* parts of a million */
	return true;
}

static bool
read_time(const char *s, uint64_t *to)
{
	struct tm tm = { 0 };
	const char *end = strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm);

	*to = (uint64_t)timegm(&tm);
	return end != NULL && *end == '\0';
}

/* Which of a list that NULL ends is the first word of `s`; -1 if none. */
static int
find_word(const char *const *list, const char *s)
{
	size_t len = strcspn(s, ":");

	for (int i = 0; list[i] != NULL; i++)
		if (strlen(list[i]) == len && memcmp(list[i], s, len) == 0)
			return i;
	return -1;
}

/* KIND:N,...; kinds that are not named get no share. */
static bool
read_mix(const char *s, uint64_t *to)
{
	static const char *const kinds[] = { "json", "nginx", "plain", "trace", NULL };
	uint64_t sum = 0;
	int kind, used;
	unsigned n;

	memset(to, 0, KINDS * sizeof *to);
	for (;; s += used + 1) {
		if ((kind = find_word(kinds, s)) < 0)
			return false;
		if (sscanf(s, "%*[a-z]:%6u%n", &n, &used) != 1)
			return false;
		sum += to[kind] = n;
		if (s[used] != ',')
			return s[used] == '\0' && sum > 0;
	}
}

static bool
read_format(const char *s, uint64_t *to)
{
	static const char *const words[] = { "cri", "docker", "mixed", NULL };

	*to = (uint64_t)find_word(words, s);
	return true; /* -1 is above the row's greatest value */
}

static bool
read_gz(const char *s, uint64_t *to)
{
	static const char *const words[] = { "no", "yes", NULL };

	*to = (uint64_t)find_word(words, s);
	return true;
}

static const struct row {
	const char *name, *arg, *help;
	bool (*read)(const char *s, uint64_t *to); /* NULL: a flag */
	uint64_t *to, min, max;
} rows[] = {
	{ "seed", "N", "same seed and options, same bytes (1)", read_number, &opt.seed, 0,
	    UINT64_MAX },
	{ "pods", "N", "how many pods (8)", read_number, &opt.pods, 1, 100000 },
	{ "containers", "N", "containers in each pod (1)", read_number, &opt.containers,
	    1, 100 },
	{ "hours", "H", "hours over which the lines spread (3)", read_number, &opt.hours,
	    1, 10000 },
	{ "bytes", "SIZE", "about so much in all, uncompressed: 200K, 64M, 1G (1M)",
	    read_size, &opt.bytes, 1, UINT64_C(1) << 50 },
	{ "format", "NAME", "cri, docker, or mixed: pods in turn (mixed)", read_format,
	    &opt.format, CRI, MIXED },
	{ "rotated", "N", "rotated files of each container (3)", read_number,
	    &opt.rotated, 0, 1000 },
	{ "gz", "yes|no", "compress all rotated files but the newest (yes)", read_gz,
	    &opt.gz, 0, 1 },
	{ "start", "TIME", "when the lines begin (2026-11-22T10:00:00Z)", read_time,
	    &opt.start_s, 0, UINT32_MAX },
	{ "mix", "KIND:N,...", "shares (json:60,nginx:20,plain:15,trace:5)", read_mix,
	    opt.mix, 0, UINT64_MAX },
	{ "stderr", "PERCENT", "share of stderr (10)", read_percent, &opt.stderr_ppm, 0,
	    1000000 },
	{ "split", "PERCENT", "share of messages of 16 KiB and more (0.05)", read_percent,
	    &opt.split_ppm, 0, 1000000 },
	{ "odd", NULL, "also awkward messages, and pods with awkward files", NULL,
	    &opt.odd, 0, 1 },
	{ "flat", NULL, "no rotated files, as --rotated=0", NULL, &opt.flat, 0, 1 },
	{ "append", "N", "add N messages to each live file that these options made",
	    read_number, &opt.append, 1, 100000000 },
};

static _Noreturn void
help(void)
{
	char left[40];
	const char *arg;

	puts("usage: nodetree [OPTION]... DIR\n\n"
	     "Make a Kubernetes node's log tree under DIR and print what each file "
	     "holds.\n");
	for (const struct row *r = rows; r < rows + COUNT(rows); r++) {
		arg = r->arg != NULL ? r->arg : "";
		snprintf(left, sizeof left, "%s%s%s", r->name, *arg ? "=" : "", arg);
		printf("  --%-18s %s\n", left, r->help);
	}
	puts("  --help               show this text");
	exit(0);
}

static void
take_option(const struct row *r, const char *value)
{
	char name[24];
	bool good = true;

	snprintf(name, sizeof name, "--%s", r->name);
	if (r->read == NULL)
		*r->to = 1;
	else
		good = r->read(value, r->to);
	if (!good || *r->to < r->min || *r->to > r->max)
		die(2, name, "bad value; try --help");
}

static const char *
take_options(int argc, char *argv[])
{
	struct option lo[COUNT(rows) + 2] = { 0 };
	int i;

	for (size_t n = 0; n < COUNT(rows); n++)
		lo[n] = (struct option){ rows[n].name, rows[n].read != NULL, NULL, 0 };
	lo[COUNT(rows)] = (struct option){ "help", 0, NULL, 'h' };
	opterr = 0;
	for (int c; (c = getopt_long(argc, argv, ":h", lo, &i)) != -1;) {
		if (c == 'h')
			help();
		if (c == ':')
			die(2, argv[optind - 1], "needs a value; try --help");
		if (c == '?')
			die(2, argv[optind - 1], "bad option; try --help");
		take_option(&rows[i], optarg);
	}
	if (opt.flat)
		opt.rotated = 0;
	if (argc - optind != 1)
		die(2, "DIR", "give one directory; try --help");
	return argv[optind];
}

/* ---- who is on the node ---- */

/* How the live file of a container ends. */
enum ending { WHOLE, EMPTY, JUST_ROTATED, NO_LF, OPEN_PART };

/* What is counted, by the names it has in the report. */
enum { FILES, LINES, RECORDS, STDOUT, STDERR, HELD, BYTES, SEQS, TRACES, COUNTS };
static const char *const count_names[] = { "files", "lines", "records", "stdout",
	"stderr", "held", "bytes", "seqs", "traces" };

struct container {
	char pod[64], ns[16], name[32], uid[37], id[65];
	bool docker, odd;
	unsigned weight; /* its share of all bytes */
	enum ending ending;

	struct voice voice;
	struct stamp stamp; /* of the line in hand */
	uint64_t seq_told;  /* the last number in a report */
	bool held;          /* the last message is not finished */
	int64_t end_ns;     /* the lines spread up to here; 0: they just go on */
	uint64_t left_b;    /* bytes still to come until then */
	int64_t rotated_s;  /* in the name of the last rotated file */
	char first_time[40], last_time[40]; /* of this file, of whole messages */
	uint64_t file[COUNTS], all[COUNTS];
	FILE *report; /* NDJSON lines, in memory */
	char *report_text;
	size_t report_len;
};

static struct container *containers;
static size_t ncontainers;

enum naming { DEPLOYMENT, STATEFULSET, DAEMONSET, CRONJOB, STATIC, BARE };

struct workload {
	const char *ns, *name;
	enum naming naming;
	const char *containers[3];
};

/* An odd number of them, so that mixed trees have each in both formats. */
static const struct workload workloads[] = {
	{ "shop", "cleaning-api", DEPLOYMENT, { "api", "istio-proxy", "cache" } },
	{ "data", "db", STATEFULSET, { "postgres", "exporter", "backup" } },
	{ "batch", "report", CRONJOB, { "report", "upload", "notify" } },
	{ "kube-system", "kube-proxy", STATIC, { "kube-proxy", "health", "debug" } },
	{ "payments", "checkout", DEPLOYMENT, { "checkout", "vault-agent", "redis" } },
	{ "ingress", "web", DEPLOYMENT, { "nginx", "reloader", "geoip" } },
	{ "logging", "node-agent", DAEMONSET, { "agent", "shipper", "metrics" } },
};

static const struct workload oddities = { "shop", "oddities", BARE, { 0 } };
static const struct {
	const char *name;
	enum ending ending;
} odd_containers[] = {
	{ "lines", WHOLE },
	{ "empty", EMPTY },
	{ "just-rotated", JUST_ROTATED },
	{ "no-lf", NO_LF },
	{ "open-part", OPEN_PART },
};

/* `n` letters such as Kubernetes makes names of. */
static void
put_letters(uint64_t *rng, size_t n, char *to)
{
	static const char safe[] = "bcdfghjklmnpqrstvwxz2456789";

	for (size_t i = 0; i < n; i++)
		to[i] = safe[rng_below(rng, sizeof safe - 1)];
	to[n] = '\0';
}

static void
name_pod(const struct workload *w, uint64_t nth, uint64_t *rng, struct container *c)
{
	uint64_t minute = opt.start_s / 60 + nth;
	size_t size = sizeof c->pod;
	char ten[11], five[6];

	put_letters(rng, 10, ten);
	put_letters(rng, 5, five);
	if (w->naming == DEPLOYMENT)
		snprintf(c->pod, size, "%s-%s-%s", w->name, ten, five);
	else if (w->naming == STATEFULSET)
		snprintf(c->pod, size, "%s-%" PRIu64, w->name, nth);
	else if (w->naming == DAEMONSET)
		snprintf(c->pod, size, "%s-%s", w->name, five);
	else if (w->naming == CRONJOB)
		snprintf(c->pod, size, "%s-%" PRIu64 "-%s", w->name, minute, five);
	else if (w->naming == STATIC)
		snprintf(c->pod, size, "%s-ip-10-0-%" PRIu64 "-%" PRIu64 ".ec2.internal",
		    w->name, nth / 250, nth % 250 + 1);
	else
		snprintf(c->pod, size, "%s%s", w->name, c->docker ? "-docker" : "");
}

static void
name_container(const struct workload *w, size_t i, struct container *c)
{
	if (c->odd)
		snprintf(c->name, sizeof c->name, "%s", odd_containers[i].name);
	else if (i < COUNT(w->containers))
		snprintf(c->name, sizeof c->name, "%s", w->containers[i]);
	else
		snprintf(c->name, sizeof c->name, "sidecar-%zu", i);
}

static void
invent(uint64_t *rng, const char *template, char *to, size_t size)
{
	struct voice v = { .rng = *rng };
	struct text t;

	say_template(&v, template, &t);
	snprintf(to, size, "%.*s", (int)t.len, t.data);
	*rng = v.rng;
}

static void
plan_pod(const struct workload *w, uint64_t nth, bool docker, size_t n)
{
	uint64_t start_ns = opt.start_s * SECOND;
	uint64_t late_ns = opt.hours * 3600 * SECOND / 64; /* for the first line */
	uint64_t rng = opt.seed ^ (ncontainers + 1) * 0xd1342543de82ef95;
	struct container pod = { .docker = docker, .odd = w == &oddities }, *c;

	name_pod(w, nth, &rng, &pod);
	/* a static pod's uid is a hash of its manifest */
	invent(&rng, w->naming == STATIC ? "%x%x" : "%u", pod.uid, sizeof pod.uid);
	snprintf(pod.ns, sizeof pod.ns, "%s", w->ns);
	for (size_t i = 0; i < n; i++) {
		c = &containers[ncontainers++];
		*c = pod;
		name_container(w, i, c);
		invent(&rng, "%x%x%x%x", c->id, sizeof c->id);
		c->weight = 1 + (unsigned)rng_below(&rng, 4);
		c->ending = pod.odd ? odd_containers[i].ending : WHOLE;
		c->stamp.zone_s = !docker && ncontainers % 8 == 7 ? 8 * 3600 : 0;
		c->voice.rng = rng_next(&rng);
		c->voice.now_ns = (int64_t)(start_ns + rng_next(&rng) % late_ns);
	}
}

static void
plan(void)
{
	size_t odd = opt.odd ? 2 * COUNT(odd_containers) : 0;

	containers = calloc(opt.pods * opt.containers + odd, sizeof *containers);
	if (containers == NULL)
		die_sys("plan");
	for (uint64_t i = 0; i < opt.pods; i++)
		plan_pod(&workloads[i % COUNT(workloads)], i / COUNT(workloads),
		    opt.format == MIXED ? i % 2 : opt.format == DOCKER, opt.containers);
	if (opt.odd && opt.format != DOCKER)
		plan_pod(&oddities, 0, false, COUNT(odd_containers));
	if (opt.odd && opt.format != CRI)
		plan_pod(&oddities, 0, true, COUNT(odd_containers));
}

/* ---- files and directories ---- */

static char *format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *
format(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die_sys("memory");
	va_end(ap);
	return s;
}

static void
make_dirs(const char *path)
{
	char *copy = format("%s/", path);

	for (char *p = copy; (p = strchr(p + 1, '/')) != NULL; *p = '/') {
		*p = '\0';
		if (mkdir(copy, 0755) != 0 && errno != EEXIST)
			die_sys(copy);
	}
	free(copy);
}

static void
make_link(const char *to, const char *path)
{
	if (symlink(to, path) != 0)
		die_sys(path);
}

static char *
pod_dir(const struct container *c)
{
	return format("/var/log/pods/%s_%s_%s/%s", c->ns, c->pod, c->uid, c->name);
}

/* The path under DIR of the real live file. */
static char *
live_path(const struct container *c)
{
	char *dir, *path;

	if (c->docker)
		return format("/var/lib/docker/containers/%s/%s-json.log", c->id, c->id);
	dir = pod_dir(c);
	path = format("%s/0.log", dir);
	free(dir);
	return path;
}

static char *
link_path(const struct container *c)
{
	return format(
	    "%s/var/log/containers/%s_%s_%s-%s.log", root, c->pod, c->ns, c->name, c->id);
}

/* What Docker keeps beside the log, as the node sees it, so without DIR. */
static void
write_config(const struct container *c)
{
	char *live = live_path(c), *dir = pod_dir(c);
	char *path =
	    format("%s/var/lib/docker/containers/%s/config.v2.json", root, c->id);
	FILE *f = fopen(path, "w");

	if (f == NULL)
		die_sys(path);
	fprintf(f,
	    "{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Pid\":4242},\"ID\":\"%"
	    "s\","
	    "\"Managed\":false,\"Path\":\"/"
	    "app\",\"Args\":[],\"Config\":{\"Hostname\":\"%s\","
	    "\"Tty\":false,\"Image\":\"registry.example.com/%s:1.4\",",
	    c->id, c->pod, c->name);
	fprintf(f,
	    "\"Labels\":{\"io.kubernetes.container.name\":\"%s\","
	    "\"io.kubernetes.container.logpath\":\"%s/0.log\","
	    "\"io.kubernetes.docker.type\":\"container\","
	    "\"io.kubernetes.pod.name\":\"%s\",\"io.kubernetes.pod.namespace\":\"%s\","
	    "\"io.kubernetes.pod.uid\":\"%s\"}},\"LogPath\":\"%s\","
	    "\"Name\":\"/k8s_%s_%s_%s_%s_0\",\"Driver\":\"overlay2\"}\n",
	    c->name, dir, c->pod, c->ns, c->uid, live, c->name, c->pod, c->ns, c->uid);
	if (fclose(f) != 0)
		die_sys(path);
	free(live);
	free(dir);
	free(path);
}

/* The directories and links of one container, before its files. */
static void
make_place(const struct container *c)
{
	char *live = live_path(c), *pod = pod_dir(c), *dir = format("%s%s", root, pod);
	char *log = format("%s/0.log", dir), *real = format("%s%s", root, live);
	char *link = link_path(c);

	make_dirs(dir);
	make_link(log, link);
	if (c->docker) {
		make_link(real, log);
		*strrchr(real, '/') = '\0';
		make_dirs(real);
		write_config(c);
	}
	free(live);
	free(pod);
	free(dir);
	free(log);
	free(real);
	free(link);
}

/* ---- writing one file, plain or gzip ---- */

/* One thread's buffers. */
struct writer {
	int fd;
	bool gz;
	const char *path;
	size_t len;
	z_stream z;
	gz_header header;
	struct text said[2];
	char buf[BUFFER];
	unsigned char zbuf[ZBUFFER];
};

static void
write_all(const struct writer *w, const void *data, size_t len)
{
	const char *p = data;

	for (ssize_t n; len > 0; p += n, len -= (size_t)n)
		if ((n = write(w->fd, p, len)) < 0)
			die_sys(w->path);
}

static void
deflate_all(struct writer *w, int flush)
{
	w->z.next_in = (unsigned char *)w->buf;
	w->z.avail_in = (unsigned)w->len;
	do {
		w->z.next_out = w->zbuf;
		w->z.avail_out = ZBUFFER;
		if (deflate(&w->z, flush) == Z_STREAM_ERROR)
			die(1, w->path, "cannot compress");
		write_all(w, w->zbuf, ZBUFFER - w->z.avail_out);
	} while (w->z.avail_out == 0);
}

static void
writer_flush(struct writer *w, bool end)
{
	if (w->gz)
		deflate_all(w, end ? Z_FINISH : Z_NO_FLUSH);
	else
		write_all(w, w->buf, w->len);
	w->len = 0;
}

/* A new file, or more of an old one.  Docker notes the time of the last line in the gzip
 * header: writer_note() fills in what `note` makes room for. */
static void
writer_open(struct writer *w, const char *path, int how, bool gz, bool note)
{
	static unsigned char blanks[NOTE];

	w->path = path;
	w->gz = gz;
	w->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0640);
	if (w->fd < 0)
		die_sys(path);
	w->header.extra = note ? blanks : NULL;
	if (gz) {
		deflateReset(&w->z);
		deflateSetHeader(&w->z, &w->header);
	}
}

static void
writer_note(struct writer *w, const char *time)
{
	char note[NOTE + 1];

	snprintf(note, sizeof note, "{\"lastTime\":\"%s\"%*s", time,
	    (int)(NOTE - strlen("{\"lastTime\":\"\"") - strlen(time)), "}");
	if (pwrite(w->fd, note, NOTE, GZ_EXTRA) != NOTE)
		die_sys(w->path);
}

/* A rotated file is as old as its last line, and at least a minute: it is final. */
static void
writer_age(struct writer *w, int64_t t_s)
{
	int64_t before = time(NULL) - 60;
	struct timespec t = { .tv_sec = t_s < before ? t_s : before };

	if (futimens(w->fd, (struct timespec[]){ t, t }) != 0)
		die_sys(w->path);
}

static void
writer_close(struct writer *w)
{
	if (close(w->fd) != 0)
		die_sys(w->path);
}

static struct writer *
writer_new(void)
{
	struct writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		die_sys("memory");
	w->header = (gz_header){ .os = 255, .extra_len = NOTE };
	if (deflateInit2(&w->z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		die(1, "zlib", "cannot start");
	return w;
}

static void
writer_free(struct writer *w)
{
	deflateEnd(&w->z);
	free(w);
}

/* ---- talking ---- */

/* Time goes on by the share that `len` bytes have in all that is still to come, more or
 * less; now and then it falls on a round number, so that zeros at the end are seen. */
static void
tick(struct container *c, size_t len)
{
	static const int64_t grains[] = { SECOND, 1000000, 1000, 10 };
	struct voice *v = &c->voice;
	uint64_t r = rng_next(&v->rng);
	int64_t left = c->end_ns - v->now_ns, step, round;

	c->left_b -= c->left_b < len ? c->left_b : len;
	if (c->end_ns == 0)
		step = 1000 + (int64_t)(r >> 40);
	else
		step = (int64_t)((double)left * (double)len / (double)(c->left_b + len) *
				 (double)(512 + (r >> 54)) / 1024.0);
	if (c->end_ns != 0 && step > left / 2)
		step = left / 2;
	round = v->now_ns + step;
	if ((r & 15) == 0)
		round -= round % grains[r >> 4 & 3];
	v->now_ns = round > v->now_ns ? round : v->now_ns + step;
}

static bool
chance(struct container *c, uint64_t ppm)
{
	return rng_below(&c->voice.rng, 1000000) < ppm;
}

static void
count_line(struct container *c, enum stream s, bool last, size_t size)
{
	c->file[LINES]++;
	c->file[BYTES] += size;
	c->file[RECORDS] += last;
	c->file[STDOUT + s] += last;
}

/* One physical line.  Docker gives all parts of a message the same time. */
static void
put_part(struct writer *w, struct container *c, enum stream s, struct part p)
{
	char *at, *end;
	size_t size;

	if (w->len > BUFFER - LINE_MAX_B)
		writer_flush(w, false);
	at = w->buf + w->len;
	stamp_set(&c->stamp, c->voice.now_ns);
	if (c->first_time[0] == '\0')
		memcpy(c->first_time, c->stamp.text, sizeof c->first_time);
	if (p.last)
		memcpy(c->last_time, c->stamp.text, sizeof c->last_time);
	end = (c->docker ? frame_docker : frame_cri)(at, &c->stamp, s == ERR, p);
	size = (size_t)(end - at);
	w->len += size;
	count_line(c, s, p.last, size);
	if (p.last || !c->docker)
		tick(c, size);
}

/* What is still to be written of a message. */
struct said {
	const char *data;
	size_t left;
	enum stream stream;
	bool done;
};

/* containerd leaves a line of just 16 KiB whole; Docker splits it, with nothing after. */
static void
put_next(struct writer *w, struct container *c, struct said *m)
{
	size_t len = m->left < PART ? m->left : PART;

	if (m->done)
		return;
	m->done = c->docker ? len < PART : len == m->left;
	put_part(w, c, m->stream, (struct part){ m->data, len, m->done });
	m->data += len;
	m->left -= len;
}

static void
put_text(struct writer *w, struct container *c, enum stream s, const struct text *t)
{
	struct said m = { t->data, t->len, s, false };

	while (!m.done)
		put_next(w, c, &m);
}

static enum kind
pick_kind(struct container *c)
{
	uint64_t sum = 0, at;
	int kind = 0;

	for (int i = 0; i < KINDS; i++)
		sum += opt.mix[i];
	for (at = rng_below(&c->voice.rng, sum); at >= opt.mix[kind]; kind++)
		at -= opt.mix[kind];
	return (enum kind)kind;
}

static void
speak_line(struct writer *w, struct container *c, enum stream s, enum kind kind)
{
	say_line(&c->voice, kind, &w->said[0]);
	put_text(w, c, s, &w->said[0]);
}

static enum stream
pick_stream(struct container *c)
{
	return chance(c, opt.stderr_ppm) ? ERR : OUT;
}

/* Whether the other stream, if there is one, says something in between. */
static bool
interrupts(struct container *c, uint64_t one_in)
{
	return opt.stderr_ppm > 0 && opt.stderr_ppm < 1000000 &&
	       rng_below(&c->voice.rng, one_in) == 0;
}

/* A message of many parts; parts of the other stream may lie between.  A short one comes
 * after, so that no file ends with a split one and its last time is clear. */
static void
speak_long(struct writer *w, struct container *c, enum stream s)
{
	struct text *t = w->said;
	struct said a, b = { .done = true };

	say_long(&c->voice, &t[0]);
	a = (struct said){ t[0].data, t[0].len, s, false };
	if (interrupts(c, 2)) {
		if (rng_below(&c->voice.rng, 2) == 0)
			say_long(&c->voice, &t[1]);
		else
			say_line(&c->voice, pick_kind(c), &t[1]);
		b = (struct said){ t[1].data, t[1].len, !s, false };
	}
	while (!a.done || !b.done) {
		put_next(w, c, &a);
		put_next(w, c, &b);
	}
	speak_line(w, c, s, pick_kind(c));
}

static void
speak_trace(struct writer *w, struct container *c, enum stream s)
{
	const char *const *line = trace_pick(&c->voice);

	for (c->file[TRACES]++; *line != NULL; line++) {
		say_template(&c->voice, *line, &w->said[0]);
		put_text(w, c, s, &w->said[0]);
		if (interrupts(c, 8))
			speak_line(w, c, !s, pick_kind(c));
	}
}

/* At most GROUP_MAX messages. */
static void
speak(struct writer *w, struct container *c)
{
	enum stream s = pick_stream(c);
	enum kind kind = pick_kind(c);

	if (opt.odd && rng_below(&c->voice.rng, c->odd ? 2 : 64) == 0) {
		say_odd(&c->voice, &w->said[0]);
		put_text(w, c, s, &w->said[0]);
	} else if (chance(c, opt.split_ppm)) {
		speak_long(w, c, s);
	} else if (kind == KIND_TRACE) {
		speak_trace(w, c, s);
	} else {
		speak_line(w, c, s, kind);
	}
}

/* ---- the report ---- */

static void
print_string(FILE *f, const char *key, const char *s)
{
	fprintf(f, "\"%s\":\"", key);
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ')
			fprintf(f, "\\u%04x", *s);
		else
			fprintf(f, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	fputs("\",", f);
}

static void
print_time(FILE *f, const char *key, const char *time)
{
	const char *quote = *time != '\0' ? "\"" : "";

	fprintf(f, "\"%s\":%s%s%s", key, quote, *time != '\0' ? time : "null", quote);
}

static void
print_counts(FILE *f, const uint64_t *counts, int from)
{
	for (int i = from; i < COUNTS; i++)
		fprintf(f, "%s\"%s\":%" PRIu64, i > from ? "," : "", count_names[i],
		    counts[i]);
}

/* Tell of the file just written, and begin to count the next. */
static void
report_file(struct container *c, const char *path)
{
	char *link = link_path(c);

	c->file[FILES] = 1;
	c->file[HELD] = c->held;
	c->file[SEQS] = c->voice.seq - c->held - c->seq_told;
	c->seq_told += c->file[SEQS];
	fputs("{", c->report);
	print_string(c->report, "file", path);
	print_string(c->report, "link", link);
	print_string(c->report, "format", c->docker ? "docker" : "cri");
	print_counts(c->report, c->file, LINES);
	fprintf(c->report, ",\"last_seq\":%" PRIu64 ",", c->seq_told);
	print_time(c->report, "first_time", c->first_time);
	fputs(",", c->report);
	print_time(c->report, "last_time", c->first_time[0] != '\0' ? c->last_time : "");
	fputs("}\n", c->report);
	for (int i = 0; i < COUNTS; i++) {
		c->all[i] += c->file[i];
		c->file[i] = 0;
	}
	c->first_time[0] = '\0';
	free(link);
}

static void
report_print(void)
{
	uint64_t total[COUNTS] = { 0 };

	for (size_t i = 0; i < ncontainers; i++) {
		struct container *c = &containers[i];
		fclose(c->report);
		fwrite(c->report_text, 1, c->report_len, stdout);
		free(c->report_text);
		for (int k = 0; k < COUNTS; k++)
			total[k] += c->all[k];
	}
	fputs("{\"total\":{", stdout);
	print_counts(stdout, total, FILES);
	puts("}}");
	if (fclose(stdout) != 0)
		die_sys("<stdout>");
}

/* ---- the files of a container ---- */

/* The kubelet names a rotated file by the local time, Docker numbers it. */
static char *
rotated_path(struct container *c, const char *live, uint64_t nth, bool gz)
{
	time_t s = (time_t)(c->voice.now_ns / SECOND);
	const char *end = gz ? ".gz" : "";
	char stamp[20];
	struct tm tm;

	if (c->docker)
		return format("%s.%" PRIu64 "%s", live, opt.rotated - nth, end);
	c->rotated_s = s > c->rotated_s ? s : c->rotated_s + 1;
	s = (time_t)c->rotated_s + c->stamp.zone_s;
	gmtime_r(&s, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	return format("%s.%s%s", live, stamp, end);
}

/* What a kubelet killed while it compressed leaves: half a gzip beside the whole file. */
static void
leave_tmp(struct writer *w, const char *path)
{
	char *tmp = format("%s.tmp", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, w->buf, BUFFER);

	if (n < 0)
		die_sys(path);
	close(fd);
	writer_open(w, tmp, O_EXCL, true, false);
	w->len = (size_t)n;
	writer_flush(w, true);
	if (ftruncate(w->fd, lseek(w->fd, 0, SEEK_CUR) / 2) != 0)
		die_sys(tmp);
	writer_close(w);
	free(tmp);
}

/* The `nth` file to be rotated away, the oldest first. */
static void
fill_rotated(
    struct writer *w, struct container *c, const char *live, uint64_t nth, uint64_t size)
{
	bool newest = nth + 1 == opt.rotated, gz = opt.gz && !newest;
	char *part = format("%s.part", live), *path;

	writer_open(w, part, O_EXCL, gz, c->docker);
	do
		speak(w, c);
	while (c->file[BYTES] < size);
	writer_flush(w, true);
	if (gz && c->docker)
		writer_note(w, c->last_time);
	writer_age(w, c->voice.now_ns / SECOND);
	writer_close(w);
	path = rotated_path(c, live, nth, gz);
	if (rename(part, path) != 0)
		die_sys(path);
	report_file(c, path);
	if (newest && c->odd && !c->docker && c->ending == WHOLE)
		leave_tmp(w, path);
	free(part);
	free(path);
}

/* The last message is begun and not finished: all after its first part is missing, or
 * just the LF of its line, which is then no line and no record yet. */
static void
leave_open(struct writer *w, struct container *c)
{
	struct text *t = &w->said[0];
	char last_time[sizeof c->last_time];
	uint64_t counts[COUNTS];

	memcpy(last_time, c->last_time, sizeof last_time);
	memcpy(counts, c->file, sizeof counts);
	say_template(&c->voice, "not finished yet seq=%s: ", t);
	put_part(w, c, OUT, (struct part){ t->data, t->len, c->ending == NO_LF });
	c->held = true;
	if (c->ending == OPEN_PART)
		return;
	w->len--;
	counts[BYTES] = c->file[BYTES] - 1;
	memcpy(c->file, counts, sizeof counts);
	memcpy(c->last_time, last_time, sizeof last_time);
}

static void
finish_open(struct writer *w, struct container *c)
{
	c->held = false;
	if (c->ending == OPEN_PART) {
		put_part(w, c, OUT, (struct part){ "now it is", 9, true });
		return;
	}
	w->buf[w->len++] = '\n';
	count_line(c, OUT, true, 1);
}

static void
fill_live(struct writer *w, struct container *c, const char *live, uint64_t size)
{
	writer_open(w, live, O_EXCL, false, false);
	if (c->ending != EMPTY && c->ending != JUST_ROTATED) {
		do
			speak(w, c);
		while (c->file[BYTES] < size);
	}
	if (c->ending == NO_LF || c->ending == OPEN_PART)
		leave_open(w, c);
	writer_flush(w, true);
	writer_close(w);
	report_file(c, live);
}

/* The live file has a quarter to all of what a rotated one has. */
static void
fill(struct writer *w, struct container *c, const char *live)
{
	uint64_t quota = 64 + rng_below(&c->voice.rng, 193), size = c->left_b, each;

	each = (uint64_t)((double)size * 256 / (double)(opt.rotated * 256 + quota));
	c->end_ns = (int64_t)(opt.start_s + opt.hours * 3600) * SECOND;
	make_place(c);
	for (uint64_t i = 0; i < opt.rotated && c->ending != EMPTY; i++)
		fill_rotated(w, c, live, i, each);
	fill_live(w, c, live, size - opt.rotated * each);
}

static void
append(struct writer *w, struct container *c, const char *live)
{
	uint64_t until;

	writer_open(w, live, O_APPEND, false, false);
	if (c->held)
		finish_open(w, c);
	until = c->file[RECORDS] + opt.append;
	while (c->file[RECORDS] + GROUP_MAX < until)
		speak(w, c);
	while (c->file[RECORDS] < until) {
		enum stream s = pick_stream(c);
		speak_line(w, c, s, pick_kind(c));
	}
	writer_flush(w, true);
	writer_close(w);
	report_file(c, live);
}

/* ---- what --append needs to go on ---- */

static char *
state_path(void)
{
	return format("%s/var/lib/nodetree/state", root);
}

/* Everything that decides what is in the tree, as one line. */
static char *
state_options(void)
{
	size_t len;
	char *line;
	FILE *f = open_memstream(&line, &len);

	if (f == NULL)
		die_sys("memory");
	for (const struct row *r = rows; r < rows + COUNT(rows); r++)
		for (int k = 0; k < (r->to == opt.mix ? KINDS : 1); k++)
			if (r->to != &opt.append)
				fprintf(f, "%s=%" PRIu64 " ", r->name, r->to[k]);
	fputs("\n", f);
	fclose(f);
	return line;
}

static void
state_save(void)
{
	char *path = state_path(), *line = state_options();
	FILE *f = fopen(path, "w");

	if (f == NULL)
		die_sys(path);
	fputs(line, f);
	for (size_t i = 0; i < ncontainers; i++) {
		const struct voice *v = &containers[i].voice;
		fprintf(f, "%" PRIu64 " %" PRIu64 " %" PRId64 " %d\n", v->rng, v->seq,
		    v->now_ns, containers[i].held);
	}
	if (fclose(f) != 0)
		die_sys(path);
	free(line);
	free(path);
}

static void
state_load(void)
{
	char *path = state_path(), line[1024], *want = state_options();
	FILE *f = fopen(path, "r");
	int held;

	if (f == NULL)
		die_sys(path);
	if (fgets(line, sizeof line, f) == NULL || strcmp(line, want) != 0)
		die(1, path, "made with other options");
	for (struct container *c = containers; c < containers + ncontainers; c++) {
		struct voice *v = &c->voice;
		if (fscanf(f, "%" SCNu64 "%" SCNu64 "%" SCNd64 "%d", &v->rng, &v->seq,
			&v->now_ns, &held) != 4)
			die(1, path, "damaged");
		c->held = held != 0;
		c->seq_told = v->seq - c->held;
	}
	fclose(f);
	free(want);
	free(path);
}

/* ---- all of it ---- */

static void *
work(void *next)
{
	struct writer *w = writer_new();

	for (size_t i; (i = atomic_fetch_add((atomic_size_t *)next, 1)) < ncontainers;) {
		struct container *c = &containers[i];
		char *path = live_path(c), *live = format("%s%s", root, path);
		c->report = open_memstream(&c->report_text, &c->report_len);
		if (c->report == NULL)
			die_sys("memory");
		(opt.append > 0 ? append : fill)(w, c, live);
		free(live);
		free(path);
	}
	writer_free(w);
	return NULL;
}

static void
work_all(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), n = cpus < THREADS ? cpus : THREADS;
	atomic_size_t next = 0;
	pthread_t threads[THREADS];

	for (long i = 0; i < n; i++)
		if ((errno = pthread_create(&threads[i], NULL, work, &next)) != 0)
			die_sys("thread");
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* Each container gets its share of --bytes. */
static void
share_bytes(void)
{
	uint64_t weights = 0;

	for (size_t i = 0; i < ncontainers; i++)
		weights += containers[i].weight;
	for (struct container *c = containers; c < containers + ncontainers; c++) {
		c->left_b = (uint64_t)((double)opt.bytes / (double)weights * c->weight);
		if (c->odd && c->left_b > ODD_MAX_B)
			c->left_b = ODD_MAX_B;
	}
}

static void
enter(const char *dir)
{
	char *path;

	if (opt.append == 0)
		make_dirs(dir);
	if ((root = realpath(dir, NULL)) == NULL)
		die_sys(dir);
	if (opt.append > 0)
		return;
	path = state_path();
	if (access(path, F_OK) == 0)
		die(1, dir, "there is a tree already");
	*strrchr(path, '/') = '\0';
	make_dirs(path);
	free(path);
	path = format("%s/var/log/containers", root);
	make_dirs(path);
	free(path);
}

int
main(int argc, char *argv[])
{
	enter(take_options(argc, argv));
	plan();
	if (opt.append > 0)
		state_load();
	else
		share_bytes();
	work_all();
	state_save();
	report_print();
	free(containers);
	free(root);
	return 0;
}
