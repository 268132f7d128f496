module netstream/schemas

go 1.26

require (
	github.com/apache/arrow-go/v18 v18.8.0 // indirect
	github.com/google/go-cmp v0.7.0
	github.com/klauspost/cpuid/v2 v2.4.0 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
)
