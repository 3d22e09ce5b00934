package contract

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tenon-go/tenon/promotions"
)

// together runs n functions at a time and joins their errors.
func together(n int, do func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func checkRacers(ctx context.Context, s promotions.Store) error {
	for version := range int64(5) {
		var won atomic.Int64
		err := together(16, func(int) error {
			b := reserve("o1", 1, -1, accountA)
			b.Version = version
			_, err := s.Apply(ctx, b)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, promotions.ErrConflict) {
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if won.Load() != 1 {
			return fmt.Errorf("over version %d %d succeed", version, won.Load())
		}
	}
	return wantAccounts(ctx, s, map[string][2]int64{accountA: {5, 0}})
}

// Invariant: promotions L1.
func checkLimitRacers(ctx context.Context, s promotions.Store) error {
	const limit = 10
	for round := range 5 {
		var won atomic.Int64
		account := fmt.Sprintf("code/R%d/uses", round)
		err := together(64, func(i int) error {
			_, err := s.Apply(ctx, reserve(fmt.Sprintf("o%d-%d", round, i), 1, limit, account))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, promotions.ErrLimit) {
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if won.Load() != limit {
			return fmt.Errorf("of a limit of %d %d are taken", limit, won.Load())
		}
		if err := wantAccounts(ctx, s, map[string][2]int64{account: {limit, 0}}); err != nil {
			return err
		}
	}
	return nil
}

func checkCrossing(ctx context.Context, s promotions.Store) error {
	orders := [][]string{{accountA, accountB, accountC}, {accountC, accountB, accountA}, {accountB, accountC}, {accountC, accountA}}
	const writers, each = 16, 10
	err := together(writers, func(i int) error {
		for n := range each {
			if _, err := s.Apply(ctx, reserve(fmt.Sprintf("o%d-%d", i, n), 1, -1, orders[i%len(orders)]...)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	const quarter = writers / 4 * each
	return wantAccounts(ctx, s, map[string][2]int64{accountA: {3 * quarter, 0}, accountB: {3 * quarter, 0}, accountC: {4 * quarter, 0}})
}

func checkReaders(ctx context.Context, s promotions.Store) error {
	const writes = 200
	var done atomic.Bool
	return together(5, func(i int) error {
		if i > 0 {
			for !done.Load() {
				if err := readTogether(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}
		defer done.Store(true)
		for n := range writes {
			e, err := s.Apply(ctx, reserve(fmt.Sprintf("o%d", n), 1, -1, accountA, accountB, accountC))
			if err != nil {
				return err
			}
			if _, err := s.Apply(ctx, commit(e)); err != nil {
				return err
			}
		}
		return nil
	})
}

// readTogether reads accounts that are always written together.
func readTogether(ctx context.Context, s promotions.Store) error {
	list, err := s.Accounts(ctx, []string{accountC, accountA, accountB})
	if err != nil {
		return err
	}
	for _, a := range list[1:] {
		if a.Reserved != list[0].Reserved || a.Committed != list[0].Committed {
			return fmt.Errorf("read between two sums: %v", list)
		}
	}
	return nil
}
