package storm

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tenon-go/tenon/resilience/retry"
)

// Strategy is how a client that lost backs off. The zero Strategy is Full.
type Strategy uint8

// The strategies. All but None grow from Base, doubled at the first retry (the model counts it as retry one of base x 2^n), to Cap.
const (
	// Full is exponential with full jitter.
	Full Strategy = iota
	// Equal is exponential with equal jitter.
	Equal
	// Decorrelated draws from Base to three times the delay before.
	Decorrelated
	// Exponential has no jitter.
	Exponential
	// None comes back at once.
	None
)

// String returns full, equal, decorrelated, exponential or none.
func (s Strategy) String() string {
	switch s {
	case Full:
		return "full"
	case Equal:
		return "equal"
	case Decorrelated:
		return "decorrelated"
	case Exponential:
		return "exponential"
	case None:
		return "none"
	default:
		return fmt.Sprintf("Strategy(%d)", uint8(s))
	}
}

// backoff returns the strategy as a backoff of package retry. An unknown strategy is None.
func (s Strategy) backoff(base, limit time.Duration) retry.Backoff {
	switch s {
	case Full:
		return retry.Exponential{Base: 2 * base, Cap: limit, Jitter: retry.Full}
	case Equal:
		return retry.Exponential{Base: 2 * base, Cap: limit, Jitter: retry.Equal}
	case Decorrelated:
		return retry.Exponential{Base: base, Cap: limit, Jitter: retry.Decorrelated}
	case Exponential:
		return retry.Exponential{Base: 2 * base, Cap: limit, Jitter: retry.None}
	default:
		return retry.Fixed{}
	}
}

// ContendConfig are the inputs of Contend. A field that is not positive stands for its default.
type ContendConfig struct {
	Clients int // that want to write the row once; 0 = 100
	Runs    int // whose means are taken; 0 = 100
	Backoff Strategy
	Base    time.Duration // 0 = 5 ms
	Cap     time.Duration // of the delays; 0 = 2 s
	Seed    uint64        // of all draws
}

// Contention is what clients did until each had written once: means over the runs.
type Contention struct {
	Backoff Strategy
	Calls   float64       // writes that reached the server
	Time    time.Duration // until the last client knew that it had succeeded
}

// The network: the mean of one way and its standard deviation.
const (
	networkMean   = 10 * time.Millisecond
	networkSpread = 2 * time.Millisecond
)

// Contend lets the clients contend for the row, once in each run.
func Contend(cfg ContendConfig) Contention {
	cfg = cfg.filled()
	var calls int
	var total time.Duration
	for run := range cfg.Runs {
		r := row{
			backoff: cfg.Backoff.backoff(cfg.Base, cfg.Cap),
			rand:    rand.New(rand.NewPCG(cfg.Seed, uint64(run))), //nolint:gosec // a simulation; run is not negative
			clients: make([]client, cfg.Clients),
		}
		r.run()
		calls += r.calls
		total += r.last
	}
	return Contention{Backoff: cfg.Backoff, Calls: float64(calls) / float64(cfg.Runs), Time: total / time.Duration(cfg.Runs)}
}

// filled returns the config with its defaults.
func (c ContendConfig) filled() ContendConfig {
	c.Clients, c.Runs = positive(c.Clients, 100), positive(c.Runs, 100)
	c.Base, c.Cap = positive(c.Base, 5*time.Millisecond), positive(c.Cap, 2*time.Second)
	return c
}

// positive returns n, or the default for one that is not positive.
func positive[N int | time.Duration](n, value N) N {
	if n <= 0 {
		return value
	}
	return n
}

// row is one run: the row, its server, and the clients around it.
type row struct {
	backoff retry.Backoff
	rand    *rand.Rand
	clients []client
	events  queue

	version int
	calls   int
	last    time.Duration // when a client learnt of its success last
}

// client is what a client remembers.
type client struct {
	version int // that its write is based on
	retries int
	prev    time.Duration
}

// run goes on until every client has written.
func (r *row) run() {
	for i := range r.clients {
		r.events.push(event{at: r.way(), client: i})
	}
	for len(r.events) > 0 {
		e := r.events.pop()
		if e.write {
			r.write(e)
			continue
		}
		r.clients[e.client].version = r.version
		// The answer travels to the client, and its write back.
		r.events.push(event{at: e.at + r.way() + r.way(), client: e.client, write: true})
	}
}

// write is the arrival of a write at the server.
func (r *row) write(e event) {
	r.calls++
	c := &r.clients[e.client]
	learns := e.at + r.way()
	if c.version == r.version {
		r.version++
		r.last = max(r.last, learns)
		return
	}
	c.retries++
	c.prev = r.backoff.Delay(retry.Step{Retry: c.retries, Prev: c.prev, U: r.rand.Float64()})
	r.events.push(event{at: learns + c.prev + r.way(), client: e.client})
}

// way draws the time of one way over the network.
func (r *row) way() time.Duration {
	return (networkMean + time.Duration(r.rand.NormFloat64()*float64(networkSpread))).Abs()
}

// event is a message of a client that arrives at the server: a write, or the question for the version.
type event struct {
	at     time.Duration
	client int
	write  bool
}

// before orders events; two at the same time by client, which has one under way.
func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.client < o.client }

// queue is a binary heap of events, the earliest first. (container/heap would box each event.)
type queue []event

func (q *queue) push(e event) {
	h := append(*q, e)
	i := len(h) - 1
	for up := (i - 1) / 2; i > 0 && e.before(h[up]); up = (i - 1) / 2 {
		h[i] = h[up]
		i = up
	}
	h[i] = e
	*q = h
}

func (q *queue) pop() event {
	h := *q
	first, e := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	i := 0
	for {
		down := 2*i + 1
		if down+1 < len(h) && h[down+1].before(h[down]) {
			down++
		}
		if down >= len(h) || !h[down].before(e) {
			break
		}
		h[i] = h[down]
		i = down
	}
	if len(h) > 0 {
		h[i] = e
	}
	*q = h
	return first
}
