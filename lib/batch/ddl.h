/* ddl.h - the SQL that makes a table of an archive.
 *
 *   athena  CREATE EXTERNAL TABLE with partition projection (Amazon Athena, "Partition
 *           projection"), the OpenX JSON SerDe
 *   spark   CREATE TABLE ... USING json, MSCK REPAIR TABLE
 *   trino   CREATE TABLE of the Hive connector, sync_partition_metadata
 *   duckdb  CREATE VIEW over read_json
 *
 * Directories NAME=VALUE of the template are partition columns, text, so that 07 stays 07.
 * Athena can also make columns of other directories.  Names are quoted; a member that has the
 * name of a partition column, or differs from another in case alone where that does not count,
 * is left out, and a comment says so.
 */
#ifndef DDL_H
#define DDL_H

struct buf;
struct columns;
struct err;
struct keytemplate;

enum ddl_dialect { DDL_ATHENA, DDL_SPARK, DDL_TRINO, DDL_DUCKDB };

/* Append the SQL.  `root`: where the archive is, "s3://bucket/logs" or a directory, or NULL:
 * a place to be filled in. */
int ddl_print(enum ddl_dialect d, const struct columns *c, const struct keytemplate *t,
    const char *root, struct buf *b, struct err *e);

#endif
