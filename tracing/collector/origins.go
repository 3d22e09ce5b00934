package collector

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/tenon-go/tenon/tracing"
)

// A resourceKey tells the resources of a request apart by where their bytes are: scopes of one resource have the same.
type resourceKey struct {
	resource, schema           *byte // nil = none
	resourceBytes, schemaBytes int
}

// A resource is what has to be known of one, once for all its scopes: it may be large, and they many.
type resource struct {
	hash    uint64
	service string
}

func (in *intake) resource(c *Collector, v *tracing.View) resource {
	o := v.Origin()
	key := resourceKey{first(o.Resource), first(o.ResourceSchema), len(o.Resource), len(o.ResourceSchema)}
	one, ok := in.resources[key]
	if !ok {
		one = resource{hashTexts(c.seed, 0, o.Resource, o.ResourceSchema), v.Service()}
		in.resources[key] = one
	}
	return one
}

func first(b []byte) *byte {
	if len(b) == 0 {
		return nil
	}
	return &b[0]
}

// number returns that of a view's origin in the request.
func (in *intake) number(c *Collector, v *tracing.View) int32 {
	o := v.Origin()
	number, ok := in.numbers[o]
	if !ok {
		number = int32(len(in.origins)) //nolint:gosec // Not more than spans of a request.
		in.numbers[o] = number
		from := in.resource(c, v)
		in.origins = append(in.origins, originKey{origin: o, hash: hashTexts(c.seed, from.hash, o.Scope, o.ScopeSchema), service: from.service})
		if n := len(in.shares) + len(c.shards); n <= maxShares {
			in.shares = slices.Grow(in.shares, len(c.shards))[:n]
			clear(in.shares[n-len(c.shards):])
		}
	}
	return number
}

// maxShares bounds what is remembered of origins and shards; beyond it each run of spans is charged, and looks for its origin.
const maxShares = 1 << 16

// A share is the runs of spans of one origin that a request has for one shard.
type share struct {
	left   int32  // runs to come
	number uint32 // of the origin in the shard, held from the first run to the last; 0 = none came yet
}

// share returns nil where there are too many.
func (in *intake) share(c *Collector, hash uint64, origin int32) *share {
	mask := uint64(len(c.shards) - 1)         //nolint:gosec // There is one at least.
	at := uint64(origin)*(mask+1) + hash&mask //nolint:gosec // Not negative.
	if at >= uint64(len(in.shares)) {
		return nil
	}
	return &in.shares[at]
}

// charge returns what a run of spans may take for its origin, where the first of a shard takes it for all.
func (in *intake) charge(c *Collector, hash uint64, origin int32) int64 {
	if one := in.share(c, hash, origin); one != nil {
		if one.left++; one.left > 1 {
			return 0
		}
	}
	return in.origins[origin].charge()
}

// borrow returns the number of an origin for a run of spans.
func (s *shard) borrow(in *intake, hash uint64, origin int32) uint32 {
	one := in.share(s.c, hash, origin)
	if one == nil {
		return s.intern(&in.origins[origin])
	}
	if one.number == 0 {
		one.number = s.intern(&in.origins[origin])
		s.origins[one.number].refs++
	}
	return one.number
}

// handBack says that a run of spans is dealt with.
func (s *shard) handBack(in *intake, hash uint64, origin int32) {
	one := in.share(s.c, hash, origin)
	if one == nil {
		return
	}
	if one.left--; one.left == 0 && one.number > 0 {
		s.dropOrigin(one.number)
	}
}

// hashTexts returns a hash of texts that go on from others, of which before is the hash.
func hashTexts(seed maphash.Seed, before uint64, texts ...[]byte) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], before)
	_, _ = h.Write(number[:]) // It never fails.
	for _, text := range texts {
		binary.LittleEndian.PutUint64(number[:], uint64(len(text)))
		_, _ = h.Write(number[:])
		_, _ = h.Write(text)
	}
	return h.Sum64()
}
