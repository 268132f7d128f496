package traffic

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// Interface is a tapped port, as a device would name it in its MIB.
type Interface struct {
	Index uint32 // ifIndex, the number that Next returns
	Name  string
	Speed uint64 // bit/s
}

const (
	uplinkA    = 1
	uplinkB    = 2
	datacentre = 3
)

// Interfaces returns the tapped ports.
func Interfaces() []Interface {
	return []Interface{
		{Index: uplinkA, Name: "uplink-a", Speed: 100e9},
		{Index: uplinkB, Name: "uplink-b", Speed: 40e9},
		{Index: datacentre, Name: "datacentre", Speed: 100e9},
	}
}

// Network is a named part of the invented world.
type Network struct {
	Name string
	V4   netip.Prefix
	V6   netip.Prefix
}

type place uint8

const (
	access place = iota // customers and offices
	servers
	internet
)

type network struct {
	Network
	place place
	hosts uint64  // how many of the addresses are used
	skew  float64 // Zipf exponent of popularity, above 1
	flat  float64 // Zipf offset: how many hosts share the top
}

// Indices into networks.
const (
	north = iota
	south
	harbour
	mobile
	headOffice
	branches
	telephones
	serverFarm
	storage
	hosting
	content
	west
	east
	exchange
	numNetworks
)

var networks = [numNetworks]network{
	north:      net("north district", "100.64.0.0/14", "2001:db8:1000::/40", access, 3000, 1.1, 60),
	south:      net("south district", "100.68.0.0/14", "2001:db8:1100::/40", access, 3000, 1.1, 60),
	harbour:    net("harbour district", "100.72.0.0/14", "2001:db8:1200::/40", access, 1500, 1.1, 40),
	mobile:     net("mobile", "100.96.0.0/12", "2001:db8:1800::/40", access, 4000, 1.05, 100),
	headOffice: net("head office", "10.10.0.0/16", "fd00:10::/40", access, 900, 1.1, 40),
	branches:   net("branch offices", "10.20.0.0/16", "fd00:20::/40", access, 600, 1.1, 40),
	telephones: net("telephones", "10.30.0.0/16", "fd00:30::/40", access, 700, 1.01, 200),
	serverFarm: net("server farm", "10.200.0.0/16", "fd00:200::/40", servers, 240, 1.2, 3),
	storage:    net("storage", "10.210.0.0/16", "fd00:210::/40", servers, 24, 1.1, 4),
	hosting:    net("hosting", "198.51.100.0/24", "2001:db8:d000::/40", servers, 180, 1.2, 3),
	content:    net("content caches", "192.0.2.0/24", "2001:db8:c000::/40", internet, 60, 1.1, 5),
	west:       net("internet west", "198.18.0.0/16", "2001:db8:8000::/40", internet, 6000, 1.15, 4),
	east:       net("internet east", "198.19.0.0/16", "2001:db8:9000::/40", internet, 6000, 1.15, 4),
	exchange:   net("internet exchange", "203.0.113.0/24", "2001:db8:a000::/40", internet, 120, 1.1, 6),
}

func net(name, v4, v6 string, p place, hosts uint64, skew, flat float64) network {
	return network{
		Network: Network{Name: name, V4: netip.MustParsePrefix(v4), V6: netip.MustParsePrefix(v6)},
		place:   p, hosts: hosts, skew: skew, flat: flat,
	}
}

// address holds an IPv6 address, or an IPv4 address in its first four bytes.
type address [16]byte

func (a *address) netip(v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16(*a)
	}
	return netip.AddrFrom4([4]byte(a[:4]))
}

// host returns the address of the host with a popularity rank. Ranks are
// spread over the prefix, so that neighbours in rank are not in address.
func (n *network) host(rank uint64, v6 bool) address {
	if v6 {
		a := address(n.V6.Addr().As16())
		h := mix(rank + uint64(a[1])<<32 + uint64(a[4])<<40 + 1)
		switch n.place {
		case access: // a /64 and a random interface identifier each
			a[5], a[6], a[7] = byte(h>>56), byte(h>>48), byte(h>>40)
			binary.BigEndian.PutUint64(a[8:], mix(h))
		case servers: // numbered by hand
			binary.BigEndian.PutUint16(a[14:], uint16(rank+1))
		case internet:
			a[5], a[6] = byte(h>>56), byte(h>>48)
			binary.BigEndian.PutUint16(a[14:], uint16(h)|1)
		}
		return a
	}
	var a address
	base := n.V4.Addr().As4()
	usable := uint64(1)<<(32-n.V4.Bits()) - 2 // without the network's and broadcast address
	// 7919 is prime and divides none of the sizes: a permutation.
	offset := 1 + rank*7919%usable
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(base[:])+uint32(offset))
	return a
}

// member is a network and its weight in a group.
type member struct {
	net    uint8
	weight uint8
}

// group is where the hosts of one role are. Weights add up to 100.
type group []member

var (
	homes     = group{{north, 32}, {south, 30}, {harbour, 16}, {mobile, 22}}
	offices   = group{{headOffice, 62}, {branches, 38}}
	people    = group{{north, 25}, {south, 24}, {harbour, 12}, {mobile, 17}, {headOffice, 14}, {branches, 8}}
	world     = group{{west, 52}, {east, 40}, {exchange, 8}}
	sites     = group{{west, 45}, {east, 30}, {content, 25}}
	caches    = group{{content, 100}}
	farm      = group{{serverFarm, 100}}
	stores    = group{{storage, 100}}
	hosted    = group{{hosting, 100}}
	phones    = group{{telephones, 100}}
	backedUp  = group{{serverFarm, 70}, {hosting, 30}}
	dcClients = group{{headOffice, 30}, {branches, 15}, {hosting, 55}}
	audience  = group{{west, 28}, {east, 22}, {exchange, 4}, {north, 14}, {south, 14}, {harbour, 6}, {mobile, 12}}
	machines  = group{{serverFarm, 45}, {hosting, 20}, {headOffice, 20}, {north, 15}}
)

func (g group) pick(rng *rand.Rand) int {
	n := int(rng.Uint32N(100))
	for _, m := range g {
		if n -= int(m.weight); n < 0 {
			return int(m.net)
		}
	}
	return int(g[len(g)-1].net)
}
