/* process.h - credentials from a program: credential_process of a profile.
 *
 *     credential_process = "/opt/my tools/keys" --account logs
 *
 * The command is split at blanks; quotes of both kinds hold blanks together; a backslash
 * takes the next character as it is (within "..." only before " and \, within '...' never).
 * Nothing is expanded and no shell runs.  The program is found by PATH, has the environment
 * as it is, nothing on its standard input, and its messages go where ours go.  Within the
 * time limit it prints {"Version":1,...} (credsource.h), and exits with 0; else it is
 * killed, with those it started.
 *
 * Source: "Process credential provider", AWS SDKs and Tools Reference Guide.
 */
#ifndef PROCESS_H
#define PROCESS_H
#include "s3/credsource.h"

enum {
	PROCESS_COMMAND_MAX = 4096, /* bytes */
	PROCESS_ARGS_MAX = 64,
};
#define PROCESS_LIMIT_NS ((int64_t)60000000000)

/* Split `command` into at most PROCESS_ARGS_MAX arguments and a NULL; their text is in
 * `text`, of PROCESS_COMMAND_MAX bytes.  Their number, or -1. */
int process_split(
    struct str command, char *text, char *argv[PROCESS_ARGS_MAX + 1], struct err *e);

/* `where` names the profile.  1, or -1. */
int process_credentials(struct credsource *s, struct str command, const char *where,
    int64_t limit_ns, struct credentials *c, struct err *e);

#endif
