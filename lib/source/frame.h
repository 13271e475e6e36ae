/* frame.h - one physical line of a container log, taken apart.
 *
 *     CRI     2026-11-22T13:00:00.123456789Z stdout F the message
 *     Docker  {"log":"the message\n","stream":"stdout","attrs":{...},"time":"2026-..."}
 *     raw     the message
 *
 * CRI tags may go on after a colon (P:TAG1:TAG2); P says that more of the message follows
 * in the next line of the same stream.  A Docker part is one whose log does not end in
 * \n.  A CRI or raw message is bytes; a Docker message is JSON text already. Source: the
 * CRI log format of Kubernetes (cri-client/pkg/logs), moby's jsonlog.
 */
#ifndef FRAME_H
#define FRAME_H
#include "base/str.h"
#include <stdbool.h>

enum { FRAME_TIME_MAX = 40 }; /* a longer one is none */

enum frame_format { FRAME_AUTO, FRAME_DOCKER, FRAME_CRI, FRAME_RAW };

struct frame {
	struct str time;  /* safe inside a JSON string */
	struct str text;  /* without line end; Docker: raw JSON text */
	struct str attrs; /* Docker's, raw, or n = 0 */
	unsigned stream;  /* 0 stdout, 1 stderr */
	bool partial;
};

/* `line` is without its LF.  false: not of that form. */
bool frame_cri(struct str line, struct frame *f);
bool frame_docker(struct str line, struct frame *f);

/* By the first line of a file; `whole`: its end was seen. */
enum frame_format frame_guess(struct str line, bool whole);

#endif
