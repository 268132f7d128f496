package exporter_test

import (
	"fmt"
	"net"
	"testing"

	"netstream/services/exporter"
)

// BenchmarkExport runs an exporter over 40 messages of 4,096 flows: read, encode, send to a socket on loopback that
// drops what it has no room for, commit.
func BenchmarkExport(b *testing.B) {
	l := open(b)
	rnd := newFlows(30)
	const messages, flows = 40, 4096
	for i := range messages {
		l.publish(b, i%2, rnd.ipv4(flows))
	}
	sink, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer sink.Close()
	for _, format := range formats {
		b.Run(string(format), func(b *testing.B) {
			d := exporter.DefaultDestination()
			d.Address, d.Format = sink.LocalAddr().String(), format
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				name := fmt.Sprintf("%s-%d-%d", format, b.N, n)
				s := l.export(b, exporter.Config{Name: name, Destinations: []exporter.Destination{d}})
				if err := s.stop(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*messages*flows/b.Elapsed().Seconds(), "records/s")
		})
	}
}
