module netstream/pipeline

go 1.26.0

require netstream/schemas v0.0.0

require (
	github.com/goccy/go-yaml v1.19.2 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
)

replace netstream/schemas => ../schemas
