package routes_test

import (
	"fmt"
	"net/netip"

	"netstream/pipeline/routes"
)

// ExampleBuilder makes a table of what two peers tell, and looks an address up.
func ExampleBuilder() {
	b := routes.NewBuilder()
	prefix := netip.MustParsePrefix("198.51.100.0/24")
	b.Announce(routes.Source{From: "bgp", AS: 64500}, 0, prefix, routes.Path{Origin: 64510, Peer: 64500, Length: 3, Preference: routes.DefaultPreference})
	b.Announce(routes.Source{From: "bgp", AS: 64501}, 0, prefix, routes.Path{Origin: 64510, Peer: 64501, Length: 2, Preference: routes.DefaultPreference})
	table := b.Compile(nil)
	route, _ := table.Lookup(netip.MustParseAddr("198.51.100.7"))
	fmt.Printf("AS %d over AS %d by the /%d, in table %s\n", route.Origin, route.Peer, route.Bits, table.Version())
	// Output: AS 64510 over AS 64501 by the /24, in table f5a60bbaf01a4db8
}
