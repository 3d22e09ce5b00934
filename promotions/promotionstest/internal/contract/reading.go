package contract

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/tenon-go/tenon/promotions"
)

// micros is noon and so many microseconds.
func micros(n int) time.Time { return noon().Add(time.Duration(n) * time.Microsecond) }

func checkDue(ctx context.Context, s promotions.Store) error {
	for key, after := range map[string]int{"d": 4, "b": 2, "c": 2, "a": 3, "committed": 1, "released": 1, "renewed": 1} {
		b := reserve(key, 1, 99, accountA)
		b.Entry.Expires = micros(after)
		e, err := s.Apply(ctx, b)
		if err != nil {
			return err
		}
		next := promotions.Batch{Key: key, Version: e.Version, Entry: e}
		switch key {
		case "committed":
			next = commit(e)
		case "released":
			next.Entry.State = promotions.Released
			next.Moves = []promotions.Move{{Account: accountA, Unit: promotions.UnitUses, Reserved: -1, Limit: -1}}
		case "renewed":
			next.Entry.Expires = micros(5)
		default:
			continue
		}
		if _, err := s.Apply(ctx, next); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		before, most int
		want         []string
	}{
		{1, 9, nil},
		{2, 9, []string{"b", "c"}},
		{3, 9, []string{"b", "c", "a"}},
		{5, 9, []string{"b", "c", "a", "d", "renewed"}},
		{5, 2, []string{"b", "c"}},
		{5, 3, []string{"b", "c", "a"}},
		{5, 0, nil},
	} {
		got, err := s.Due(ctx, micros(c.before).In(time.FixedZone("west", -3600)), c.most)
		if err != nil {
			return err
		}
		if !slices.Equal(got, c.want) {
			return fmt.Errorf("after %d µs at most %d are due: %v, want %v", c.before, c.most, got, c.want)
		}
	}
	return nil
}

func checkEntries(ctx context.Context, s promotions.Store) error {
	want := []string{"A", "B", "a", "a ", "aa", "b-1", "b1", "z", "ä", "€"} // by bytes, unlike in any language
	for n := range 600 {
		want = append(want, fmt.Sprintf("€%03d", n)) // several pages of whatever size
	}
	for _, i := range []int{5, 0, 9, 3, 1, 8, 2, 7, 4, 6} {
		if _, err := s.Apply(ctx, reserve(want[i], 1, -1, accountA)); err != nil {
			return err
		}
	}
	for _, key := range want[10:] {
		if _, err := s.Apply(ctx, reserve(key, 1, -1, accountA)); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		after string
		most  int
		want  []string
	}{{"", -1, want}, {"", 3, want[:3]}, {"A", -1, want[1:]}, {"a ", -1, want[4:]}, {"a!", 1, want[4:5]}, {"€599", -1, nil}, {"€", 200, want[10:210]}} {
		got, err := keysAfter(ctx, s, c.after, c.most)
		if err != nil {
			return err
		}
		if !slices.Equal(got, c.want) {
			return fmt.Errorf("%d after %q are %q, want %q", c.most, c.after, got, c.want)
		}
	}
	return askedAgain(s.Entries(ctx, "z"), len(want)-8)
}

// keysAfter leaves the sequence after so many, where that is not negative.
func keysAfter(ctx context.Context, s promotions.Store, after string, most int) (keys []string, err error) {
	for e, err := range s.Entries(ctx, after) {
		if err != nil {
			return nil, err
		}
		if keys = append(keys, e.Key); len(keys) == most {
			break
		}
	}
	return keys, nil
}

func askedAgain(sequence iter.Seq2[promotions.Entry, error], want int) error {
	for range 2 {
		n := 0
		for _, err := range sequence {
			if err != nil {
				return err
			}
			n++
		}
		if n != want {
			return fmt.Errorf("a sequence that is asked again gives %d, want %d", n, want)
		}
	}
	return nil
}

func checkEnded(ctx context.Context, s promotions.Store) error {
	if _, err := s.Apply(ctx, reserve("o1", 1, 9, accountA)); err != nil {
		return err
	}
	was, err := stateOf(ctx, s)
	if err != nil {
		return err
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, accounts := s.Accounts(over, []string{accountA})
	_, entry := s.Entry(over, "o1")
	_, apply := s.Apply(over, reserve("o2", 1, 9, accountA))
	_, due := s.Due(over, noon(), 9)
	_, entries := collect(over, s, "")
	for method, err := range map[string]error{"Accounts": accounts, "Entry": entry, "Apply": apply, "Due": due, "Entries": entries} {
		if err := wantError(method, err, context.Canceled); err != nil {
			return err
		}
	}
	return unchanged(ctx, s, was)
}
