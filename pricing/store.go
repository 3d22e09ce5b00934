package pricing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/money"
)

// A Store keeps books of rule sets: for each book one draft and its published
// versions 1, 2, 3 and so on. A book comes into being with its first draft.
//
// What every store promises, and pricingtest.TestStore checks:
//
//   - It is safe for concurrent use, by goroutines and by processes.
//   - A write happens as a whole or not at all, also where its context ends on
//     the way. Only if the answer to a finished write is lost can a write have
//     happened that reported an error; repeating it is then [ErrConflict].
//   - Who has seen a head, finds its manifest and every part of it, unless a
//     Prune removes that version.
//   - Errors carry the sentinels named here, to be tested with [errors.Is]; an
//     ended context is reported as such.
//   - A book's name has 1 to 128 bytes, By at most 128, Note at most 1,024, all of
//     them UTF-8 without a zero byte. What does not fit is refused, never cut.
//   - Times come back in UTC and to the microsecond.
//   - After an error a sequence ends. Sequences can be ranged over again, which
//     asks again.
//
// A store neither compiles nor judges rules: that is the work of a [Book].
type Store interface {
	// Draft returns the book's draft as it was saved last, in one piece.
	// ErrNotFound without one.
	Draft(ctx context.Context, book string) (Draft, error)

	// SaveDraft stores d in place of the draft of revision d.Revision, or as the
	// book's first where that is 0, and returns it with the next revision.
	// ErrConflict when the stored draft has another revision, also when one is
	// there already and d.Revision is 0, or none is and it is not. Published
	// versions never change by it. Version and EffectiveFrom of the rules belong
	// to publications: they are not kept, and come back zero.
	SaveDraft(ctx context.Context, book string, d Draft) (Draft, error)

	// Publish makes the draft of revision p.Revision version p.After+1, published
	// at p.At: the head and all that it stands for become visible together. The
	// draft stays as it is. ErrConflict when the draft has another revision or
	// p.After is not the newest version, and of any number of publishers with the
	// same p.After all but one get it; ErrNotFound without a draft. A zero p.At, or
	// an EffectiveFrom that is zero or no whole second, is refused; Lead and
	// Supersede are the Book's.
	Publish(ctx context.Context, book string, p Publication) (Head, error)

	// Heads yields the heads of the versions above after, ascending and without
	// gaps, save below the oldest that Prune left. No versions, or no such book,
	// is an empty sequence.
	Heads(ctx context.Context, book string, after uint64) iter.Seq2[Head, error]

	// Manifest returns a version's policy and part digests, with its number.
	// ErrNotFound when there is no such version, and for version 0.
	Manifest(ctx context.Context, book string, version uint64) (Manifest, error)

	// Parts yields the parts with these digests, in any order, each once however
	// often it is named; the zero digest of empty parts is passed over. A digest
	// that the book does not hold is ErrTorn. Data belongs to the caller.
	Parts(ctx context.Context, book string, digests []Digest) iter.Seq2[Part, error]

	// Prune removes the oldest versions, up to the first that is one of the newest
	// keep (below 0 means 0), that is in force at at, or that is armed, effective
	// only after at: what is left has no gap. It removes also the parts that neither a version nor the draft refers to any more. It returns
	// how many versions it removed; a book that is not there has none. Versions
	// keep their numbers, and the next one is counted on from the newest.
	Prune(ctx context.Context, book string, keep int, at time.Time) (int, error)
}

// A Draft is a rule set that is being edited. Its revision grows by one with
// every save; revision 0 has never been saved.
type Draft struct {
	Revision uint64
	Rules    RuleSet
}

// A Publication says which draft becomes which version, and when it is in force.
type Publication struct {
	// Revision is the draft that was reviewed, After the newest version then.
	Revision, After uint64
	// At is when it is published; a Book fills it in.
	At time.Time
	// EffectiveFrom is a whole second (Truncate(time.Second) makes one); zero: At + Lead, rounded up.
	EffectiveFrom time.Time
	By, Note      string
	// Immediate waives the lead and the promise that all nodes flip together.
	Immediate bool
	// Supersede allows to publish in front of an armed version, which then
	// never comes into force.
	Supersede bool
}

// A Head is what a book knows of a version without its rules.
type Head struct {
	Version       uint64
	Digest        Digest
	EffectiveFrom time.Time
	PublishedAt   time.Time
	By, Note      string
	Immediate     bool
}

// A Digest is a SHA-256.
type Digest [32]byte

// A Manifest is a rule set without its rules: the canonical policy, and the
// digests of the 256 parts that the rules are cut into by the first byte of the
// SHA-256 of their ids. An empty part has the zero digest.
type Manifest struct {
	Version uint64
	Policy  []byte
	Parts   [256]Digest
}

// A Part is the canonical JSON of the rules of one of a set's parts.
type Part struct {
	Digest Digest
	Data   []byte
}

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText returns String. It never fails.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText writes: 64 hexadecimal digits. On an error
// d is unchanged.
func (d *Digest) UnmarshalText(text []byte) error {
	var read Digest
	if n, err := hex.Decode(read[:], text[:min(len(text), 2*len(read))]); err != nil || n != len(read) || len(text) != 2*len(read) {
		return errors.New("pricing: digest: want 64 hexadecimal digits")
	}
	*d = read
	return nil
}

// Digest is that of the whole set: the SHA-256 of the canonical policy and of the
// digests of the parts. The version is no part of it.
func (m *Manifest) Digest() Digest {
	h := sha256.New()
	h.Write(m.Policy)
	for i := range m.Parts {
		h.Write(m.Parts[i][:])
	}
	var d Digest
	h.Sum(d[:0])
	return d
}

