package guard

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/tenon-go/tenon/resilience"
	"github.com/tenon-go/tenon/resilience/breaker"
	"github.com/tenon-go/tenon/resilience/retry"
)

// Registry keeps guards by name and changes them while calls go on. It is safe for concurrent use; NewRegistry makes it. It keeps every
// guard that was asked for or has a spec, so names should come from the program and not from its input.
type Registry struct {
	cfg RegistryConfig

	applying sync.Mutex // held by Apply; taken before mu. It guards the parts of entries

	mu     sync.RWMutex // guards what follows
	guards map[string]*entry
}

// entry is a guard of a registry with what it is made of.
type entry struct {
	guard *Guard
	parts *parts
}

// RegistryConfig is what all guards of a registry have in common.
type RegistryConfig struct {
	// Default is the spec of guards that have none of their own. The zero Spec lets all calls pass.
	Default Spec
	// Classify judges attempts. nil = resilience.Default.
	Classify resilience.Classifier
	// Partition names the partition of a call, for bulkheads with weights, which need it.
	Partition func(context.Context) string

	// OnChange is told the changes of breakers, whose Name is that of the guard; see breaker.Config. It must not call Apply, which can make
	// a change.
	OnChange func(breaker.Change)
	// OnRetry and OnDone are told of calls with failures, with the name of the guard; see retry.Config.
	OnRetry, OnDone func(ctx context.Context, guard string, e retry.Event)
	// OnFollow is told by Follow what became of each load that changed something or failed.
	OnFollow func(Diff, error)

	// Rand and Now are those of retry.Config and breaker.Config. nil = math/rand/v2 and time.Now.
	Rand func() float64
	Now  func() time.Time
}

// Diff is what Apply did, each list by name.
type Diff struct {
	Changed []string // guards that go by another spec than before, new ones included
	// Restarted are those of them that lost what they had counted: the results of a breaker whose Window or Buckets changed, the
	// balance of a budget that changed between a ratio and another kind. A bulkhead that gets its first weights, or loses all, begins
	// anew beside the calls that the old one still has.
	Restarted []string
	Defaulted []string // guards without a spec of their own
}

// NewRegistry returns a registry without guards. A Default that is invalid is an ErrConfig and an ErrSpec that names every problem.
func NewRegistry(cfg RegistryConfig) (*Registry, error) {
	cfg.Default = cfg.Default.clone()
	r := &Registry{cfg: cfg, guards: make(map[string]*entry)}
	var p problems
	r.cfg.build(&p, "default", "", cfg.Default)
	if err := p.err(); err != nil {
		return nil, fmt.Errorf("guard: %w: %w", ErrConfig, err)
	}
	return r, nil
}

// Guard returns the guard of a name, and always the same one: it goes by the spec of that name, by the default where there is none. Ask once
// and keep it; the lookup takes a lock.
func (r *Registry) Guard(name string) *Guard {
	r.mu.RLock()
	e, ok := r.guards[name]
	r.mu.RUnlock()
	if ok {
		return e.guard
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok = r.guards[name]; !ok { // who has a spec is there
		e = r.add(name, r.cfg.build(new(problems), "", name, r.cfg.Default))
	}
	return e.guard
}

// All returns the guards of now, by name.
func (r *Registry) All() []*Guard {
	entries := r.entries()
	all := make([]*Guard, len(entries))
	for i, e := range entries {
		all[i] = e.guard
	}
	return all
}

// Apply makes specs those of the guards: each guard goes by the spec of its name, or by the default. An error, an ErrSpec that joins a *Problem for
// each thing that is wrong in any of them, means that nothing has changed.
//
// Calls go on. One that has begun ends by the policy that it began with. The state and counts of a breaker stay, the permits and the
// waiters of a bulkhead, and the balance of a budget in proportion to its size; see Diff for what cannot stay. A larger limit lets
// waiters go at once, a smaller one takes effect as calls end.
func (r *Registry) Apply(specs map[string]Spec) (Diff, error) {
	r.applying.Lock()
	defer r.applying.Unlock()
	var p problems
	fresh := make(map[string]*parts, len(specs))
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		if name == "" {
			p.add(under("", name), "a guard without a name")
		}
		fresh[name] = r.cfg.build(&p, under("", name), name, specs[name].clone())
	}
	if err := p.err(); err != nil {
		return Diff{}, err
	}
	diff := Diff{Changed: r.addAll(fresh)}
	for _, e := range r.entries() {
		name := e.guard.name
		next, own := fresh[name]
		if !own {
			diff.Defaulted = append(diff.Defaulted, name)
			next = r.cfg.build(&p, "", name, r.cfg.Default)
		}
		if reflect.DeepEqual(e.parts.spec, next.spec) {
			continue
		}
		diff.Changed = append(diff.Changed, name)
		if r.change(e, next) {
			diff.Restarted = append(diff.Restarted, name)
		}
	}
	slices.Sort(diff.Changed)
	return diff, nil
}

// addAll adds the guards that there are not yet, and returns their names.
func (r *Registry) addAll(fresh map[string]*parts) (added []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, made := range fresh {
		if _, ok := r.guards[name]; !ok {
			r.add(name, made)
			added = append(added, name)
		}
	}
	return added
}

// add adds a guard. mu is held.
func (r *Registry) add(name string, made *parts) *entry {
	e := &entry{guard: &Guard{name: name}, parts: made}
	e.guard.plan.Store(r.plan(made))
	r.guards[name] = e
	return e
}

// change makes a guard of other parts, which take over what they can, and reports whether anything counted is lost.
func (r *Registry) change(e *entry, next *parts) (restarted bool) {
	restarted = next.takeOver(e.parts)
	e.parts = next
	e.guard.plan.Store(r.plan(next))
	return restarted
}

// plan returns the plan of parts.
func (r *Registry) plan(made *parts) *plan {
	cfg := Config{
		Retry: made.policy, Semaphore: made.semaphore, Partitioned: made.partitioned,
		AttemptTimeout: made.spec.AttemptTimeout,
	}
	if made.breaker != nil {
		cfg.Breaker = made.breaker
	}
	if made.partitioned != nil {
		cfg.Partition = r.cfg.Partition
	}
	if made.policy == nil {
		cfg.Classify = r.cfg.Classify
		return newPlan(cfg, nil)
	}
	return newPlan(cfg, made.spec.Retry.RetryOn)
}

// entries returns the guards of now, by name.
func (r *Registry) entries() []*entry {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]*entry, 0, len(r.guards))
	for _, name := range slices.Sorted(maps.Keys(r.guards)) {
		all = append(all, r.guards[name])
	}
	return all
}
