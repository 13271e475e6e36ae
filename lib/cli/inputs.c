#include "cli/inputs.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
inputs_init(struct inputs *in, int argc, char *argv[], struct err *e)
{
	static char dash[] = "-", *fallback[] = { dash, NULL };

	*in = (struct inputs){
		.fd = -1, .next = argc > 0 ? argv : fallback, .left = argc > 0 ? argc : 1
	};
	if (argc == 0 && isatty(STDIN_FILENO))
		return err_set(e, ST_USAGE,
		    "<stdin>: a terminal; pipe records in or name a file; try --help");
	return 0;
}

int
inputs_next(struct inputs *in, struct err *e)
{
	struct stat st;

	if (in->fd > STDIN_FILENO)
		close(in->fd);
	in->fd = -1;
	if (in->left == 0)
		return 0;
	in->left--;
	in->name = *in->next++;
	if (strcmp(in->name, "-") == 0) {
		in->name = "<stdin>";
		in->fd = STDIN_FILENO;
	} else if ((in->fd = open(in->name, O_RDONLY | O_CLOEXEC)) < 0) {
		return err_sys(e, in->name);
	}
	if (fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return err_sys(e, in->name);
	}
	return 1;
}
