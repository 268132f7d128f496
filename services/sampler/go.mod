module netstream/services/sampler

go 1.26.0

require (
	netstream/pipeline v0.0.0
	netstream/schemas v0.0.0
)

require (
	github.com/google/go-cmp v0.7.0
	github.com/gopacket/gopacket v1.7.7
	github.com/klauspost/compress v1.20.3
	github.com/klauspost/cpuid/v2 v2.4.0 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	netstream/pipeline => ../../pipeline
	netstream/schemas => ../../schemas
)
