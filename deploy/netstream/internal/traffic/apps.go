package traffic

import "time"

// shape is how the packets of a conversation follow each other.
type shape uint8

const (
	shapeTCP        shape = iota // handshake, bursts with acknowledgements, close
	shapeDatagram                // the same over UDP: QUIC and its relatives
	shapeExchange                // one question, one answer
	shapeStream                  // both sides send at a steady rate
	shapeScan                    // event: one host tries all ports of another
	shapeReflection              // event: large answers that nobody asked for
	shapeSYNFlood                // event: handshakes that nobody finishes
	shapeARP                     // who has that address?
	shapeLLDP                    // the far end of a link says its name
)

// Protocol numbers of IPv4 and IPv6.
const (
	protoICMP   = 1
	protoTCP    = 6
	protoUDP    = 17
	protoICMPv6 = 58
)

// lead is what the payload of an application's packets starts with.
type lead uint8

const (
	leadNone lead = iota
	leadTLS
	leadQUIC     // after the opening
	leadQUICOpen // long headers
	leadDNS
	leadNTP
	leadRTP
	leadDNSAnswer // of a reflection
	leadNTPList   // of a reflection
)

// service is a server port and its weight; weights of an application add up
// to 100. Port 0 stands for any high port.
type service struct {
	port   uint16
	weight uint8
	lead   lead
}

// app is an application with its habits. Sizes are bytes of payload.
type app struct {
	name     string
	share    float64 // of all ordinary packets, averaged over a day
	packets  float64 // mean of a conversation; a test keeps it honest
	rhythm   *rhythm
	shape    shape
	proto    uint8
	clients  group
	servers  group
	pool     uint64 // only the first so many hosts of a network serve; 0: all
	services []service
	v6       float64 // share of conversations over IPv6
	dscp     uint8
	vlan     uint16 // on the datacentre port

	rounds   law           // questions in a conversation, or packets of a stream
	request  law           // client to server, for each round or packet
	response law           // server to client
	rate     law           // packets a second within a burst or stream
	think    time.Duration // mean pause between rounds
	reset    float64       // share of connections that end with RST
	ackEvery uint8         // data packets for one acknowledgement
}

// DSCP values by their names (RFC 4594).
const (
	cs1, cs2, cs4, cs6     = 8, 16, 32, 48
	af11, af21, af31, af41 = 10, 18, 26, 34
	ef                     = 46
)

// crowdApp is the application of the flash crowd event, the last one.
var crowdApp = len(apps) - 1

