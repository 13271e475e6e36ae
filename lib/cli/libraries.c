#include "cli/libraries.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#ifdef WITH_jansson
#include <jansson.h>
#endif
#ifdef WITH_libarchive
#include <archive.h>
#endif
#ifdef WITH_libcrypto
#include <openssl/crypto.h>
#endif
#ifdef WITH_libcurl
#include <curl/curl.h>
#endif
#ifdef WITH_libisal
#include <isa-l.h>
#endif
#ifdef WITH_libpcre2_8
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif
#ifdef WITH_yaml_0_1
#include <yaml.h>
#endif
#ifdef WITH_zlib
#include <zlib.h>
#endif

static char text[400];

/* Some say "42.0 2026-01-01", some "name/42.0": the number is enough. */
static __attribute__((unused)) void
add(const char *name, const char *version)
{
	size_t n = strlen(text);

	snprintf(text + n, sizeof text - n, "%s%s %.*s", n > 0 ? ", " : "", name,
	    (int)strcspn(version, " "), version);
}

const char *
libraries(void)
{
	text[0] = '\0';
#ifdef WITH_jansson
	add("jansson", jansson_version_str());
#endif
#ifdef WITH_libarchive
	add("libarchive", archive_version_string() + strlen("libarchive "));
#endif
#ifdef WITH_libcurl
	add("libcurl", curl_version_info(CURLVERSION_NOW)->version);
#endif
#ifdef WITH_yaml_0_1
	add("libyaml", yaml_get_version_string());
#endif
#ifdef WITH_libisal
	char isal[32];

	snprintf(isal, sizeof isal, "%d.%d.%d", ISAL_MAJOR_VERSION, ISAL_MINOR_VERSION,
	    ISAL_PATCH_VERSION);
	add("ISA-L", isal);
#endif
#ifdef WITH_libcrypto
	add("OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING));
#endif
#ifdef WITH_libpcre2_8
	char pcre2[64] = "";

	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	add("PCRE2", pcre2);
#endif
#ifdef WITH_zlib
	add("zlib", zlibVersion());
#endif
	return text;
}
