package exporter_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"netstream/pipeline/interfaces"
	"netstream/schemas/flow"
	"netstream/schemas/key"
	"netstream/services/exporter"
)

var profiles = []exporter.Profile{exporter.NoProfile, exporter.ProfileIPFIX, exporter.ProfileHuawei, exporter.ProfileH3C, exporter.ProfileCisco}

// narrowIndexes are the profiles with indexes of 16 bits.
var narrowIndexes = []exporter.Profile{exporter.ProfileHuawei}

// TestProfiles decodes what each profile sends in each format with templates: the flows are those that came, but for interfaces that
// don't fit, which are told as 65535 and counted.
func TestProfiles(t *testing.T) {
	rnd := newFlows(31)
	for _, profile := range profiles {
		for _, format := range []exporter.Format{exporter.V9, exporter.IPFIX} {
			t.Run(fmt.Sprint(profile, " ", format), func(t *testing.T) {
				flows := rnd.mixed(500)
				wide := ipv4Flow(func(f *flow.Row[key.IPv4]) { f.Key.Interface, f.Key.Direction = 70_000, 1 })
				flows = append(flows, wide...)
				datagrams, d, totals := send(t, exporter.Config{Sampling: 100}, exporter.Destination{Format: format, Profile: profile, EndReason: true}, flows)
				counted := uint64(0)
				if slices.Contains(narrowIndexes, profile) {
					wide[0].v4.Key.Interface, counted = 65_535, 1 // flows shares it
				}
				if diff := difference(records(flows, format), decode(t, datagrams, d)); diff != "" {
					t.Errorf("records (-want +got):\n%s", diff)
				}
				if totals.Interfaces != counted {
					t.Errorf("%d interfaces counted, want %d", totals.Interfaces, counted)
				}
			})
		}
	}
}

// TestTsharkReadsEveryProfile compares each field.
func TestTsharkReadsEveryProfile(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	rnd := newFlows(32)
	for _, profile := range profiles[1:] {
		for _, format := range []exporter.Format{exporter.V9, exporter.IPFIX} {
			t.Run(fmt.Sprint(profile, " ", format), func(t *testing.T) {
				datagrams, _, _ := send(t, exporter.Config{}, exporter.Destination{Format: format, Profile: profile, EndReason: true}, rnd.mixed(300))
				compareWithTshark(t, datagrams)
			})
		}
	}
}

// TestTsharkReadsOptions looks for what options tell.
func TestTsharkReadsOptions(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: nothing to compare with")
	}
	cfg := exporter.Config{
		Sampling:   1000,
		Interfaces: interfaces.Config{{Index: 3, Name: "GE1/0/1", Description: "to core"}, {Index: 4, Name: "GE1/0/2", Description: "to edge"}},
		VRFs:       []exporter.VRF{{ID: 7, Name: "red"}},
	}
	for _, format := range []exporter.Format{exporter.V9, exporter.IPFIX} {
		t.Run(string(format), func(t *testing.T) {
			want := map[string]string{
				"if_name": "GE1/0/1|GE1/0/2", "if_descr": "to core|to edge", "ingress_vrfid": "7", "vrfname": "red",
				"octetsexp": "0", "packetsexp": "0", "flowsexp": "0",
			}
			if format == exporter.V9 {
				want["sampling_interval"], want["sampling_algorithm"] = "1000", "2"
			} else {
				want["sampling_packet_interval"], want["sampling_packet_space"] = "1", "999"
			}
			d := exporter.Destination{Format: format, Statistics: true, FlowKeys: format == exporter.IPFIX}
			datagrams, _, _ := send(t, cfg, d, newFlows(33).mixed(10))
			var names, fields []string
			for name := range want {
				names, fields = append(names, name), append(fields, "cflow."+name)
			}
			for i, got := range dissect(t, datagrams[:1], fields...)[0] {
				if strings.TrimRight(got, "|") != want[names[i]] {
					t.Errorf("tshark shows cflow.%s as %q, want %q", names[i], got, want[names[i]])
				}
			}
		})
	}
}
