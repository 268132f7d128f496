module netstream/services/analyzer

go 1.26

require (
	netstream/schemas v0.0.0
	netstream/pipeline v0.0.0
)

replace (
	netstream/schemas => ../../schemas
	netstream/pipeline => ../../pipeline
)
