package anonymise

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sampleKey and the addresses below are the ones that came with the authors' program.
var sampleKey = [KeySize]byte{
	21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
	216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2,
}

func TestReferenceAddresses(t *testing.T) {
	a := New(sampleKey)
	for from, want := range map[string]string{
		"128.11.68.132": "135.242.180.132", "129.118.74.4": "134.136.186.123", "130.132.252.244": "133.68.164.234",
		"141.223.7.43": "141.167.8.160", "141.233.145.108": "141.129.237.235", "152.163.225.39": "151.140.114.167",
		"156.29.3.236": "147.225.12.42", "165.247.96.84": "162.9.99.234", "166.107.77.190": "160.132.178.185",
		"192.102.249.13": "252.138.62.131", "192.215.32.125": "252.43.47.189", "192.233.80.103": "252.25.108.8",
		"192.41.57.43": "252.222.221.184", "193.150.244.223": "253.169.52.216", "195.205.63.100": "255.186.223.5",
		"198.200.171.101": "249.199.68.213", "198.26.132.101": "249.36.123.202", "198.36.213.5": "249.7.21.132",
		"198.51.77.238": "249.18.186.254", "199.217.79.101": "248.38.184.213", "202.49.198.20": "245.206.7.234",
		"203.12.160.252": "244.248.163.4", "204.184.162.189": "243.192.77.90", "204.202.136.230": "243.178.4.198",
		"204.29.20.4": "243.33.20.123", "205.178.38.67": "242.108.198.51", "205.188.147.153": "242.96.16.101",
		"205.188.248.25": "242.96.88.27", "205.245.121.43": "242.21.121.163", "207.105.49.5": "241.118.205.138",
		"207.135.65.238": "241.202.129.222", "207.155.9.214": "241.220.250.22", "207.188.7.45": "241.255.249.220",
		"207.25.71.27": "241.33.119.156", "207.33.151.131": "241.1.233.131", "208.147.89.59": "227.237.98.191",
		"208.234.120.210": "227.154.67.17", "208.28.185.184": "227.39.94.90", "208.52.56.122": "227.8.63.165",
		"209.12.231.7": "226.243.167.8", "209.238.72.3": "226.6.119.243", "209.246.74.109": "226.22.124.76",
		"209.68.60.238": "226.184.220.233", "209.85.249.6": "226.170.70.6", "212.120.124.31": "228.135.163.231",
		"212.146.8.236": "228.19.4.234", "212.186.227.154": "228.59.98.98", "212.204.172.118": "228.71.195.169",
		"212.206.130.201": "228.69.242.193", "216.148.237.145": "235.84.194.111", "216.157.30.252": "235.89.31.26",
		"216.184.159.48": "235.96.225.78", "216.227.10.221": "235.28.253.36", "216.254.18.172": "235.7.16.162",
		"216.32.132.250": "235.192.139.38", "216.35.217.178": "235.195.157.81", "24.0.250.221": "100.15.198.226",
		"24.13.62.231": "100.2.192.247", "24.14.213.138": "100.1.42.141", "24.5.0.80": "100.9.15.210",
		"24.7.198.88": "100.10.6.25", "24.94.26.44": "100.88.228.35", "38.15.67.68": "64.3.66.187",
		"4.3.88.225": "124.60.155.63", "63.14.55.111": "95.9.215.7", "63.195.241.44": "95.179.238.44",
		"63.97.7.140": "95.97.9.123", "64.14.118.196": "0.255.183.58", "64.34.154.117": "0.221.154.117",
		"64.39.15.238": "0.219.7.41",
	} {
		f, w := netip.MustParseAddr(from).As4(), netip.MustParseAddr(want).As4()
		if got := a.IPv4(binary.BigEndian.Uint32(f[:])); got != binary.BigEndian.Uint32(w[:]) {
			t.Errorf("%s became %08x, want %s", from, got, want)
		}
	}
}

