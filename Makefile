# `make help` lists the targets.
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR  ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
CFLAGS  ?= -O2 -g
B       ?= build
VERSION := 0.1.0

PROGS    := logtail logparse k8smeta logbatch s3put k8ssweep logsweep-status
PKGS_logtail  := libcrypto libisal libarchive
PKGS_logparse := libpcre2-8 yaml-0.1
PKGS_k8smeta  := libcrypto libcurl libisal yaml-0.1
PKGS_logbatch := libcrypto libisal zlib
PKGS_s3put    := libcrypto libcurl libisal
PKGS_k8ssweep := jansson libcrypto libcurl yaml-0.1
PKGS_logsweep-status := libcrypto
PKGS     := $(sort $(foreach p,$(PROGS),$(PKGS_$(p))))

# What setup installs, and why: README.md, "Dependencies".
DEBS     := pkg-config zlib1g-dev libisal-dev libpcre2-dev libcurl4-openssl-dev libssl-dev libyaml-dev \
            libjansson-dev libarchive-dev
DEBS_CHECK := libclang-rt-14-dev bats bats-assert bats-support jq mandoc python3 clang clang-format clang-tidy \
            cppcheck valgrind openssl curl procps bc strace ruby tzdata radosgw ceph-mon ceph-osd ceph-common \
            python3-yaml podman runc systemd tar gzip zstd xz-utils bzip2 zip cpio zsh fish kcat
DEBS_IMAGE := busybox-static ca-certificates tzdata python3
DEBS_DEB   := dpkg-dev debhelper lintian fakeroot
DEBS_BENCH := pigz isal python3 awscli rclone radosgw ceph-mon ceph-osd ceph-common curl openssl

comma   := ,
# the same source gives the same bytes, wherever it lies
std      = -ffile-prefix-map='$(CURDIR)=.' -std=c17 -D_GNU_SOURCE -Ilib -DLOGSWEEP_VERSION='"$(VERSION)"'
warn     = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
           -Wwrite-strings -Wformat=2 -Wvla -Wcast-qual -Wundef $(if $(CI),-Werror)
hard     = -fPIE -fstack-protector-strong $(if $(findstring fsanitize,$(CFLAGS)),,-D_FORTIFY_SOURCE=2) \
           $(if $(filter x86_64,$(shell uname -m)),-fcf-protection -fstack-clash-protection)