// apps are all applications; shares add up to 1.
var apps = []app{
	{
		name: "web", share: 0.20, packets: 34.5, rhythm: &residential, shape: shapeTCP, proto: protoTCP,
		clients: people, servers: sites, v6: 0.30,
		services: []service{{443, 84, leadTLS}, {80, 13, leadNone}, {8080, 3, leadNone}},
		rounds:   law{1, 12, 1.0}, request: law{300, 1800, 0}, response: law{1500, 8e6, 1.15},
		rate: law{150, 1200, 0}, think: 1500 * time.Millisecond, reset: 0.06, ackEvery: 2,
	},
	{
		name: "quic", share: 0.15, packets: 28, rhythm: &residential, shape: shapeDatagram, proto: protoUDP,
		clients: homes, servers: sites, v6: 0.40, services: []service{{443, 100, leadQUIC}},
		rounds: law{1, 10, 1.0}, request: law{200, 1200, 0}, response: law{1500, 8e6, 1.15},
		rate: law{200, 1500, 0}, think: 1200 * time.Millisecond, ackEvery: 5,
	},
	{
		name: "video", share: 0.20, packets: 2370, rhythm: &residential, shape: shapeTCP, proto: protoTCP,
		clients: homes, servers: caches, v6: 0.35, dscp: af31, services: []service{{443, 100, leadTLS}},
		rounds: law{4, 20, 0}, request: law{400, 900, 0}, response: law{60e3, 320e3, 0},
		rate: law{300, 900, 0}, think: 2500 * time.Millisecond, reset: 0.1, ackEvery: 2,
	},
	{
		name: "hosted web", share: 0.08, packets: 22, rhythm: &business, shape: shapeTCP, proto: protoTCP,
		clients: world, servers: hosted, v6: 0.20, services: []service{{443, 92, leadTLS}, {80, 8, leadNone}},
		rounds: law{1, 10, 1.0}, request: law{300, 2500, 0}, response: law{800, 4e6, 1.2},
		rate: law{200, 1500, 0}, think: 1500 * time.Millisecond, reset: 0.05, ackEvery: 2,
	},
	{
		name: "dns", share: 0.03, packets: 2.99, rhythm: &residential, shape: shapeExchange, proto: protoUDP,
		clients: people, servers: farm, pool: 3, v6: 0.20, vlan: 210, services: []service{{53, 100, leadDNS}},
		rounds: law{1, 3, 1.5}, think: 30 * time.Millisecond,
	},
	{
		name: "backup", share: 0.08, packets: 3290, rhythm: &nightly, shape: shapeTCP, proto: protoTCP,
		clients: backedUp, servers: stores, v6: 0.10, dscp: cs1, vlan: 220,
		services: []service{{873, 40, leadNone}, {10000, 35, leadNone}, {2049, 25, leadNone}},
		rounds:   law{1, 3, 0}, request: law{3e5, 40e6, 0.95}, response: law{40, 400, 0},
		rate: law{300, 900, 0}, think: 300 * time.Millisecond, reset: 0.01, ackEvery: 2,
	},
	{
		name: "database", share: 0.06, packets: 145, rhythm: &business, shape: shapeTCP, proto: protoTCP,
		clients: dcClients, servers: farm, pool: 12, v6: 0.05, dscp: af21, vlan: 210,
		services: []service{{5432, 50, leadNone}, {3306, 30, leadNone}, {1521, 20, leadNone}},
		rounds:   law{10, 400, 0.9}, request: law{60, 700, 0}, response: law{80, 60e3, 0.9},
		rate: law{1000, 4000, 0}, think: 80 * time.Millisecond, reset: 0.02, ackEvery: 2,
	},
	{
		name: "ssh", share: 0.015, packets: 103, rhythm: &business, shape: shapeTCP, proto: protoTCP,
		clients: offices, servers: backedUp, v6: 0.15, dscp: cs2, vlan: 210, services: []service{{22, 100, leadNone}},
		rounds: law{10, 150, 0.8}, request: law{36, 120, 0}, response: law{36, 6e3, 1.2},
		rate: law{300, 900, 0}, think: 400 * time.Millisecond, reset: 0.03, ackEvery: 2,
	},
	{
		name: "mail", share: 0.03, packets: 40, rhythm: &business, shape: shapeTCP, proto: protoTCP,
		clients: people, servers: hosted, pool: 6, v6: 0.15, dscp: af11, vlan: 240,
		services: []service{{993, 50, leadTLS}, {587, 25, leadNone}, {25, 25, leadNone}},
		rounds:   law{3, 8, 0}, request: law{60, 3e6, 0.7}, response: law{60, 2e3, 0.9},
		rate: law{200, 1000, 0}, think: 150 * time.Millisecond, reset: 0.02, ackEvery: 2,
	},
	{
		name: "voice", share: 0.04, packets: 1970, rhythm: &business, shape: shapeStream, proto: protoUDP,
		clients: phones, servers: phones, v6: 0.10, dscp: ef, vlan: 230, services: []service{{0, 100, leadRTP}},
		rounds: law{800, 6000, 0.8}, request: law{172, 172, 0}, response: law{172, 172, 0}, rate: law{100, 100, 0},
	},
	{
		name: "game", share: 0.035, packets: 2200, rhythm: &residential, shape: shapeStream, proto: protoUDP,
		clients: homes, servers: world, pool: 20, dscp: cs4, services: []service{{27015, 60, leadNone}, {3074, 40, leadNone}},
		rounds: law{800, 3600, 0}, request: law{40, 110, 0}, response: law{90, 420, 0}, rate: law{50, 80, 0},
	},
	{
		name: "peer to peer", share: 0.065, packets: 83, rhythm: &residential, shape: shapeTCP, proto: protoTCP,
		clients: homes, servers: world, v6: 0.20, dscp: cs1, services: []service{{6881, 40, leadNone}, {0, 60, leadNone}},
		rounds: law{2, 80, 0.7}, request: law{60, 16e3, 0.8}, response: law{500, 32e3, 0.3},
		rate: law{60, 400, 0}, think: 700 * time.Millisecond, reset: 0.2, ackEvery: 2,
	},
	{
		name: "ntp", share: 0.004, packets: 1.98, rhythm: &steady, shape: shapeExchange, proto: protoUDP,
		clients: machines, servers: farm, pool: 2, v6: 0.15, dscp: cs6, vlan: 210, services: []service{{123, 100, leadNTP}},
		rounds: law{1, 1, 0}, request: law{48, 48, 0}, response: law{48, 48, 0}, think: time.Second,
	},
	{
		name: "ping", share: 0.006, packets: 10.9, rhythm: &steady, shape: shapeExchange, proto: protoICMP,
		clients: machines, servers: world, pool: 30, v6: 0.20, services: []service{{0, 100, leadNone}},
		rounds: law{3, 8, 0}, request: law{56, 56, 0}, response: law{56, 56, 0}, think: time.Second,
	},
	{
		name: "snmp", share: 0.005, packets: 19.8, rhythm: &steady, shape: shapeExchange, proto: protoUDP,
		clients: offices, servers: backedUp, dscp: cs2, vlan: 210, services: []service{{161, 100, leadNone}},
		rounds: law{5, 15, 0}, request: law{70, 110, 0}, response: law{90, 1200, 0}, think: 40 * time.Millisecond,
	},
	{
		name: "flash crowd", packets: 23, rhythm: &onDemand, shape: shapeTCP, proto: protoTCP,
		clients: audience, servers: hosted, v6: 0.25, vlan: 240, services: []service{{443, 100, leadTLS}},
		rounds: law{1, 4, 1.2}, request: law{300, 1200, 0}, response: law{2e3, 400e3, 1.2},
		rate: law{200, 1200, 0}, think: time.Second, reset: 0.1, ackEvery: 2,
	},
}
