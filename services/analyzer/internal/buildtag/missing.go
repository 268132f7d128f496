//go:build !duckdb_arrow

package buildtag

// Rows are landed and read as Arrow record batches, which the DuckDB driver has behind a build tag.
var _ = build_with_tags_duckdb_arrow
