module netstream/deploy/netstream

go 1.26

require (
	netstream/schemas v0.0.0
	netstream/pipeline v0.0.0
	netstream/services/sampler v0.0.0
	netstream/services/flowcache v0.0.0
	netstream/services/ager v0.0.0
	netstream/services/exporter v0.0.0
	netstream/services/analyzer v0.0.0
)

require github.com/gopacket/gopacket v1.7.7

replace (
	netstream/schemas => ../../schemas
	netstream/pipeline => ../../pipeline
	netstream/services/sampler => ../../services/sampler
	netstream/services/flowcache => ../../services/flowcache
	netstream/services/ager => ../../services/ager
	netstream/services/exporter => ../../services/exporter
	netstream/services/analyzer => ../../services/analyzer
)
