package relay

import "sync"

// Relay is a queue of values that wait to be handed on. The zero Relay is empty and ready; it is safe for concurrent use.
type Relay[T any] struct {
	mu      sync.Mutex
	queue   []T
	running bool // somebody is handing on: values that are added meanwhile are theirs
}

// Add appends v to what waits. It calls nothing, so that it may be used under a lock, which then decides the order.
func (r *Relay[T]) Add(v T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, v)
}

// Run hands on what waits, and what is added meanwhile. It returns at once while another Run is at it, which may be one further up the
// stack: fn may add values and call Run. If fn panics, the values behind wait for the next Run.
func (r *Relay[T]) Run(fn func(T)) {
	for {
		v, ok := r.take()
		if !ok {
			return
		}
		r.hand(v, fn)
	}
}

// take removes the oldest value, unless there is none or another is being handed on.
func (r *Relay[T]) take() (v T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running || len(r.queue) == 0 {
		return v, false
	}
	r.running = true
	v, r.queue = r.queue[0], r.queue[1:]
	if len(r.queue) == 0 {
		r.queue = nil // or the array would keep alive what was handed on
	}
	return v, true
}

// hand calls fn with v.
func (r *Relay[T]) hand(v T, fn func(T)) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.running = false
	}()
	fn(v)
}
