package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/netip"

	"github.com/duckdb/duckdb-go/v2"

	"netstream/pipeline/routes"
)

// placeFunctions are SQL functions of the text of an address; NULL where the place isn't known.
var placeFunctions = []struct {
	name   string
	result duckdb.Type
	of     func(routes.Place) (value any, known bool)
}{
	{"country", duckdb.TYPE_VARCHAR, func(p routes.Place) (any, bool) { return p.Country, p.Country != "" }},
	{"city", duckdb.TYPE_VARCHAR, func(p routes.Place) (any, bool) { return p.City, p.City != "" }},
	{"as_number", duckdb.TYPE_UINTEGER, func(p routes.Place) (any, bool) { return p.ASN, p.ASN != 0 }},
	{"as_org", duckdb.TYPE_VARCHAR, func(p routes.Place) (any, bool) { return p.Org, p.Org != "" }},
}

// SetPlaces makes the functions country, city, as_number and as_org of addresses. lookup is called by any number of goroutines.
func (s *Store) SetPlaces(ctx context.Context, lookup func(netip.Addr) routes.Place) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, f := range placeFunctions {
		text, err := duckdb.NewTypeInfo(duckdb.TYPE_VARCHAR)
		if err != nil {
			return err
		}
		result, err := duckdb.NewTypeInfo(f.result)
		if err != nil {
			return err
		}
		function := placeFunction{duckdb.ScalarFuncConfig{InputTypeInfos: []duckdb.TypeInfo{text}, ResultTypeInfo: result}, func(args []driver.Value) (any, error) {
			a, err := netip.ParseAddr(args[0].(string))
			if err != nil {
				return nil, fmt.Errorf("%s(%q): want an address such as 192.0.2.1 or 2001:db8::1", f.name, args[0])
			}
			if value, known := f.of(lookup(a)); known {
				return value, nil
			}
			return nil, nil
		}}
		if err := duckdb.RegisterScalarUDF(conn, f.name, function); err != nil {
			return fmt.Errorf("function %s: %w", f.name, err)
		}
	}
	return nil
}

// placeFunction implements duckdb.ScalarFunc.
type placeFunction struct {
	config duckdb.ScalarFuncConfig
	run    duckdb.RowExecutorFn
}

func (f placeFunction) Config() duckdb.ScalarFuncConfig { return f.config }
func (f placeFunction) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: f.run}
}
