// Package buildtag makes a build without DuckDB's Arrow interface fail with a name that says what to do.
package buildtag
