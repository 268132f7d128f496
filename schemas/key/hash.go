package key

import "github.com/zeebo/xxh3"

// Every hash of the line is XXH3-64 with a seed: a published function (xxhash.com), the same on every machine. Vectors
// are in testdata/hash.json.

// Seed is the XXH3-64 of a name with seed 0; it starts the hashes of all that belongs to that name.
func Seed(name string) uint64 { return xxh3.HashString(name) }

// FlowSeed starts the hashes of a monitor's flows of one source.
func FlowSeed(source, monitor string) uint64 { return xxh3.HashString(source + "\x00" + monitor) }

// Shard maps a hash to one of n shards.
func Shard(hash uint64, n int) int { return int(hash % uint64(n)) }