// Cut takes a rule set apart for a store: a manifest with the set's version, and
// the parts that are not empty, by their place in the manifest. A rule set needs
// not compile; what the JSON form cannot hold at all is an error. The time is not
// kept.
func Cut(rs RuleSet) (Manifest, []Part, error) {
	m := Manifest{Version: rs.Version}
	var data [partCount][]byte
	err := encodeParts(&rs, byID(rs.Rules), &m, func(i int, json []byte) { data[i] = slices.Clone(json) })
	if err != nil {
		return Manifest{}, nil, fmt.Errorf("pricing: cut: %w", err)
	}
	var parts []Part
	for i := range data {
		if len(data[i]) > 0 {
			parts = append(parts, Part{Digest: m.Parts[i], Data: data[i]})
		}
	}
	return m, parts, nil
}

// Join puts together what [Cut] took apart, from parts in any order and among
// others. It believes nothing: what it returns, cut again, is this manifest and
// these parts. [ErrTorn] where a part is missing, altered, or not of this set in
// its canonical form. The rules come by id; the set has the manifest's version.
func Join(m Manifest, parts []Part) (RuleSet, error) {
	byDigest := make(map[Digest][]byte, len(parts))
	for _, p := range parts {
		byDigest[p.Digest] = p.Data
	}
	rs := RuleSet{Version: m.Version}
	f := newReader(m.Policy)
	f.policy(&rs.Policy)
	if err := f.err("policy", ErrTorn); err != nil {
		return RuleSet{}, fmt.Errorf("pricing: join: %w", err)
	}
	var rules [partCount][]Rule
	var errs [partCount]error
	parallel(partCount, func() func(int) {
		return func(i int) { rules[i], errs[i] = joinPart(i, m.Parts[i], byDigest, f.own) }
	})
	if err := errors.Join(errs[:]...); err != nil {
		return RuleSet{}, fmt.Errorf("pricing: join: %w", err)
	}
	rs.Rules = sorted(slices.Concat(rules[:]...))
	var again Manifest
	if err := encodeParts(&rs, byID(rs.Rules), &again, func(int, []byte) {}); err != nil {
		return RuleSet{}, fmt.Errorf("pricing: join: %w: %w", ErrTorn, err)
	}
	if again.Digest() != m.Digest() {
		return RuleSet{}, fmt.Errorf("pricing: join: %w: not in the canonical form", ErrTorn)
	}
	return rs, nil
}

// joinPart reads the rules of one part.
func joinPart(i int, digest Digest, byDigest map[Digest][]byte, own map[string]money.Currency) ([]Rule, error) {
	if digest == (Digest{}) {
		return nil, nil
	}
	data, ok := byDigest[digest]
	switch {
	case !ok:
		return nil, fmt.Errorf("part %d, %s: %w: missing", i, digest, ErrTorn)
	case sha256.Sum256(data) != digest:
		return nil, fmt.Errorf("part %d, %s: %w: altered", i, digest, ErrTorn)
	}
	f := newReader(data)
	f.own = own
	f.Decoder.Under("parts", i)
	var rules []Rule
	f.readRules(&rules)
	return rules, f.err("part", ErrTorn)
}

// sorted returns rules by id.
func sorted(rules []Rule) []Rule {
	order := byID(rules)
	out := make([]Rule, len(rules))
	for i, place := range order {
		out[i] = rules[place]
	}
	return out
}

// partCount is how many parts a set has: the values of a byte.
const partCount = 256

// encodeParts writes the canonical policy and the digests of the parts into m, and
// hands each part that is not empty to emit, which must copy it and may be called
// by several goroutines. Order is that of the rules, by id.
func encodeParts(rs *RuleSet, order []int, m *Manifest, emit func(part int, data []byte)) error {
	f := newWriter(&rs.Policy)
	if f.policy(&rs.Policy); f.Err() != nil {
		return fmt.Errorf("policy: %w", f.Err())
	}
	m.Policy = f.Writer.Bytes()
	parts := partition(rs.Rules, order)
	var errs [partCount]error
	parallel(partCount, func() func(int) {
		f := newWriter(&rs.Policy)
		return func(i int) {
			if len(parts[i]) == 0 || f.Err() != nil {
				return
			}
			f.Writer.Reset()
			if f.writeRules(rs.Rules, parts[i]); f.Err() != nil {
				errs[i] = f.Err()
				return
			}
			m.Parts[i] = sha256.Sum256(f.Writer.Bytes())
			emit(i, f.Writer.Bytes())
		}
	})
	return errors.Join(errs[:]...)
}

// partition deals rules, by id, to their parts.
func partition(rules []Rule, order []int) [partCount][]int {
	part := make([]byte, len(order))
	const chunk = 4096
	parallel((len(order)+chunk-1)/chunk, func() func(int) {
		return func(n int) {
			for i := n * chunk; i < min((n+1)*chunk, len(order)); i++ {
				part[i] = sha256.Sum256([]byte(rules[order[i]].ID))[0]
			}
		}
	})
	var size [partCount]int
	for _, p := range part {
		size[p]++
	}
	var parts [partCount][]int
	for p, n := range size {
		parts[p] = make([]int, 0, n)
	}
	for i, p := range part {
		parts[p] = append(parts[p], order[i])
	}
	return parts
}

// parallel calls do with 0 to n-1, on as many goroutines as there are processors,
// and waits. Each goroutine has a do of its own.
func parallel(n int, do func() func(int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		all.Go(func() {
			mine := do()
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				mine(i)
			}
		})
	}
	all.Wait()
}

// digestOf is the digest of a set.
func digestOf(rs *RuleSet, order []int) (Digest, error) {
	var m Manifest
	err := encodeParts(rs, order, &m, func(int, []byte) {})
	return m.Digest(), err
}
