#include "cli/confined.h"
#include "base/confine.h"
#include "base/err.h"
#include "base/fileio.h"
#include "cli/diag.h"
#include "cli/opts.h"
#include "cli/stats.h"
#include "record/handout.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
	NAMED_MAX = 64
}; /* operands that are places of their own; more: their directories */

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static struct confine kept;

static bool
is_in(const char *const *list, size_t n, const char *place)
{
	for (size_t i = 0; i < n && i < CONFINE_PLACES_MAX; i++)
		if (strcmp(list[i], place) == 0)
			return true;
	return false;
}

/* A copy for as long as the program runs.  NULL: there are so many that Landlock is left out
 * anyhow, or no memory, and it is a place that cannot be opened. */
static const char *
copy_of(const char *place)
{
	static char *copy[2 * CONFINE_PLACES_MAX + 2];
	static size_t n;

	if (n == sizeof copy / sizeof *copy || (copy[n] = strdup(place)) == NULL)
		return NULL;
	return copy[n++];
}

void
confined_read(const char *place)
{
	if (place == NULL || *place == '\0' || is_in(kept.read, kept.reads, place))
		return;
	kept.files = true;
	confine_read(&kept, copy_of(place));
}

static void
dirname_of(const char *path, char dir[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		snprintf(dir, PATH_MAX, ".");
	else
		snprintf(
		    dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

void
confined_write(const char *place)
{
	struct err unused; /* who uses it will say what is wrong with it */

	if (place == NULL || *place == '\0')
		return;
	kept.files = true;
	if (!is_in(kept.write, kept.writes, place) &&
	    (access(place, F_OK) == 0 || dir_make(place, true, &unused) == 0))
		confine_write(&kept, copy_of(place));
}

void
confined_near(const char *file)
{
	char dir[PATH_MAX];

	if (file == NULL || *file == '\0')
		return;
	dirname_of(file, dir);
	/* not all there is, for a file in it */
	confined_read(strcmp(dir, "/") == 0 ? file : dir);
}

void
confined_inputs(int argc, char *argv[])
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "-") != 0)
			(argc <= NAMED_MAX ? confined_read : confined_near)(argv[i]);
}

void
confined_dirs(void)
{
	kept.files = kept.dirs = true;
}

void
confined_threads(void)
{
	kept.threads = true;
}

void
confined_exec(void)
{
	kept.exec = true;
}

/* What resolver and TLS look into, also late: a name service is loaded when a name is asked
 * for. */
void
confined_net(void)
{
	static const char *const places[] = { "/etc/hosts", "/etc/nsswitch.conf",
		"/etc/gai.conf", "/etc/host.conf", "/etc/resolv.conf", "/etc/services",
		"/etc/protocols", "/etc/localtime", "/etc/ld.so.cache", "/etc/ssl",
		"/etc/pki", "/etc/ca-certificates", "/etc/crypto-policies", "/lib",
		"/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share",
		"/usr/local/share/ca-certificates", "/dev/null", "/dev/urandom",
		"/proc/sys/net", "/sys/devices/system/cpu", NULL };
	static const char *const variables[] = { "SSL_CERT_FILE", "SSL_CERT_DIR",
		"OPENSSL_CONF", "CURL_CA_BUNDLE", NULL };
	char real[PATH_MAX];

	kept.net = true;
	for (const char *const *p = places; *p != NULL; p++)
		confined_read(*p);
	for (const char *const *v = variables; *v != NULL; v++)
		confined_read(getenv(*v));
	/* where it is a link, what it leads to is replaced from time to time */
	if (realpath("/etc/resolv.conf", real) != NULL && strncmp(real, "/etc/", 5) != 0)
		confined_near(real);
}

void
confined(void)
{
	char told[200];

	stats_keep();
	if (SANITIZED || strcmp(common.confine, "no") == 0)
		return;
	(void)handout_able();
	(void)confine(&kept, told, sizeof told);
	diag_note("%s", told);
}

void
confined_secrets(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
