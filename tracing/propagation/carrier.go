package propagation

import (
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	otel "go.opentelemetry.io/otel/propagation"
)

// values returns all lines of a field; of a carrier that cannot tell them apart, the one it has.
func values(carrier otel.TextMapCarrier, key string) []string {
	if several, ok := carrier.(otel.ValuesGetter); ok {
		return several.Values(key)
	}
	if value := carrier.Get(key); value != "" {
		return []string{value}
	}
	return nil
}

// Header carries fields in the header of an HTTP request or response. Set panics on a nil header, as http.Header does.
type Header http.Header

// Get returns the first line of the field, or "".
func (h Header) Get(key string) string { return first(h.Values(key)) }

// Set replaces all lines of the field.
func (h Header) Set(key, value string) {
	replace(h, http.CanonicalHeaderKey(key), []string{value})
}

// Keys returns the names of the fields, sorted.
func (h Header) Keys() []string { return slices.Sorted(maps.Keys(h)) }

// Values returns the lines of the field, however its name was written. The slice may be the header's own.
func (h Header) Values(key string) []string { return lines(h, http.CanonicalHeaderKey(key)) }

// Metadata carries fields in the metadata of gRPC or the header of NATS: metadata.MD and nats.Header convert to it. It writes names in lower
// case, as gRPC demands. Set panics on a nil map.
type Metadata map[string][]string

// Get returns the first value of the field, or "".
func (m Metadata) Get(key string) string { return first(m.Values(key)) }

// Set replaces all values of the field, however its name was written.
func (m Metadata) Set(key, value string) { replace(m, strings.ToLower(key), []string{value}) }

// Keys returns the names of the fields, sorted.
func (m Metadata) Keys() []string { return slices.Sorted(maps.Keys(m)) }

// Values returns the values of the field, however its name was written. The slice may be the metadata's own.
func (m Metadata) Values(key string) []string { return lines(m, strings.ToLower(key)) }

// Table carries fields in the headers of AMQP, whose values are strings or bytes: amqp.Table converts to it. Set panics on a nil map.
type Table map[string]any

// Get returns the field if it is a string or bytes, else "".
func (t Table) Get(key string) string {
	value, _ := fold(t, key)
	return plain(value)
}

// Values returns the field as often as its name was written, in several ways.
func (t Table) Values(key string) []string {
	var values []string
	for _, k := range spellings(t, key) {
		if value := plain(t[k]); value != "" {
			values = append(values, value)
		}
	}
	return values
}

// plain returns a string or bytes as a string, anything else as "".
func plain(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// Set replaces the field, however its name was written, by a string.
func (t Table) Set(key, value string) { replace(t, key, any(value)) }

// Keys returns the names of the fields, sorted.
func (t Table) Keys() []string { return slices.Sorted(maps.Keys(t)) }

// Map carries fields in a map of strings. Set panics on a nil map.
type Map map[string]string

// Get returns the field, or "".
func (m Map) Get(key string) string {
	value, _ := fold(m, key)
	return value
}

// Values returns the field as often as its name was written, in several ways.
func (m Map) Values(key string) []string {
	var values []string
	for _, k := range spellings(m, key) {
		values = append(values, m[k])
	}
	return values
}

// Set replaces the field, however its name was written.
func (m Map) Set(key, value string) { replace(m, key, value) }

// Keys returns the names of the fields, sorted.
func (m Map) Keys() []string { return slices.Sorted(maps.Keys(m)) }

// Funcs make a carrier of anything that has headers; a nil function is as if there were none. Get or Values is enough for extracting with all
// but [Jaeger], whose baggage needs Keys; Set is enough for injecting.
//
// Names are compared by the functions. They are asked in lower case; where a queue keeps the case of the sender, compare with
// strings.EqualFold.
type Funcs struct {
	Get    func(key string) string   // "" = absent; nil = the first of Values
	Set    func(key, value string)   // replaces
	Keys   func() []string           // names of all fields
	Values func(key string) []string // every value of a field that stands there several times; nil = that of Get
}

// Carrier returns the carrier that calls f.
func (f Funcs) Carrier() otel.TextMapCarrier { return funcs{f} }

// funcs has the methods, whose names are those of the fields of Funcs.
type funcs struct{ f Funcs }

func (c funcs) Get(key string) string {
	if c.f.Get == nil {
		return first(c.Values(key))
	}
	return c.f.Get(key)
}

func (c funcs) Set(key, value string) {
	if c.f.Set != nil {
		c.f.Set(key, value)
	}
}

func (c funcs) Keys() []string {
	if c.f.Keys == nil {
		return nil
	}
	return c.f.Keys()
}

func (c funcs) Values(key string) []string {
	switch {
	case c.f.Values != nil:
		return c.f.Values(key)
	case c.f.Get != nil:
		if value := c.f.Get(key); value != "" {
			return []string{value}
		}
	}
	return nil
}

// Environ carries fields in environment variables, in the form of os.Environ and of the field Env of exec.Cmd: traceparent is TRACEPARENT,
// x-b3-traceid is X_B3_TRACEID. The zero value is an empty environment.
type Environ []string

// Get returns the variable, or "". Of several the last counts, as it does for a process.
func (e *Environ) Get(key string) string {
	name, value := variable(key), ""
	for n, v := range e.all() {
		if strings.EqualFold(n, name) {
			value = v
		}
	}
	return value
}

// Set replaces the variable, however its name was written. The slice that e was made of stays as it is.
func (e *Environ) Set(key, value string) {
	name := variable(key)
	kept := make(Environ, 0, len(*e)+1)
	for _, entry := range *e {
		if n, _, ok := strings.Cut(entry, "="); !ok || !strings.EqualFold(n, name) {
			kept = append(kept, entry)
		}
	}
	*e = append(kept, name+"="+value)
}

// Keys returns the names of the variables in the form of fields, sorted.
func (e *Environ) Keys() []string {
	var keys []string
	for name := range e.all() {
		keys = append(keys, strings.ReplaceAll(strings.ToLower(name), "_", "-"))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (e *Environ) all() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, entry := range *e {
			if name, value, ok := strings.Cut(entry, "="); ok && !yield(name, value) {
				return
			}
		}
	}
}

// variable returns the name of the environment variable of a field: what is not a letter or digit is written _.
func variable(key string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, key)
}

// fold returns the value of key, else of the first key, in order, that differs from it in case only.
func fold[V any](m map[string]V, key string) (V, bool) {
	if v, ok := m[key]; ok {
		return v, true
	}
	keys := spellings(m, key)
	if len(keys) == 0 {
		var none V
		return none, false
	}
	return m[keys[0]], true
}

// spellings returns the keys that are key or differ from it in case only: key first, the others in order.
func spellings[V any](m map[string]V, key string) []string {
	var keys []string
	for k := range m {
		if k != key && same(k, key) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	if _, ok := m[key]; ok {
		return slices.Insert(keys, 0, key)
	}
	return keys
}

// lines returns the values of all spellings of key, the map's own slice where there is one.
func lines(m map[string][]string, key string) []string {
	for k := range m {
		if k != key && same(k, key) {
			var all []string
			for _, spelling := range spellings(m, key) {
				all = append(all, m[spelling]...)
			}
			return all
		}
	}
	return m[key]
}

// same tells whether names differ in case at most. Some letters have a partner of another length, which no name has.
func same(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// replace sets key and removes what differs from it in case only.
func replace[V any](m map[string]V, key string, value V) {
	maps.DeleteFunc(m, func(k string, _ V) bool { return same(k, key) })
	m[key] = value
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
