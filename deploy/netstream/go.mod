module netstream/deploy/netstream

go 1.26.0

require (
	netstream/pipeline v0.0.0
	netstream/schemas v0.0.0
	netstream/services/ager v0.0.0
	netstream/services/analyzer v0.0.0
	netstream/services/exporter v0.0.0
	netstream/services/flowcache v0.0.0
	netstream/services/sampler v0.0.0
)

require github.com/gopacket/gopacket v1.7.7

require (
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/prometheus/client_golang v1.25.0 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/schollz/progressbar/v3 v3.19.1 // indirect
	github.com/spf13/cobra v1.10.2 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/term v0.47.0 // indirect
)

replace (
	netstream/pipeline => ../../pipeline
	netstream/schemas => ../../schemas
	netstream/services/ager => ../../services/ager
	netstream/services/analyzer => ../../services/analyzer
	netstream/services/exporter => ../../services/exporter
	netstream/services/flowcache => ../../services/flowcache
	netstream/services/sampler => ../../services/sampler
)
