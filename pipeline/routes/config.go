package routes

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"netstream/pipeline/config"
)

// Config says where routing knowledge comes from. Without any source it is off.
type Config struct {
	Files   []string      `yaml:"files" doc:"MRT dumps and CSV files with routes, plain or compressed with gzip, bzip2 or zstd; an update dump comes after the table that it changes"`
	Check   time.Duration `yaml:"check" doc:"how often files are looked at for changes, 1s to 24h; 0: never"`
	Compile time.Duration `yaml:"compile" doc:"a new table is made of what BMP and BGP tell at most that often, 1s to 1h"`
	BMP     BMPConfig     `yaml:"bmp" doc:"routers tell their routes by BMP"`
	BGP     BGPConfig     `yaml:"bgp" doc:"routers tell their routes by BGP"`
}

// BMPConfig is of the station that routers connect to.
type BMPConfig struct {
	Listen string `yaml:"listen" doc:"address to listen at, such as :11019; empty: off"`
}

// BGPConfig is of a speaker that takes routes and announces none.
type BGPConfig struct {
	AS        uint32        `yaml:"as" doc:"own AS number; with that of the neighbour the session is internal"`
	RouterID  string        `yaml:"router_id" doc:"own BGP identifier, an IPv4 address"`
	Listen    string        `yaml:"listen" doc:"address at which neighbours may connect, such as :179; empty: none may"`
	HoldTime  time.Duration `yaml:"hold_time" doc:"after which a silent session ends, 3s to 18h in whole seconds"`
	Neighbors []Neighbor    `yaml:"neighbors" doc:"routers that tell their routes"`
}

// Neighbor is one router.
type Neighbor struct {
	Address string `yaml:"address" doc:"its IP address, with a port if that isn't 179"`
	AS      uint32 `yaml:"as" doc:"its AS number"`
	Passive bool   `yaml:"passive" doc:"wait until it connects"`
}

// Limits of the settings.
const (
	maxCheck    = 24 * time.Hour
	maxCompile  = time.Hour
	minHoldTime = 3 * time.Second // RFC 4271 §4.2
	maxHoldTime = 18 * time.Hour  // of 16 bits of seconds
	bgpPort     = 179
)

// DefaultConfig is off.
func DefaultConfig() Config {
	return Config{Check: time.Minute, Compile: 10 * time.Second, BGP: BGPConfig{HoldTime: 90 * time.Second}}
}

// Routed tells whether there is a source of routes.
func (c Config) Routed() bool { return len(c.Files) > 0 || c.live() }

// live tells whether routers tell routes.
func (c Config) live() bool { return c.BMP.Listen != "" || len(c.BGP.Neighbors) > 0 }

// Validate reports all problems but those of its sections, which report their own.
func (c Config) Validate() error {
	var ps config.Problems
	for i, f := range c.Files {
		at := "files[" + strconv.Itoa(i) + "]"
		if f == "" {
			ps.Addf(at, f, "the name of a file")
		} else if slices.Contains(c.Files[:i], f) {
			ps.Addf(at, f, "each file once")
		}
	}
	if c.Check != 0 && (c.Check < time.Second || c.Check > maxCheck) {
		ps.Addf("check", c.Check, "0, or 1s to %s", maxCheck)
	}
	if c.Compile < time.Second || c.Compile > maxCompile {
		ps.Addf("compile", c.Compile, "1s to %s", maxCompile)
	}
	return ps.Err()
}

// Validate reports all problems.
func (c BMPConfig) Validate() error {
	var ps config.Problems
	validateListen(&ps, c.Listen)
	return ps.Err()
}

func validateListen(ps *config.Problems, listen string) {
	if listen == "" {
		return
	}
	_, port, err := net.SplitHostPort(listen)
	if _, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil {
		ps.Addf("listen", listen, "address:port or :port")
	}
}

// Validate reports all problems but those of the neighbours, which report their own.
func (c BGPConfig) Validate() error {
	var ps config.Problems
	validateListen(&ps, c.Listen)
	if c.HoldTime < minHoldTime || c.HoldTime > maxHoldTime || c.HoldTime%time.Second != 0 {
		ps.Addf("hold_time", c.HoldTime, "%s to %s in whole seconds", minHoldTime, maxHoldTime)
	}
	if len(c.Neighbors) == 0 {
		if c.Listen != "" {
			ps.Addf("listen", c.Listen, "neighbors, since others aren't let in")
		}
		return ps.Err()
	}
	if c.AS == 0 {
		ps.Addf("as", c.AS, "1 to 4294967295 where there are neighbors")
	}
	if id, err := netip.ParseAddr(c.RouterID); err != nil || !id.Is4() || id.IsUnspecified() {
		ps.Addf("router_id", c.RouterID, "an IPv4 address where there are neighbors")
	}
	seen := map[netip.Addr]int{}
	for i, n := range c.Neighbors {
		key := "neighbors[" + strconv.Itoa(i) + "]"
		if a, err := n.addrPort(); err == nil {
			if first, twice := seen[a.Addr()]; twice {
				ps.Addf(key+".address", n.Address, "another address: neighbors[%d] has the same", first)
			}
			seen[a.Addr()] = i
		}
		if n.Passive && c.Listen == "" {
			ps.Addf(key+".passive", n.Passive, "false, or an address to listen at")
		}
	}
	return ps.Err()
}

// Validate reports all problems.
func (n Neighbor) Validate() error {
	var ps config.Problems
	if a, err := n.addrPort(); err != nil || a.Addr().IsUnspecified() || a.Port() == 0 {
		ps.Addf("address", n.Address, "an IP address such as 192.0.2.1, 192.0.2.1:1179 or [2001:db8::1]:1179")
	}
	if n.AS == 0 {
		ps.Addf("as", n.AS, "1 to 4294967295")
	}
	return ps.Err()
}

// addrPort is where the neighbour is.
func (n Neighbor) addrPort() (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(n.Address); err == nil {
		return netip.AddrPortFrom(a.Unmap(), bgpPort), nil
	}
	a, err := netip.ParseAddrPort(n.Address)
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), err
}
