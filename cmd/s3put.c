/* s3put - deliver batches to S3 or a directory, each once; see s3put(1).
 *
 * How a run goes is told in s3put/run.h; here is what the options make of it, and --check.
 */
#include "base/buf.h"
#include "base/err.h"
#include "cli/confined.h"
#include "cli/diag.h"
#include "cli/inputs.h"
#include "cli/opts.h"
#include "cli/progress.h"
#include "s3/advice.h"
#include "s3/credentials.h"
#include "s3/crew.h"
#include "s3/foresee.h"
#include "s3/store.h"
#include "s3put/run.h"
#include "s3put/stop.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_DEFAULT = 4 };

static const char *state, *endpoint, *region, *ca_file, *as, *checksum;
static bool path_style, overwrite, dry_run, check;
static int64_t max_time_ns = STORE_TRIES_S * (int64_t)1000000000;
static uint64_t jobs = JOBS_DEFAULT, part_size;
static struct attributes attributes;
static struct opt_list tags;

static const struct opt options[] = {
	{ 0, "state", "DIR", OPT_STR, &state,
	    "take delivered batches out of the ledger and outbox of DIR" },
	{ 0, "endpoint", "URL", OPT_STR, &endpoint, "S3 server (default AWS)" },
	{ 0, "region", "NAME", OPT_STR, &region, "region to sign for" },
	{ 0, "path-style", NULL, OPT_FLAG, &path_style,
	    "the bucket in the path, not in the host name" },
	{ 0, "ca", "FILE", OPT_STR, &ca_file,
	    "CAs to trust, PEM (default the system's)" },
	{ 'j', "jobs", "N", OPT_COUNT, &jobs, "put N objects at once (default 4)" },
	{ 0, "as", "KEY", OPT_STR, &as,
	    "FILE, or standard input, is the body itself: put it as KEY" },
	{ 0, "overwrite", NULL, OPT_FLAG, &overwrite,
	    "replace objects that hold other bytes" },
	{ 0, "max-time", "AGE", OPT_AGE, &max_time_ns,
	    "how long to go on trying without success (default 5m)" },
	{ 0, "part-size", "SIZE", OPT_SIZE, &part_size,
	    "put larger files in parts of SIZE (default: over 5G, in parts of 64M)" },
	{ 0, "checksum", "sha256|crc32c|md5", OPT_STR, &checksum,
	    "of which kind, for the server to check and keep" },
	{ 0, "sse", "AES256|aws:kms|aws:kms:dsse", OPT_STR, &attributes.sse,
	    "encrypt at rest" },
	{ 0, "kms-key", "ID", OPT_STR, &attributes.kms_key, "with which key of KMS" },
	{ 0, "storage-class", "NAME", OPT_STR, &attributes.storage_class,
	    "such as STANDARD_IA" },
	{ 0, "tag", "K=V", OPT_LIST, &tags, "tag the objects; may be given 10 times" },
	{ 0, "acl", "NAME", OPT_STR, &attributes.acl,
	    "such as bucket-owner-full-control" },
	{ 0, "bucket-owner", "ID", OPT_STR, &attributes.owner,
	    "the account that must own the bucket" },
	{ 0, "content-type", "TYPE", OPT_STR, &attributes.content_type,
	    "the media type of the objects" },
	{ 0, "check", NULL, OPT_FLAG, &check,
	    "try credentials, region, clock and permission; put nothing" },
	{ 'n', "dry-run", NULL, OPT_FLAG, &dry_run,
	    "tell what would go where, put nothing" },
	OPTS_END,
};
static const struct prog prog = { "s3put", "[OPTION]... [FILE]... DEST",
	"Put the objects that manifests name into DEST, s3://bucket/prefix or "
	"file:///dir.",
	options };

/* What --check finds; servers and files have a say in it. */
static __attribute__((format(printf, 1, 2))) void
say(const char *fmt, ...)
{
	char text[2048], line[4 * sizeof text];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	diag_visible(line, sizeof line, text);
	puts(line);
}

static void
tell(bool warn, const char *text)
{
	if (check)
		say("%s", text);
	else if (warn)
		diag_warn("%s", text);
	else
		diag_note("%s", text);
}

static const char *
env(const char *name)
{
	return getenv(name);
}

/* Options that are words or lists. */
static int
read_options(struct buf *tagging, struct err *e)
{
	static const char *const sums[] = { "none", "sha256", "crc32c", "md5", NULL };
	static const char *const sses[] = { "AES256", "aws:kms", "aws:kms:dsse", NULL };
	size_t which = 0;
	unsigned n = 0;

	if (checksum != NULL && opts_choice("checksum", checksum, sums, &which, e) < 0)
		return -1;
	attributes.checksum = (enum checksum)which;
	if (attributes.sse != NULL &&
	    opts_choice("sse", attributes.sse, sses, &which, e) < 0)
		return -1;
	for (size_t i = 0; i < tags.n; i++)
		if (attributes_tag(tagging, tags.item[i], &n, e) < 0)
			return -1;
	attributes.tagging = tagging->p;
	if (jobs < 1 || jobs > CREW_THREADS_MAX)
		return err_set(
		    e, ST_USAGE, "--jobs: from 1 to %d, please", CREW_THREADS_MAX);
	if (as != NULL && state != NULL)
		return err_set(e, ST_USAGE,
		    "--as: puts a body, and --state delivers manifests: one of them");
	return 0;
}

