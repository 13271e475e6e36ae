#include "s3/advice.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *says, *advice;
} table[] = {
	{ "does not resolve", "check the host in --endpoint, or the region, for a typing "
			      "error, and that this machine's DNS works" },
	{ "Connection refused",
	    "nothing listens there: check host and port of --endpoint, "
	    "and that the server runs" },
	{ "no connection within", "the way there is blocked: a firewall, a missing proxy "
				  "(https_proxy) or a missing VPC endpoint" },
	{ "unreachable", "there is no route to it from this machine or pod" },
	{ "certificate is not trusted",
	    "if the server is yours, --ca=FILE with the PEM file of its CA trusts it" },
	{ "does not speak TLS", "write http:// in --endpoint, if you mean it" },
	{ " InvalidAccessKeyId",
	    "the server does not know this access key: it was deleted, "
	    "or belongs to another server" },
	{ " SignatureDoesNotMatch", "the secret key is not the one of this access key" },
	{ " RequestTimeTooSkewed", "set this machine's clock (chrony, NTP)" },
	{ " ExpiredToken", "the session has ended: get new credentials" },
	{ " InvalidToken", "the session token does not belong to the access key" },
	{ " NoSuchBucket",
	    "make the bucket, or check its name (and the account and region)" },
	{ " InvalidBucketName", "check the name of the bucket" },
	{ " PermanentRedirect", "give the region of the bucket as --region=NAME" },
	{ " TemporaryRedirect",
	    "the bucket is new: try again in an hour, or give its region "
	    "as --region=NAME" },
	{ " AuthorizationHeaderMalformed",
	    "the region is not the bucket's: give it as --region=NAME" },
	{ " IllegalLocationConstraint",
	    "the region is not the bucket's: give it as --region=NAME" },
	{ " KMS.", "the key of --kms-key is disabled, deleted, or in another region" },
	{ " AccessControlListNotSupported",
	    "the bucket's owner owns all in it and takes no ACLs: leave --acl out" },
	{ " InvalidStorageClass", "--storage-class names none that this server has" },
	{ " 501 ", "the server does not do this: leave out --sse, --tag, --acl, "
		   "--storage-class or --checksum, one after the other" },
	{ " 403",
	    "the identity may not put objects here: it needs s3:PutObject on "
	    "BUCKET/PREFIX/* (with --tag also s3:PutObjectTagging, with --acl "
	    "s3:PutObjectAcl, with --sse=aws:kms kms:GenerateDataKey and kms:Decrypt), "
	    "and --bucket-owner must be right" },
	{ " 404", "check the name of the bucket and the path in --endpoint" },
	{ "is this an S3 server", "--endpoint answers HTTP, but something else than S3" },
	{ "no upload id", "--endpoint answers HTTP, but something else than S3" },
	{ "No space left", "make room, or choose another directory" },
	{ "Permission denied", "give the user that runs s3put the right to write there" },
	{ "Read-only file system", "mount it for writing, or choose another directory" },
};

const char *
advice_on(const char *text)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strstr(text, table[i].says) != NULL)
			return table[i].advice;
	return NULL;
}
