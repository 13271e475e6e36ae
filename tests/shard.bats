#!/usr/bin/env bats
bats_require_minimum_version 1.5.0

# logtail --shard=I/N: N jobs together read each file once, and judge nothing but their own.

T=2026-11-22T13:00

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	logtail --version 2>/dev/null | grep -q '(logsweep)' || skip "logtail is not built"
}

cri() { seq "$1" "$2" | awk -v t=$T '{ printf "%s:%02d.%09dZ stdout F line %d\n", t, $1 / 100 % 60, $1, $1 }'; }
raw() { seq -f "line %g" "$1" "$2"; }
records() { jq -c 'select(keys != ["_src"])' "$@"; }
logs() { jq -r 'select(has("log") and (._error | not)) | .log' "$@"; }

# 30 logs, each with a rotated sibling, of 10 lines each
tree() {
	mkdir d
	for i in $(seq 0 29); do
		cri $((i * 20 + 1)) $((i * 20 + 10)) | gzip >d/$i.log.20261122-120000.gz
		cri $((i * 20 + 11)) $((i * 20 + 20)) >d/$i.log
	done
	touch -d '1 hour ago' d/*
}

@test "the shards of files together are all of them, none twice, and a family stays together" {
	tree
	for n in 1 2 3 7; do
		: >all
		: >names
		for i in $(seq 1 $n); do
			logtail --stats=stats --shard=$i/$n d >out
			logs out >>all
			records out | jq -r ._src.file | sort -u >>names
			[ "$n" -gt 3 ] || [ -s out ]
		done
		diff <(sort -V all) <(raw 1 600)
		[ -z "$(sort names | uniq -d)" ]
		[ "$(sort -u names | wc -l)" -eq 30 ]
	done
}

@test "a shard is the same whenever it is asked for; a Job's index from 0 does as well" {
	tree
	for i in 0 1 2; do logtail --shard=$i/3 d | logs >$i; done
	logtail --shard=3/3 d | logs | cmp - 0
	rm -r d/1*.log
	logtail --shard=1/3 d | logs | sort >new
	[ -z "$(comm -13 <(sort 1) new)" ]
}

@test "members of archives are split as well, and archives are read by every shard" {
	tree
	tar czf b.tgz d
	touch -d '1 hour ago' b.tgz
	: >all
	for i in 1 2 3 4; do
		logtail --stats=stats --shard=$i/4 b.tgz >out 2>told
		[ ! -s told ]
		[ -s out ]
		logs out >>all
		records out | jq -r '._src.file | sub("[.]log.*"; "")' | sort -u >>names
	done
	diff <(sort -V all) <(raw 1 600)
	[ -z "$(sort names | uniq -d)" ]
}

@test "each shard with a state of its own archives its part once; together they are all" {
	tree
	for round in 1 2; do
		for i in 1 2 3; do
			logtail --state=S$i --shard=$i/3 d >rec
			[ $round -eq 1 ] || [ -z "$(records rec)" ]
			logbatch --state=S$i --node=n <rec >/dev/null
		done
	done
	diff <(find S? -name '*.gz' -path '*outbox*' -exec zcat {} + | logs | sort -V) <(raw 1 600)
}

@test "a shard judges nothing gone that is another's" {
	tree
	logtail --state=S d | logbatch --state=S --node=n >/dev/null
	# bytes that were seen and never read: a gap, when the file goes
	for i in $(seq 0 29); do
		cri 5000 5001 >>d/$i.log
		printf '%s' "$(cri 5002 5002)" >>d/$i.log
	done
	logtail --state=S d | logbatch --state=S --node=n >/dev/null
	rm d/*.log
	: >gaps
	for i in 1 2 3; do
		tail=0
		logtail --state=S --stats=stats --shard=$i/3 d >rec 2>told || tail=$?
		[ $tail -eq 3 ]
		jq -r 'select(._error.gap)._src.file' rec >>gaps
		jq -r 'select(._src.gone)._src.file' rec >>gone
	done
	[ "$(sort gaps | uniq | wc -l)" -eq 30 ]
	[ -z "$(sort gaps | uniq -d)" ]
}

@test "a shard that makes no sense is usage" {
	tree
	for s in 3 4/3 x/3 1/0 1/ /3 1/10001 -1/3; do
		run -2 --separate-stderr logtail --shard=$s d
		[[ $stderr == *"--shard: $s: not I/N"* ]]
	done
}
