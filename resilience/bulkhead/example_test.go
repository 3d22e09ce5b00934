package bulkhead_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/tenon-go/tenon/resilience/bulkhead"
	"github.com/tenon-go/tenon/resilience/bulkhead/limit"
)

// At most two calls to the service run at once; the third is refused instead of piling up.
func ExampleSemaphore_Acquire() {
	sem, err := bulkhead.New(2, bulkhead.Config{})
	if err != nil {
		log.Fatal(err)
	}
	call := func(fn func()) error {
		permit, err := sem.Acquire(context.Background())
		if err != nil {
			return err
		}
		defer permit.Release()
		fn()
		return nil
	}
	err = call(func() {
		err := call(func() {
			if err := call(func() {}); errors.Is(err, bulkhead.ErrFull) {
				fmt.Println(err)
			}
		})
		if err != nil {
			log.Fatal(err)
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sem.Stats())
	// Output:
	// bulkhead: full: 2 of 2 in use, 0 waiting
	// in use 0 of 2, waiting 0, accepted 2, rejected 1 (shed 0, waited out 0), left 0
}

// A caller may wait for 250 ms for a slot, at most 32 at a time; of those, a call of high priority takes the place of one of low priority.
func ExampleSemaphore_AcquireAt() {
	sem, err := bulkhead.New(1, bulkhead.Config{Queue: 32, MaxWait: 250 * time.Millisecond, ShedLowest: true})
	if err != nil {
		log.Fatal(err)
	}
	const health, user, batch = 2, 1, 0
	for _, priority := range []int{user, batch} {
		permit, err := sem.AcquireAt(context.Background(), priority)
		if err != nil {
			fmt.Println("waited", errors.Is(err, bulkhead.ErrFull))
			continue
		}
		defer permit.Release()
		fmt.Println("in")
	}
	// Output:
	// in
	// waited true
}

// The limit changes while calls run: a shrink ends none of them, growth takes effect at once.
func ExampleSemaphore_Resize() {
	sem, err := bulkhead.New(3, bulkhead.Config{})
	if err != nil {
		log.Fatal(err)
	}
	var permits []bulkhead.Permit
	for range 3 {
		permit, err := sem.Acquire(context.Background())
		if err != nil {
			log.Fatal(err)
		}
		permits = append(permits, permit)
	}
	for _, limit := range []int{1, 4} {
		if err := sem.Resize(limit); err != nil {
			log.Fatal(err)
		}
		permit, ok := sem.TryAcquire()
		fmt.Printf("limit %d: another call: %v, in use %d\n", limit, ok, sem.Stats().InUse)
		permit.Release() // the zero Permit too
	}
	for i := range permits {
		permits[i].Release()
	}
	// Output:
	// limit 1: another call: false, in use 3
	// limit 4: another call: true, in use 4
}

// The driver hangs and ignores its context. Its caller leaves all the same, and the pool counts the slot as taken until the driver comes back.
func ExamplePool() {
	pool, err := bulkhead.NewPool(8, bulkhead.Config{})
	if err != nil {
		log.Fatal(err)
	}
	back := make(chan struct{})
	driver := func(context.Context) error {
		<-back
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err = pool.Run(ctx, driver)
	fmt.Println(errors.Is(err, bulkhead.ErrAbandoned), errors.Is(err, context.DeadlineExceeded))
	fmt.Println(pool.Stats().Abandoned, "still running")

	close(back)
	if err := pool.Stop(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pool.Stats().Abandoned, "still running")
	// Output:
	// true true
	// 1 still running
	// 0 still running
}

// Each attempt gets a second from when it has its slot, and a response that comes too late is not lost but closed.
func ExampleDo() {
	pool, err := bulkhead.NewPool(8, bulkhead.Config{})
	if err != nil {
		log.Fatal(err)
	}
	fetch := func(context.Context) (string, error) { return "response", nil }
	v, err := bulkhead.Do(context.Background(), pool, fetch, bulkhead.DoConfig[string]{
		Timeout: time.Second,
		Discard: func(late string) { fmt.Println("closing", late) },
	})
	fmt.Println(v, err)
	// Output:
	// response <nil>
}

// Tenants share ten slots. The one that floods can use what others leave idle, but waits for it behind those below their share.
func ExamplePartitioned() {
	tenants, err := bulkhead.NewPartitioned(10, map[string]int{"acme": 3, "globex": 1, bulkhead.Rest: 1}, bulkhead.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, tenant := range []string{"globex", "initech", "acme", "acme", "acme", "globex", "globex", "globex"} {
		permit, err := tenants.Acquire(context.Background(), tenant)
		if err != nil {
			log.Fatal(err)
		}
		defer permit.Release()
	}
	fmt.Print(tenants.Stats())
	// Output:
	//   partition  weight  share  in use  waiting  accepted  rejected  left
	//           *       1      2       1        0         1         0     0
	//        acme       3      6       3        0         3         0     0
	//      globex       1      2       4        0         4         0     0
	//         all             10       8        0         8         0     0
}

// The limit grows while calls use it, and falls when the service throttles one.
func ExampleNewAdaptive() {
	aimd, err := limit.NewAIMD(limit.AIMDConfig{Initial: 10, Ratio: 0.5})
	if err != nil {
		log.Fatal(err)
	}
	now := time.Unix(0, 0)
	sem, err := bulkhead.NewAdaptive(aimd, bulkhead.AdaptiveConfig{
		Config: bulkhead.Config{Now: func() time.Time { return now }}, MinSamples: 1, Every: 1,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, throttled := range []bool{false, false, false, true, false} {
		var permits []bulkhead.Permit
		for permit, ok := sem.TryAcquire(); ok; permit, ok = sem.TryAcquire() {
			permits = append(permits, permit)
		}
		fmt.Print(len(permits), " calls")
		now = now.Add(time.Second) // a window
		for i := len(permits) - 1; i >= 0; i-- {
			if throttled && i == len(permits)-1 {
				fmt.Print(", one throttled")
				permits[i].Drop()
			}
			permits[i].Release()
		}
		fmt.Println()
	}
	// Output:
	// 10 calls
	// 10 calls
	// 11 calls
	// 12 calls, one throttled
	// 6 calls
}