static int
open_stores(struct run *run, const char *dest, struct err *e)
{
	struct store_options so = { .endpoint = endpoint,
		.region = region,
		.ca_file = ca_file,
		.path_style = path_style,
		.overwrite = overwrite,
		.dry = dry_run,
		.attributes = attributes,
		.part_bytes = part_size,
		.jobs = (unsigned)jobs,
		.max_time_ns = max_time_ns,
		.stop = &stop_signal,
		.sent = &run->sent,
		.tell = tell,
		.env = env };

	if ((run->store[0] = store_open(dest, &so, e)) == NULL)
		return -1;
	for (uint64_t i = 1; i < jobs && !check; i++)
		if ((run->store[i] = store_twin(run->store[0], e)) == NULL)
			return -1;
	return 0;
}

/* Without --state the bodies are wherever the manifests say. */
static void
confine_to(const char *dest, int argc, char *argv[])
{
	static const char dir[] = "file://", local[] = "file://localhost/";

	if (strncmp(dest, dir, strlen(dir)) == 0) {
		dest += strncmp(dest, local, strlen(local)) == 0 ? strlen(local) - 1
								 : strlen(dir);
		if (dry_run)
			confined_read(dest);
		if (!dry_run)
			confined_write(dest);
		confined_dirs();
		confined_threads();
	} else {
		confined_net();
		confined_near(ca_file);
		if (credentials_needs(env, confined_near))
			confined_exec();
	}
	if (state != NULL)
		(dry_run ? confined_read : confined_write)(state);
	else if (as == NULL && !check)
		confined_read("/");
	confined_inputs(argc, argv);
	confined();
}

static void
says(void *user, const char *thing, const char *words)
{
	(void)user;
	say("%s: ok, %s", thing, words);
}

/* --check: what is well on standard output, what is not and what to do on standard error. */
static int
try_it(struct run *run, const char *dest, struct err *e)
{
	const char *advice;
	int done = -1;

	stop_catch(true);
	if (open_stores(run, dest, e) == 0)
		done = store_check(run->store[0], says, NULL, e);
	fflush(stdout);
	if (done < 0) {
		diag_error("%s", e->text);
		if ((advice = advice_on(e->text)) != NULL)
			diag_error("%s: %s", dest, advice);
	} else {
		say("%s: objects can be put there", dest);
	}
	store_close(run->store[0]);
	if (fclose(stdout) != 0 && done == 0) {
		err_sys(e, "<stdout>");
		return diag_end(e);
	}
	stop_end();
	return done < 0 ? e->status : ST_OK;
}

static int
finish(struct run *run)
{
	int status = run_end(run);

	for (uint64_t i = 0; i < jobs; i++)
		store_close(run->store[i]);
	stop_end();
	return status;
}

int
main(int argc, char *argv[])
{
	static struct run run;
	struct inputs files;
	static struct buf tagging;
	struct err e;
	int r;

	diag_init(argv[0]);
	confined_secrets();
	signal(SIGPIPE, SIG_IGN);
	buf_init(&tagging, 16 << 10);
	if ((r = opts_parse(&prog, &argc, &argv, &e)) != 0)
		return r > 0 ? ST_OK : diag_end(&e);
	run_init(&run);
	if (argc == 0) {
		err_set(&e, ST_USAGE,
		    "no destination: give s3://bucket/prefix or file:///dir");
		return diag_end(&e);
	}
	if (read_options(&tagging, &e) < 0)
		return diag_end(&e);
	if (as != NULL && argc > 2) {
		err_set(&e, ST_USAGE, "--as: names one object, and takes one FILE");
		return diag_end(&e);
	}
	confine_to(argv[argc - 1], argc - 1, argv);
	if (check)
		return try_it(&run, argv[argc - 1], &e);
	run.dest = argv[argc - 1];
	run.state = state;
	run.dry = dry_run;
	stop_catch(true); /* a program that is run for credentials ends with us */
	if (open_stores(&run, argv[argc - 1], &e) < 0 ||
	    inputs_init(&files, argc - 1, argv, &e) < 0 ||
	    run_begin(&run, (unsigned)jobs, &e) < 0) {
		stop_end();
		return diag_end(&e);
	}
	if (as == NULL && progress_wanted())
		orders_foresee(argc - 1, argv, &run.total, &run.total_bytes);
	if (as != NULL)
		run_body(&run, &files, as);
	else
		run_manifests(&run, &files);
	buf_done(&tagging);
	return finish(&run);
}