// TestPrefixesStay compares pairs of addresses that share beginnings of every length.
func TestPrefixesStay(t *testing.T) {
	a := New(sampleKey)
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		x := r.Uint32()
		y := x ^ r.Uint32()>>r.IntN(33)
		if got, want := bits.LeadingZeros32(a.IPv4(x)^a.IPv4(y)), bits.LeadingZeros32(x^y); got != want {
			t.Fatalf("%08x and %08x share %d bits, anonymised %d", x, y, want, got)
		}
	}
	for range 2_000 {
		var x [16]byte
		for i := range x {
			x[i] = byte(r.Uint32())
		}
		y, n := x, r.IntN(128)
		y[n/8] ^= 0x80 >> (n % 8)
		if got := common(a.IPv6(x), a.IPv6(y)); got != n {
			t.Fatalf("%x and %x share %d bits, anonymised %d", x, y, n, got)
		}
	}
}

func common(x, y [16]byte) int {
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			return 8*i + bits.LeadingZeros8(d)
		}
	}
	return 128
}

// TestMemoryChangesNothing asks again for addresses that push one another out.
func TestMemoryChangesNothing(t *testing.T) {
	a, r := New(sampleKey), rand.New(rand.NewPCG(3, 4))
	addrs := make([]uint32, 3000)
	for i := range addrs {
		addrs[i] = r.Uint32()
	}
	first := map[uint32]uint32{}
	for round := range 3 {
		for _, x := range addrs {
			got := a.IPv4(x)
			if round == 0 {
				first[x] = got
			}
			if want := New(sampleKey).plain4(x); round == 0 && x%50 == 0 && got != want || got != first[x] {
				t.Fatalf("%08x became %08x, then %08x", x, first[x], got)
			}
		}
	}
}

func (a *Anonymiser) plain4(addr uint32) uint32 {
	b := binary.BigEndian.AppendUint32(nil, addr)
	a.flip(b)
	return binary.BigEndian.Uint32(b)
}

func TestMappedAddressIsThatOfIPv4(t *testing.T) {
	a := New(sampleKey)
	got := a.IPv6(netip.MustParseAddr("::ffff:128.11.68.132").As16())
	if want := netip.MustParseAddr("::ffff:135.242.180.132").As16(); got != want {
		t.Errorf("became %x, want %x", got, want)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	raw := file("raw", string(sampleKey[:]))
	hexed := file("hex", "1522178d33a4cf80130a5b1649907d10d8988f83797965276257 4c2d2a842202\n")
	good := file("good", "1522178D33a4cf80130a5b1649907d10d8988f837979652762574c2d2a842202\n")
	a, err := Load(raw)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := Load(good); err != nil || a.Fingerprint() != b.Fingerprint() || a.IPv4(1) != b.IPv4(1) {
		t.Errorf("the same key in hexadecimal: %v", err)
	}
	for _, path := range []string{hexed, file("short", "00"), file("empty", ""), file("long", strings.Repeat("0", 66))} {
		if _, err := Load(path); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "/dev/urandom") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such file: %v", err)
	}
	other := sampleKey
	other[31]++
	if New(other).Fingerprint() == a.Fingerprint() {
		t.Error("another key has the same fingerprint")
	}
}

func TestNoAllocation(t *testing.T) {
	a, n := New(sampleKey), uint32(0)
	if got := testing.AllocsPerRun(100, func() {
		n += 0x01020304
		a.IPv4(n)
		a.IPv6([16]byte{0x20, 1, 15: byte(n >> 8)})
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

func BenchmarkIPv4(b *testing.B) {
	for name, step := range map[string]uint32{"known": 0, "new": 0x01020305} {
		b.Run(name, func(b *testing.B) {
			a, n := New(sampleKey), uint32(1)
			b.ReportAllocs()
			for b.Loop() {
				n += step
				a.IPv4(n)
			}
		})
	}
}
