#!/usr/bin/env python3
"""typing.py SHELL SETUP TEXT... - what an interactive shell makes of each TEXT and a TAB.

SETUP is a line that the shell runs first. After TEXT and TAB the line becomes the arguments of
printf, so that what is printed are the words as the shell would run them, each in <>. All is
typed ahead; nothing depends on time but the limit after which the test fails.
"""
import os
import pty
import re
import signal
import sys

ARGS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}


def main():
    shell, setup, texts = sys.argv[1], sys.argv[2], sys.argv[3:]
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="vt100", PS1="$ ", HISTFILE="/dev/null", COLUMNS="500", LC_ALL="C.UTF-8")
        os.execvp(shell, ARGS[shell])
    signal.alarm(60)
    seen = b""

    def until(pattern):
        nonlocal seen
        while not (m := re.search(pattern, seen, re.S)):
            try:
                more = os.read(fd, 65536)
            except OSError:
                more = b""
            if not more:
                sys.exit("typing.py: the shell ended: " + seen.decode(errors="replace"))
            seen += more
        seen = seen[m.end():]
        return m

    os.write(fd, (setup + "; stty cols 500; echo rea''dy\n").encode())
    until(rb"ready\r")
    for text in texts:
        os.write(fd, text.encode() + b"\t\x01printf '<%s>' \x05; echo end''ed\r")
        m = until(rb"[\r\n]([^\r\n]*)end" + rb"ed\r")
        print(m.group(1).decode(errors="replace"))
    os.write(fd, b"exit\r")
    os.close(fd)
    os.kill(pid, signal.SIGHUP)
    os.waitpid(pid, 0)


main()
