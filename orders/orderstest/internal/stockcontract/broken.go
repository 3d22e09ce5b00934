package stockcontract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenon-go/tenon/orders/stock"
)

// The broken stores show that the suite can fail: each breaks one promise of the
// contract, in the way that a store written in good faith would, and keeps all
// others. They have none of the optional abilities.

// NewSoundStore returns a store that breaks nothing, made as the broken ones are.
func NewSoundStore() stock.Store { return bare{stock.NewMemoryStore()} }

type bare struct{ stock.Store }

// NewNeverExpiringStore returns a store whose holds last until they are released.
func NewNeverExpiringStore() stock.Store { return neverExpiring{stock.NewMemoryStore()} }

type neverExpiring struct{ stock.Store }

func (s neverExpiring) Reserve(ctx context.Context, at time.Time, h stock.Hold) error {
	if err := h.Check(at); err != nil {
		return err
	}
	h.Until = h.Until.AddDate(100, 0, 0)
	return s.Store.Reserve(ctx, at, h)
}

// NewEagerStore returns a store that sweeps whatever is dead before every call: it
// takes the units of a late payment away though nobody asked for them.
func NewEagerStore() stock.Store { return eager{stock.NewMemoryStore()} }

type eager struct{ stock.Store }

func (s eager) Extend(ctx context.Context, at time.Time, id string, until time.Time) error {
	if _, err := s.Expire(ctx, at, 1_000_000); err != nil {
		return err
	}
	return s.Store.Extend(ctx, at, id, until)
}

func (s eager) Commit(ctx context.Context, at time.Time, id string) error {
	if _, err := s.Expire(ctx, at, 1_000_000); err != nil {
		return err
	}
	return s.Store.Commit(ctx, at, id)
}

// NewFirstShortStore returns a store that stops at the first short key.
func NewFirstShortStore() stock.Store { return firstShort{stock.NewMemoryStore()} }

type firstShort struct{ stock.Store }

func (s firstShort) Reserve(ctx context.Context, at time.Time, h stock.Hold) error {
	err := s.Store.Reserve(ctx, at, h)
	if short, ok := errors.AsType[*stock.ShortError](err); ok {
		return &stock.ShortError{Short: short.Short[:1]}
	}
	return err
}

// NewHalfAppliedStore returns a store that takes the lines one by one, and keeps
// what it took when a later one is short.
func NewHalfAppliedStore() stock.Store {
	return &halfApplied{Store: stock.NewMemoryStore()}
}

type halfApplied struct {
	stock.Store

	parts atomic.Int64
}

func (s *halfApplied) Reserve(ctx context.Context, at time.Time, h stock.Hold) error {
	err := s.Store.Reserve(ctx, at, h)
	if !errors.Is(err, stock.ErrShort) {
		return err
	}
	for _, l := range stock.Sum(h.Lines) {
		part := stock.Hold{ID: fmt.Sprintf("%s#%d", h.ID, s.parts.Add(1)), Lines: []stock.Line{l}, Until: h.Until}
		if s.Store.Reserve(ctx, at, part) != nil {
			break
		}
	}
	return err
}

// NewReadThenWriteStore returns a store that looks whether there is enough, and
// takes it a moment later.
func NewReadThenWriteStore() stock.Store { return readThenWrite{stock.NewMemoryStore()} }

type readThenWrite struct{ stock.Store }

func (s readThenWrite) Reserve(ctx context.Context, at time.Time, h stock.Hold) error {
	if h.Check(at) != nil {
		return s.Store.Reserve(ctx, at, h)
	}
	lines := stock.Sum(h.Lines)
	keys := make([]stock.Key, len(lines))
	for i, l := range lines {
		keys[i] = l.Key
	}
	levels, err := s.Levels(ctx, keys)
	if err != nil {
		return err
	}
	enough := !slices.ContainsFunc(lines, func(l stock.Line) bool {
		return levels[slices.Index(keys, l.Key)].Left() < l.Quantity
	})
	pause(ctx, time.Millisecond) // as from one statement to the next
	err = s.Store.Reserve(ctx, at, h)
	if errors.Is(err, stock.ErrShort) && enough {
		return nil // it writes over what others wrote meanwhile
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	timer, stop := context.WithTimeout(ctx, d)
	defer stop()
	<-timer.Done()
}

// NewForgetfulStore returns a store that does not know what has ended: a late repeat
// is a first time.
func NewForgetfulStore() stock.Store {
	return &forgetful{Store: stock.NewMemoryStore(), holds: map[string]stock.Hold{}}
}

type forgetful struct {
	stock.Store
	mu    sync.Mutex
	holds map[string]stock.Hold // by their id for the caller
	n     int
}

func (s *forgetful) Reserve(ctx context.Context, at time.Time, h stock.Hold) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.holds[h.ID]
	if ok {
		id := h.ID
		h.ID = known.ID
		err := s.Store.Reserve(ctx, at, h)
		if !errors.Is(err, stock.ErrEnded) {
			return err
		}
		h.ID = id
	}
	if h.Check(at) != nil {
		return s.Store.Reserve(ctx, at, h)
	}
	s.n++
	fresh := h
	fresh.ID = fmt.Sprintf("%s#%d", h.ID, s.n)
	err := s.Store.Reserve(ctx, at, fresh)
	if err == nil {
		s.holds[h.ID] = fresh
	}
	return err
}

func (s *forgetful) id(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, ok := s.holds[id]; ok {
		return h.ID
	}
	return id
}

func (s *forgetful) Extend(ctx context.Context, at time.Time, id string, until time.Time) error {
	return s.Store.Extend(ctx, at, s.id(id), until)
}

func (s *forgetful) Release(ctx context.Context, at time.Time, id string) error {
	return s.Store.Release(ctx, at, s.id(id))
}

func (s *forgetful) Commit(ctx context.Context, at time.Time, id string) error {
	return s.Store.Commit(ctx, at, s.id(id))
}
