bats_require_minimum_version 1.5.0

# --print-ddl: tables for the template and the members in use.  What the engines make of them
# cannot be tried here; the shape of the text is.

load logbatch
setup() { begin; }

# balanced SQL: are its brackets and quotes closed, and does each statement end?
balanced() {
	python3 - "$1" <<-'E'
		import re, sys
		text = open(sys.argv[1]).read()
		bare = re.sub(r"--[^\n]*\n|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`", ' ', text)
		assert not re.search('[\'"`]', bare), bare
		stack = []
		for c in bare:
		    if c in '([{<': stack.append(c)
		    elif c in ')]}>': assert stack.pop() + c in ('()', '[]', '{}', '<>'), bare
		assert not stack and bare.rstrip().endswith(';'), bare
	E
}

@test "--print-ddl: columns as the records have them, partitions as the template has them" {
	cat >in <<-'E'
		{"_src":{"file":"f","id":"00000000000000aa","gen":0,"end":0}}
		{"time":"2026-11-22T13:00:00Z","log":"a","n":1,"x":1,"l":[1],"k":{"labels":{"a.b/c":"d"},"pod":"p"},"hour":"mine"}
		{"time":"2026-11-22T13:00:00Z","n":1.5,"x":"text","l":[2,null],"b":true,"k":{"pod":null,"n":2},"o":{"odd name":"v"},"none":null}
	E
	logbatch --print-ddl=duckdb in >sql
	balanced sql
	sed -n "s/^  '\([a-z]*\)': '\(.*\)',*$/\1 \2/p" sql | diff - <(cat <<-'E'
		time VARCHAR
		log VARCHAR
		n DOUBLE
		x JSON
		l BIGINT[]
		k STRUCT("labels" MAP(VARCHAR, VARCHAR), "pod" VARCHAR, "n" BIGINT)
		b BOOLEAN
		o MAP(VARCHAR, VARCHAR)
		none VARCHAR
	E
	)
	grep -qx -- "-- left out: a member hour, which another column hides" sql
	grep -qF "hive_types = {'year': VARCHAR, 'month': VARCHAR, 'day': VARCHAR, 'hour': VARCHAR}" sql
	grep -qF "'archive/year=*/month=*/day=*/hour=*/*'" sql
	# from standard input and from an object the same
	logbatch --print-ddl=duckdb <in | cmp - sql
	sed 1d in | logbatch --out=O >/dev/null
	logbatch --print-ddl=duckdb "$(find O -name '*.gz')" | cmp - sql
	logbatch --print-ddl=athena --out=s3://b/p/ in >sql
	balanced sql
	grep -qF '`k` struct<labels:map<string,string>,pod:string,n:bigint>,' sql
	grep -qF 'PARTITIONED BY (`year` string, `month` string, `day` string, `hour` string)' sql
	grep -qF "'storage.location.template'='s3://b/p/year=\${year}/month=\${month}/day=\${day}/hour=\${hour}/'" sql
	grep -qF "'projection.hour.range'='0,23'" sql
	grep -qF "'projection.hour.digits'='2'" sql
	grep -qF "LOCATION 's3://b/p/'" sql
	logbatch --print-ddl=spark in >sql
	balanced sql
	grep -qF 'USING json' sql
	grep -qF 'PARTITIONED BY (`year`, `month`, `day`, `hour`)' sql
	grep -qF '`l` ARRAY<BIGINT>' sql
	logbatch --print-ddl=trino in >sql
	balanced sql
	grep -qF "partitioned_by = ARRAY['year', 'month', 'day', 'hour']" sql
	grep -qF '"k" ROW("labels" map(varchar, varchar), "pod" varchar, "n" bigint)' sql
}

@test "--print-ddl: other templates: dates, fields, directories without names" {
	logbatch --print-ddl=athena --key='logs/ns={kubernetes.namespace_name}/dt=%F-%H/{id}' </dev/null >sql
	balanced sql
	for p in "'projection.ns.type'='injected'" "'projection.dt.format'='yyyy-MM-dd-HH'" "'projection.dt.range'='2020-01-01-00,NOW'" \
		"'projection.dt.interval.unit'='HOURS'" "LOCATION 's3://BUCKET/PREFIX/logs/'" 'logs/ns=${ns}/dt=${dt}/'; do
		grep -qF -- "$p" sql
	done
	logbatch --print-ddl=athena --key='%Y/%m/%d/{node}/{stream}-x/{id}' </dev/null >sql
	balanced sql
	grep -qF '(`year` string, `month` string, `day` string, `node` string, `dir5` string)' sql
	grep -qF '/${year}/${month}/${day}/${node}/${dir5}/' sql
	for d in spark trino duckdb; do
		logbatch --print-ddl=$d --key='%Y/%m/{id}' </dev/null >sql
		balanced sql
		run ! grep -i partitioned sql
	done
	grep -qF "'archive/*/*/*'" sql
	logbatch --print-ddl=trino --key='{id}' </dev/null >sql
	balanced sql
}

@test "--print-ddl: the usual columns without records; wrong words and bad input are told" {
	for d in athena spark trino duckdb; do
		logbatch --print-ddl=$d </dev/null >sql
		balanced sql
		for c in time stream log log_processed kubernetes namespace_name labels; do grep -qw "$c" sql; done
		run ! grep -w _src sql
	done
	run -2 --separate-stderr logbatch --print-ddl=oracle
	[[ $stderr == "logbatch: --print-ddl: oracle: not one of athena, spark, trino, duckdb" ]]
	run -1 logbatch --print-ddl=spark missing
	run -2 logbatch --print-ddl=spark --verify
	run -2 logbatch --print-ddl=spark --key=x
}

@test "--print-ddl: names that are meant to break out stay names" {
	cat >in <<-'E'
		{"a'b":1,"c\"d":2,"e`f":3,"--g":4,"x\n\u0000y":5,");DROP TABLE logs;--":6,"é":7,"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{}}}}}}}}}}
		not json {{{
	E
	python3 -c 'import json; print(json.dumps({"m%d" % i: i for i in range(3000)})); print(json.dumps({"wide": {"k%d" % i: "v" for i in range(500)}}))' >>in
	for d in athena spark trino duckdb; do
		logbatch --print-ddl=$d in >sql
		balanced sql
		[ "$(grep -c 'm120' sql)" = 1 ]
		[ "$(grep -c 'm121' sql)" = 0 ]
	done
	logbatch --print-ddl=athena in | grep -F "'mapping.a_b'='a''b'"
}