hardld   = -pie -Wl,-z,relro,-z,now,--as-needed$(if $(filter x86_64,$(shell uname -m)),$(comma)-z$(comma)shstk)
rooms   := base cli record source parse kube batch ledger s3 net
srcs    := $(wildcard $(rooms:%=lib/%/*.c))
cmds    := $(wildcard cmd/*.c cmd/*/*.c)
headers := $(wildcard lib/*/*.h cmd/*/*.h)
objs    := $(srcs:%.c=$(B)/%.o)
bins    := $(PROGS:%=$(B)/%)
units   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))
units_systemd := $(wildcard examples/systemd/*.service examples/systemd/*.timer)
# what `make valgrind` runs of tests/*.bats, the longest first: a quarter of an hour, and each program
grinds  := k8ssweep s3put-server status multiline s3put kube hostile parsers shard credentials errors logparse \
           logbatch-keys recipes k8smeta limits-logs logbatch-ddl limits-s3
gens    := $(wildcard tests/gen/*.c)
say      = $(if $(V),,@echo "  $1  $@";) # V=1 shows the commands

build: $(bins)                       ## build every program into build/
check: setup                         ## set up and run all tests
	$(MAKE) check-quick
demo: setup-build                    ## set up, sweep a sample node into a local archive, show what it made
	$(MAKE) build $(B)/nodetree
	PATH="$(abspath $(B)):$$PATH" tests/demo.sh
bench: setup-bench                   ## compare each stage and the pipe with compressing alone and with peers
	$(MAKE) build $(B)/nodetree
	PATH="$(abspath $(B)):$$PATH" tests/bench.sh

bench-check: setup                   ## instructions of each stage beside bench/instructions.tsv, within 3 % (UPDATE=1: write it)
	$(MAKE) build $(B)/nodetree
	PATH="$(abspath $(B)):$$PATH" tests/bench/check.sh

check-quick: build units $(B)/nodetree ## the tests without set-up (T='names of bats files')
	PATH="$(abspath $(B)):$$PATH" B="$(abspath $(B))" tests/run.sh $(T)
units: $(units)
image: setup-image build             ## the container image, without a registry: build/image/logsweep.tar
	$(MAKE) image-root
	k8s-cronjobs/image/archive.py $(B)/image/root logsweep:$(VERSION) $(B)/image/logsweep.tar
image-root:
	@mkdir -p $(B)/image
	k8s-cronjobs/image/rootfs.sh $(B) $(B)/image/root $(PROGS)
setup-image: ; @tests/setup.sh $(DEBS) $(DEBS_IMAGE)
setup: ; @tests/setup.sh $(DEBS) $(DEBS_CHECK) $(DEBS_IMAGE)      ## install what the tests need (apt-get as root)
setup-build: ; @tests/setup.sh $(DEBS) jq
setup-bench: ; @tests/setup.sh $(DEBS) jq $(DEBS_BENCH)
asan:                                ## the tests again, under ASan and UBSan
	$(MAKE) check-quick B=build/asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
tsan:                                ## the tests again, under ThreadSanitizer
	$(MAKE) check-quick B=build/tsan CFLAGS="-O1 -g -fsanitize=thread"
valgrind: build units $(B)/nodetree  ## the unit tests and some bats files under valgrind (T='names of bats files', T=all)
	@$(MAKE) -k -j$(shell nproc) $(patsubst %,tests/%.bats.valgrind,$(filter-out all,$(or $(T),$(grinds)))) \
		$(if $(filter-out all,$(T)),,$(addsuffix .valgrind,$(filter-out %/confine,$(units)))) \
		$(if $(filter all,$(T)),$(addsuffix .valgrind,$(wildcard tests/*.bats)))
tests/%.bats.valgrind:
	@PATH="$(abspath $(B)):$$PATH" B="$(abspath $(B))" tests/valgrind.sh $*
%.valgrind: %
	@UNDER=valgrind valgrind -q --error-exitcode=9 --leak-check=full $< >$@.log 2>&1 || { grep -v '^ok ' $@.log; echo "$<: failed under valgrind"; exit 1; }
	@echo "$<: ok under valgrind"
soak: setup                          ## T=SECONDS of sweeps, kills and disk errors (SEED=N, MULTILINE=1): each line once
	$(MAKE) build
	$(MAKE) faults
	python3 tests/soak/soak.py --bin=$(abspath $(B)) --faults=$(abspath build/faults) --seconds=$(or $(T),300) $(if $(SEED),--seed=$(SEED)) $(if $(MULTILINE),--multiline)
load: build                          ## T=SECONDS (600) of PODS=500 writing MB=50 a second, a sweep each minute
	python3 tests/soak/load.py --bin=$(abspath $(B)) --seconds=$(or $(T),600) --pods=$(or $(PODS),500) --rate=$(or $(MB),50)
fuzz:                                ## T=SECONDS for each fuzz target (60), NAME='names', SEED=N
	SEED=$(SEED) tests/fuzz/run.sh $(or $(T),60) $(NAME)
faults:                              ## a build that fails or dies at the n-th change of the disk
	$(MAKE) build B=build/faults CFLAGS="-O1 -g -DLOGSWEEP_FAULTS"
analyze:                             ## gcc -fanalyzer; what it is wrong about: .analyzer
	$(MAKE) -k -j$(shell nproc) $(patsubst %,%.analyzed,$(cmds) $(filter-out lib/base/err.c,$(srcs)))
%.c.analyzed: %.c
	@$(CC) $(std) -include tests/analyze.h -O1 -fanalyzer $(shell grep '^-' .analyzer) -Werror -c -o /dev/null $<
lint:                                ## man pages, formatting, headers alone, static analysis
	@mandoc -T lint -W warning man/*.[157]
	@clang-format --dry-run -Werror $(cmds) $(headers) $(wildcard lib/*/*.c tests/unit/*.[ch])
	@for h in $(filter-out %.inc.h,$(headers)); do $(CC) $(std) $(warn) -Werror -fsyntax-only -x c $$h || exit 1; done
	@clang-tidy --quiet $(cmds) $(srcs) -- $(std)
	@cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --suppressions-list=.cppcheck -D__x86_64__ -Ilib cmd lib
format:                              ## rewrite the C files with clang-format
	clang-format -i $(cmds) $(headers) $(wildcard lib/*/*.c tests/unit/*.[ch])
install: build                       ## into DESTDIR, under PREFIX: programs, man pages, completions, systemd units
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) $(DESTDIR)$(FISHDIR)
	install -m 755 $(bins) $(DESTDIR)$(BINDIR)
	for s in 1 5 7; do install -m 644 man/*.$$s $(DESTDIR)$(MANDIR)/man$$s || exit 1; done
	install -m 644 $(units_systemd) $(DESTDIR)$(UNITDIR)
	for p in $(PROGS); do for s in bash zsh fish; do \
		$(B)/$$p --completion=$$s >$(B)/$$p.$$s || exit 1; done; \
		install -m 644 $(B)/$$p.bash $(DESTDIR)$(BASHDIR)/$$p && \
		install -m 644 $(B)/$$p.zsh $(DESTDIR)$(ZSHDIR)/_$$p && \
		install -m 644 $(B)/$$p.fish $(DESTDIR)$(FISHDIR)/$$p.fish || exit 1; done
uninstall:                           ## take away what install put there
	rm -f $(PROGS:%=$(DESTDIR)$(BINDIR)/%)
	rm -f $(units_systemd:examples/systemd/%=$(DESTDIR)$(UNITDIR)/%)
	rm -f $(PROGS:%=$(DESTDIR)$(BASHDIR)/%) $(PROGS:%=$(DESTDIR)$(ZSHDIR)/_%) $(PROGS:%=$(DESTDIR)$(FISHDIR)/%.fish)
	for f in $(notdir $(wildcard man/*.[157])); do rm -f $(DESTDIR)$(MANDIR)/man$${f##*.}/$$f; done
deb:                                 ## a Debian package, in build/deb (set up with make setup-deb)
	debian/build.sh $(B)/deb
setup-deb: ; @tests/setup.sh $(DEBS) $(DEBS_DEB)
check-package: setup                 ## the package: builds twice the same, lintian, install and purge (minutes)
	@tests/setup.sh $(DEBS_DEB)
	bats tests/package
help:                                ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## *\(.*\)/\1\t\2/p' Makefile | expand -t 14
clean:                               ## remove what was built
	rm -rf build

$(B)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(call say,cc)$(CC) $(std) $(warn) $(hard) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/cmd/%.o: cmd/%.c
	@mkdir -p $(@D)
	$(call say,cc)$(CC) $(std) $(warn) $(hard) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/lib.a: $(objs)
	$(call say,ar)rm -f $@ && $(AR) rcs $@ $^
$(B)/cmd/%.libs.o: lib/cli/libraries.c Makefile
	@mkdir -p $(@D)
	$(call say,cc)$(CC) $(std) $(warn) $(hard) $(CPPFLAGS) $(CFLAGS) $(foreach p,$(PKGS_$*),-DWITH_$(subst -,_,$(subst .,_,$(p)))) \
		-MMD -MP -c -o $@ $<
# a program is cmd/NAME.c and, of one that has more than that, cmd/NAME/*.c
parts     = $(patsubst %.c,$(B)/%.o,$(wildcard cmd/$1/*.c))
.SECONDEXPANSION:
$(bins): $(B)/%: $(B)/cmd/%.o $$(call parts,$$*) $(B)/cmd/%.libs.o $(B)/lib.a
	$(call say,ld)$(CC) $(CFLAGS) $(hardld) $(LDFLAGS) -o $@ $^ $(if $(PKGS_$*),$(shell pkg-config --libs $(PKGS_$*))) $(LDLIBS)
$(B)/unit/%: tests/unit/%.c tests/unit/unit.h $(B)/lib.a
	@mkdir -p $(@D)
	$(call say,cc)$(CC) $(std) -Itests/unit $(warn) $(hard) $(CPPFLAGS) $(CFLAGS) $(hardld) -MMD -MP -o $@ $< $(B)/lib.a $(shell pkg-config --libs $(PKGS) jansson)
$(B)/nodetree: $(gens) $(wildcard tests/gen/*.h)
	@mkdir -p $(@D)
	$(call say,cc)$(CC) -std=c17 -D_GNU_SOURCE $(warn) $(CFLAGS) -o $@ $(gens) -lz

-include $(wildcard $(B)/cmd/*.d $(B)/cmd/*/*.d $(B)/lib/*/*.d $(B)/unit/*.d)
.PHONY: build check demo bench bench-check check-quick units setup setup-build setup-bench asan tsan valgrind \
	image image-root setup-image soak load fuzz faults analyze lint format install uninstall deb setup-deb check-package help clean
.SECONDARY:
