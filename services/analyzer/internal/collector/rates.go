package collector

import (
	"netstream/schemas/wire/nsv9"
	"netstream/services/analyzer/internal/store"
)

// scope is what an announced sampling rate is for.
type scope struct {
	Domain uint32 `json:"domain"`
	Kind   string `json:"kind"`
	ID     uint64 `json:"id,omitempty"` // of the interface or sampler
}

// Kinds of scopes, the strongest first.
const (
	scopeSampler   = "sampler"
	scopeInterface = "interface"
	scopeSystem    = "system"
)

// maxRates bounds the rates an exporter may announce.
const maxRates = 4096

// options takes what a record of options says about sampling: 34 for the system or an interface, 48 with 50 for a sampler
// (spec section 7.3). 0 announces nothing.
func (x *exporter) options(domain uint32, l *nsv9.Layout, rec []byte) {
	field := func(i int) (v uint64, ok bool) {
		if i < 0 {
			return 0, false
		}
		return nsv9.Uint(l.Field(rec, i))
	}
	set := func(s scope, rate uint64) {
		_, known := x.rates[s]
		if rate == 0 || rate > 1<<32-1 || !known && len(x.rates) >= maxRates || known && x.rates[s] == uint32(rate) {
			return
		}
		x.rates[s] = uint32(rate)
		x.changed[partRates] = true
	}
	if id, ok := field(l.Index(nsv9.FlowSamplerID)); ok {
		if rate, ok := field(l.Index(nsv9.FlowSamplerRandomInterval)); ok {
			set(scope{domain, scopeSampler, id}, rate)
		}
	}
	if rate, ok := field(l.Index(nsv9.SamplingInterval)); ok {
		if id, ok := field(l.ScopeIndex(nsv9.ScopeInterface)); ok {
			set(scope{domain, scopeInterface, id}, rate)
		} else {
			set(scope{domain, scopeSystem, 0}, rate)
		}
	}
}

// rate is the sampling rate of a record and where it was learned, by the order of spec section 7.3.
func (x *exporter) rate(domain uint32, r *nsv9.Record) (uint32, store.RateOrigin) {
	if r.Has&nsv9.HasSamplingInterval != 0 && r.SamplingInterval > 0 {
		return r.SamplingInterval, store.RateRecord
	}
	if r.Has&nsv9.HasSamplerID != 0 {
		if n, ok := x.rates[scope{domain, scopeSampler, r.SamplerID}]; ok {
			return n, store.RateSampler
		}
	}
	at, has := r.InIf, r.Has&nsv9.HasInIf
	if r.Direction == 1 {
		at, has = r.OutIf, r.Has&nsv9.HasOutIf
	}
	if n, ok := x.rates[scope{domain, scopeInterface, uint64(at)}]; ok && has != 0 {
		return n, store.RateInterface
	}
	if n, ok := x.rates[scope{domain, scopeSystem, 0}]; ok {
		return n, store.RateSystem
	}
	return 1, store.RateUnknown
}
