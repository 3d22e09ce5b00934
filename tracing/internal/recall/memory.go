package recall

import (
	"sync"
	"weak"

	"github.com/tenon-go/tenon/tracing"
)

const (
	large = 4 << 10 // bytes below which looking again costs less than the product could grow to
	most  = 1024    // answers that are remembered
)

// A Memory remembers the answers to one question about resources, and to one about scopes. It holds neither their bytes nor those of their
// requests. The zero Memory is empty; it is safe for concurrent use.
type Memory struct{ resources, scopes answers }

// Resource returns the answer about the resource of an origin. ask looks at nothing else, and may be called by several at once.
func (m *Memory) Resource(o *tracing.Origin, ask func() bool) bool {
	if len(o.Resource) < large {
		return ask()
	}
	return m.resources.of(o.Base(), ask)
}

// Scope returns the answer about the scope of an origin, likewise.
func (m *Memory) Scope(o *tracing.Origin, ask func() bool) bool {
	if len(o.Scope) < large {
		return ask()
	}
	return m.scopes.of(o, ask)
}

// answers to one question.
type answers struct {
	mu    sync.Mutex
	known map[weak.Pointer[tracing.Origin]]bool
}

func (a *answers) of(o *tracing.Origin, ask func() bool) bool {
	key := weak.Make(o)
	a.mu.Lock()
	answer, known := a.known[key]
	a.mu.Unlock()
	if known {
		return answer
	}
	answer = ask()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known == nil || len(a.known) >= most {
		a.known = map[weak.Pointer[tracing.Origin]]bool{}
	}
	a.known[key] = answer
	return answer
}
