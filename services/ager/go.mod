module netstream/services/ager

go 1.26.0

require (
	netstream/pipeline v0.0.0
	netstream/schemas v0.0.0
)

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
)

replace (
	netstream/pipeline => ../../pipeline
	netstream/schemas => ../../schemas
)
