package routes

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Place is where an address is, as far as the databases tell.
type Place struct {
	ASN     uint32 // 0: not known
	Org     string // that has the AS number
	Country string // ISO 3166-1 alpha-2; empty: not known
	City    string // in English; empty: not known
}

// Geo tells places from databases in the format MMDB. It never changes and is safe for use by several goroutines.
type Geo struct{ databases []*database }

// database is one file in memory, so that it may be replaced on disk.
type database struct {
	reader *maxminddb.Reader
	places map[uintptr]Place // by the offset of the record
}

// record is what is read of a record, in the layout of MaxMind's ASN, Country and City databases.
type record struct {
	ASN     uint32 `maxminddb:"autonomous_system_number"`
	Org     string `maxminddb:"autonomous_system_organization"`
	Country struct {
		ISO string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	City struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
}

// OpenGeo reads databases. What one doesn't tell of an address, a later one may. Every record of every network is read here,
// once: a broken file is an error that names it, and a lookup can't fail.
func OpenGeo(files ...string) (*Geo, error) {
	g := &Geo{}
	for _, file := range files {
		d, err := openDatabase(file)
		if err != nil {
			return nil, fmt.Errorf("MMDB file %s: %w", file, err)
		}
		g.databases = append(g.databases, d)
	}
	return g, nil
}

func openDatabase(file string) (d *database, err error) {
	defer func() { // of a library that reads what anyone may have written
		if r := recover(); r != nil {
			d, err = nil, fmt.Errorf("can't be read: %v", r)
		}
	}()
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, errors.Unwrap(err) // the caller names the file
	}
	reader, err := maxminddb.OpenBytes(b)
	if err != nil {
		return nil, err
	}
	if err := reader.Verify(); err != nil {
		return nil, err
	}
	d = &database{reader, map[uintptr]Place{}}
	for network := range reader.Networks() {
		if err := network.Err(); err != nil {
			return nil, err
		}
		if _, ok := d.places[network.Offset()]; ok {
			continue
		}
		var r record
		if err := network.Decode(&r); err != nil {
			return nil, fmt.Errorf("network %s: %w", network.Prefix(), err)
		}
		d.places[network.Offset()] = Place{r.ASN, r.Org, r.Country.ISO, r.City.Names.English}
	}
	return d, nil
}

// Lookup tells the place of an address. It doesn't allocate.
func (g *Geo) Lookup(a netip.Addr) Place {
	a = a.Unmap()
	var p Place
	for _, d := range g.databases {
		found := d.reader.Lookup(a)
		if !found.Found() {
			continue
		}
		p.add(d.places[found.Offset()])
	}
	return p
}

// add adds what isn't known yet. A city goes with its country.
func (p *Place) add(q Place) {
	if p.ASN == 0 {
		p.ASN, p.Org = q.ASN, q.Org
	}
	if p.Country == "" || p.City == "" && p.Country == q.Country {
		p.Country, p.City = q.Country, q.City
	}
}
