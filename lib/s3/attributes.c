#include "s3/attributes.h"
#include "base/buf.h"
#include "base/err.h"

#include <string.h>

static int
check_value(const char *option, const char *v, const char *allowed, struct err *e)
{
	if (v == NULL)
		return 0;
	if (*v == '\0' || strlen(v) > ATTRIBUTE_BYTES_MAX)
		return err_set(e, ST_USAGE, "%s: 1 to %d bytes, please", option,
		    ATTRIBUTE_BYTES_MAX);
	for (const char *p = v; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e ||
		    (allowed != NULL && strchr(allowed, *p) == NULL))
			return err_set(e, ST_USAGE,
			    "%s: %.100s: not one that S3 can have", option, v);
	return 0;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

int
attributes_check(const struct attributes *a, struct err *e)
{
	if (check_value("--storage-class", a->storage_class, UPPER DIGITS "_-", e) < 0 ||
	    check_value("--acl", a->acl, LOWER "-", e) < 0 ||
	    check_value("--kms-key", a->kms_key, NULL, e) < 0 ||
	    check_value("--content-type", a->content_type, NULL, e) < 0)
		return -1;
	if (a->owner != NULL &&
	    (strlen(a->owner) != 12 || a->owner[strspn(a->owner, DIGITS)] != '\0'))
		return err_set(e, ST_USAGE,
		    "--bucket-owner: %.40s: not an account id of 12 digits", a->owner);
	if (a->kms_key != NULL && (a->sse == NULL || strcmp(a->sse, "AES256") == 0))
		return err_set(e, ST_USAGE, "--kms-key: goes with --sse=aws:kms");
	return 0;
}

static size_t
characters(const char *s, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += ((unsigned char)s[i] & 0xc0) != 0x80;
	return k;
}

int
attributes_tag(struct buf *tagging, const char *tag, unsigned *n, struct err *e)
{
	const char *eq = strchr(tag, '=');
	size_t key = eq == NULL ? 0 : (size_t)(eq - tag);

	if (key == 0)
		return err_set(e, ST_USAGE, "--tag: %.100s: not KEY=VALUE", tag);
	if (characters(tag, key) > TAG_KEY_MAX ||
	    characters(eq + 1, strlen(eq + 1)) > TAG_VALUE_MAX)
		return err_set(e, ST_USAGE,
		    "--tag: %.60s: longer than %d characters of key or %d of value", tag,
		    TAG_KEY_MAX, TAG_VALUE_MAX);
	if (++*n > TAGS_MAX)
		return err_set(e, ST_USAGE, "--tag: more than %d", TAGS_MAX);
	if (tagging->n > 0)
		buf_addc(tagging, '&');
	sigv4_encode(tagging, (struct str){ tag, key }, false);
	buf_addc(tagging, '=');
	sigv4_encode(tagging, str_of(eq + 1), false);
	return buf_check(tagging, "--tag", e);
}

size_t
attributes_headers(
    const struct attributes *a, bool makes, struct sigv4_pair out[ATTRIBUTES_MAX])
{
	const struct {
		const char *name, *value;
		bool always;
	} all[] = {
		{ "x-amz-expected-bucket-owner", a->owner, true },
		{ "x-amz-server-side-encryption", a->sse, false },
		{ "x-amz-server-side-encryption-aws-kms-key-id", a->kms_key, false },
		{ "x-amz-storage-class", a->storage_class, false },
		{ "x-amz-acl", a->acl, false },
		{ "x-amz-tagging", a->tagging, false },
		{ "content-type", a->content_type, false },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].value != NULL && (makes || all[i].always))
			out[n++] = (struct sigv4_pair){ str_of(all[i].name),
				str_of(all[i].value) };
	return n;
}
