package contract

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenon-go/tenon/money"
	"github.com/tenon-go/tenon/pricing"
)

// A Case is one rule of the contract.
type Case struct {
	Name string
	Rule string // in words
	// Check says what a store does instead, which is empty before. Without a
	// FaultInjector where it needs one it is ErrNotOffered.
	Check func(context.Context, pricing.Store) error
}

// ErrNotOffered says that a store has no FailAt.
var ErrNotOffered = errors.New("the store offers no FaultInjector")

// Cases returns the rules, in the order in which they build on each other.
func Cases() []Case {
	return []Case{
		{"missing", "what is not there is ErrNotFound, and an empty sequence of heads", checkMissing},
		{"draft", "a draft comes back as it was saved, without version and time, with a revision that grows by one", checkDraft},
		{"draft-revision", "a draft is saved only over the revision that it names; else ErrConflict, and nothing changes", checkDraftRevision},
		{"draft-apart", "saving a draft changes no version", checkDraftApart},
		{"draft-racers", "of 16 who save over one revision at a time one succeeds, the others get ErrConflict", checkDraftRacers},
		{"publish", "a publication becomes the next version, head and all, and leaves the draft as it is", checkPublish},
		{"publish-revision", "a publication of another revision or after another version is ErrConflict and changes nothing", checkPublishRevision},
		{"publish-times", "a publication without time, or with a fraction of a second, is refused and changes nothing", checkPublishTimes},
		{"publishers", "of 16 concurrent publishers one succeeds per version, the others get ErrConflict; no version is skipped", checkPublishers},
		{"digests", "a version's parts have the digests of the manifest, the manifest that of the head, the head that of the rules", checkDigests},
		{"parts", "each part comes once, unchanged parts are shared, one that is not there is ErrTorn", checkParts},
		{"books", "a book has no part in another", checkBooks},
		{"texts", "names and notes up to the limits come back whole; beyond, they are refused or whole, never cut", checkTexts},
		{"readers", "who sees a head finds all of it, also while 1,000 versions are published", checkReaders},
		{"sequences", "a sequence can be left early and asked again", checkSequences},
		{"ended", "under a context that has ended every method reports so and changes nothing", checkEnded},
		{"cancelled", "a write whose context ends on the way happened wholly or not at all", checkCancelled},
		{"failed", "a write that fails at any step changed nothing", checkFailed},
		{"prune", "pruning spares the newest, what is in force and what is armed, and no part that is still needed", checkPrune},
		{"prune-gaps", "pruning leaves no gap, whatever version was superseded before it came into force", checkPruneGaps},
		{"prune-races", "pruning takes no part from under those who save, publish and read", checkPruneRaces},
	}
}

// book is the book of all cases that need one only.
const book = "eu"

// noon is when the versions are published.
func noon() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) }

// rules returns a set of n products at a price in cents.
func rules(n, cents int) pricing.RuleSet {
	list := make([]pricing.Rule, n)
	eur, err := money.ISO("EUR")
	if err != nil {
		panic(err) // it is in every edition of the list
	}
	for i := range list {
		id := fmt.Sprintf("p%04d", i)
		list[i] = pricing.Rule{
			ID: id, Kind: pricing.KindBase, On: pricing.Scope{Level: pricing.Product, ID: id},
			Currency: eur, Effect: pricing.SetTo{Amount: money.New(int64(cents), eur)},
		}
	}
	return pricing.RuleSet{Rules: list}
}

// digestOf returns the digest of a rule set, as Cut gives it.
func digestOf(rs pricing.RuleSet) (pricing.Digest, error) {
	m, _, err := pricing.Cut(rs)
	if err != nil {
		return pricing.Digest{}, err
	}
	return m.Digest(), nil
}

// save saves a draft and returns its revision.
func save(ctx context.Context, s pricing.Store, revision uint64, rs pricing.RuleSet) (uint64, error) {
	d, err := s.SaveDraft(ctx, book, pricing.Draft{Revision: revision, Rules: rs})
	if err != nil {
		return 0, fmt.Errorf("saving a draft over revision %d: %w", revision, err)
	}
	return d.Revision, nil
}

// publication is one at noon that every store takes, if nobody was faster.
func publication(revision, after uint64) pricing.Publication {
	return pricing.Publication{Revision: revision, After: after, At: noon(), EffectiveFrom: noon().Add(time.Minute)}
}

// publish publishes a draft as the version after after.
func publish(ctx context.Context, s pricing.Store, revision, after uint64) (pricing.Head, error) {
	h, err := s.Publish(ctx, book, publication(revision, after))
	if err != nil {
		return h, fmt.Errorf("publishing revision %d after version %d: %w", revision, after, err)
	}
	return h, nil
}

// saveAndPublish fills an empty store with versions of n rules, each with a price of its own.
func saveAndPublish(ctx context.Context, s pricing.Store, n, versions int) (revision uint64, err error) {
	for v := range versions {
		if revision, err = save(ctx, s, revision, rules(n, 100+v)); err != nil {
			return 0, err
		}
		if _, err = publish(ctx, s, revision, uint64(v)); err != nil {
			return 0, err
		}
	}
	return revision, nil
}

// heads collects the heads above after.
func heads(ctx context.Context, s pricing.Store, after uint64) ([]pricing.Head, error) {
	var list []pricing.Head
	for h, err := range s.Heads(ctx, book, after) {
		if err != nil {
			return nil, fmt.Errorf("heads after version %d: %w", after, err)
		}
		list = append(list, h)
	}
	return list, nil
}

// numbers returns the versions of heads.
func numbers(list []pricing.Head) []uint64 {
	versions := make([]uint64, len(list))
	for i, h := range list {
		versions[i] = h.Version
	}
	return versions
}

// upTo returns 1 to n.
func upTo(n int) []uint64 {
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(i) + 1
	}
	return list
}
